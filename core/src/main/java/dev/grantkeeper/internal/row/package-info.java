/* SPDX-License-Identifier: Apache-2.0 */
/** What a row of the store means: its parts, its text, its seal. */
@NullMarked
package dev.grantkeeper.internal.row;

import org.jspecify.annotations.NullMarked;
