/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A command-line client for Spotify: a login through the browser once, and from then on files that only their owner can
 * read.
 */
@NullMarked
package dev.grantkeeper.examples.terminal;

import org.jspecify.annotations.NullMarked;
