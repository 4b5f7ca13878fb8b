/* SPDX-License-Identifier: Apache-2.0 */
/** A {@link dev.grantkeeper.token.TokenStore} over Redis, for any number of nodes. */
@NullMarked
package dev.grantkeeper.examples.redis;

import org.jspecify.annotations.NullMarked;
