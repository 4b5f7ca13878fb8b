/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A terminal program that signs in at any server of the Model Context Protocol (MCP) by its URL, and calls its tools.
 * Begin with {@link dev.grantkeeper.examples.mcp.Session}: everything that it does with Grantkeeper is there.
 * {@link dev.grantkeeper.examples.mcp.ToolServer} is the protocol, {@link dev.grantkeeper.examples.mcp.Demo} ten
 * processes on one expired token. Code belongs here if it needs a tool server to make sense. This package uses
 * Grantkeeper's public API, the file store and the terminal's directories and tables of the packages beside it, and the
 * test kit for the demonstration.
 */
@NullMarked
package dev.grantkeeper.examples.mcp;

import org.jspecify.annotations.NullMarked;
