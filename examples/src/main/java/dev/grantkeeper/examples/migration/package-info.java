/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The way from another library to Grantkeeper without a new login for anybody: what it has stored becomes grants here.
 * Each migration is one class to be read and copied, needs no other, and can be repeated. Code belongs here if it reads
 * what another library has written. The other library is not needed to compile it, and its store is only read. This
 * package uses JDBC, Jackson and Grantkeeper's public API.
 */
@NullMarked
package dev.grantkeeper.examples.migration;

import org.jspecify.annotations.NullMarked;
