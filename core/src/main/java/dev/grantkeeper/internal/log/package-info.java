/* SPDX-License-Identifier: Apache-2.0 */
/** The library's log. Every package may use it, and it knows none of them. */
@NullMarked
package dev.grantkeeper.internal.log;

import org.jspecify.annotations.NullMarked;
