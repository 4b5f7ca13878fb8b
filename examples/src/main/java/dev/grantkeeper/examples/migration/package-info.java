/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The way from another library to Grantkeeper without a new login for anybody: the grants of its tables become grants
 * here. Each migration is one class to be read and copied, and can be repeated. Code belongs here if it reads what
 * another library has written. The other library is not needed for that, and not touched: its tables are only read.
 * This package uses JDBC and Grantkeeper's public API.
 */
@NullMarked
package dev.grantkeeper.examples.migration;

import org.jspecify.annotations.NullMarked;
