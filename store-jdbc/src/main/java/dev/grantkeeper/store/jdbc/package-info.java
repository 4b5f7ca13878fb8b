/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A {@link dev.grantkeeper.token.TokenStore} in a relational database, from one machine to many, and the SQL files of
 * its table. {@link dev.grantkeeper.store.jdbc.JdbcTokenStore} alone is public; the other classes run its statements,
 * limit their time, create the table and list its keys. A database that behaves otherwise is named where its behaviour
 * matters, and every statement has to work on all of them. Databases are told apart by product name, SQLState and
 * vendor code, never by the classes of a driver. This package depends on JDBC, SLF4J and {@code dev.grantkeeper.token}
 * only.
 */
@NullMarked
package dev.grantkeeper.store.jdbc;

import org.jspecify.annotations.NullMarked;
