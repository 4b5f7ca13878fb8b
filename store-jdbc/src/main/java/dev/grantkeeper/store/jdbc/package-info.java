/* SPDX-License-Identifier: Apache-2.0 */
/** A {@link dev.grantkeeper.token.TokenStore} in a relational database, from one machine to many. */
@NullMarked
package dev.grantkeeper.store.jdbc;

import org.jspecify.annotations.NullMarked;
