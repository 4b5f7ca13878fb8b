/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A {@link dev.grantkeeper.token.TokenStore} over a directory of files, for command-line tools and other programs of
 * one machine.
 */
@NullMarked
package dev.grantkeeper.examples.files;

import org.jspecify.annotations.NullMarked;
