/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A {@link dev.grantkeeper.token.TokenStore} over Redis, for any number of nodes: one class to be read and copied. It
 * names the settings without which a Redis signs users out. Code belongs here if a copy of that class needs it.
 * {@code TokenStoreContract} tests it against a real server. This package depends on Jedis and on
 * {@code dev.grantkeeper.token} only.
 */
@NullMarked
package dev.grantkeeper.examples.redis;

import org.jspecify.annotations.NullMarked;
