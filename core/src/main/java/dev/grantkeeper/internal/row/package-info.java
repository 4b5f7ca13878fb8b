/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The rows of the store: their parts, their text and their seal. Text comes in from a database that others may write to
 * and that older and newer versions of the library share. It is opened, checked and parsed here; a row that cannot be
 * read is an {@link dev.grantkeeper.internal.row.UnreadableRowException}, and never an absent grant. Code belongs here
 * if it changes what a row holds or how it is written, and not if it decides when. This package may use {@code token}
 * and Jackson, calls no store, and is the only one that knows the format.
 */
@NullMarked
package dev.grantkeeper.internal.row;

import org.jspecify.annotations.NullMarked;
