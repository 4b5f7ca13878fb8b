/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A {@link dev.grantkeeper.token.TokenStore} that lives and dies with one process. It is for tests, and for tools that
 * may ask for a login at every start. Nothing belongs here that outlives the process, evicts a row or has to be
 * configured. {@code TokenStoreContract} tests it, as it tests every other store. This package depends on the JDK and
 * on {@code dev.grantkeeper.token} only.
 */
@NullMarked
package dev.grantkeeper.store.memory;

import org.jspecify.annotations.NullMarked;
