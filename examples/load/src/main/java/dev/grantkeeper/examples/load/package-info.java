/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The cost of load and stampedes, counted where it matters: at the authorization server and at the database. Two
 * programs, {@link dev.grantkeeper.examples.load.LoadApp} and {@link dev.grantkeeper.examples.load.StampedeApp}, start
 * an authorization server with an API, a PostgreSQL and several nodes, each in a process of its own, and write their
 * results into {@code examples/LOAD.md}. Code belongs here if it makes load, counts it, or writes the result down.
 */
@NullMarked
package dev.grantkeeper.examples.load;

import org.jspecify.annotations.NullMarked;
