/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A {@link dev.grantkeeper.token.TokenStore} over a directory of files, for command-line tools and other programs of
 * one machine: one class to be read and copied. It is for local disks, and for any number of processes. Code belongs
 * here if a copy of that class needs it. {@code TokenStoreContract} tests it, and so do processes that are killed. This
 * package depends on the JDK and on {@code dev.grantkeeper.token} only.
 */
@NullMarked
package dev.grantkeeper.examples.files;

import org.jspecify.annotations.NullMarked;
