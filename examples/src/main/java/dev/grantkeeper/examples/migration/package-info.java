/* SPDX-License-Identifier: Apache-2.0 */
/** Taking over the grants of an application that used something else before. */
@NullMarked
package dev.grantkeeper.examples.migration;

import org.jspecify.annotations.NullMarked;
