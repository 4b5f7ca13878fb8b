/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A command-line client for Spotify: one login through the browser, and from then on files that only their owner can
 * read. Begin with {@link dev.grantkeeper.examples.terminal.Session}: everything that it does with Grantkeeper is
 * there. The other classes are what every such program has, its commands, its output and its directories. Code belongs
 * here if the user of a terminal would miss it. This package uses Grantkeeper's public API, the file store of the
 * package beside it, and the test kit for the demonstration.
 */
@NullMarked
package dev.grantkeeper.examples.terminal;

import org.jspecify.annotations.NullMarked;
