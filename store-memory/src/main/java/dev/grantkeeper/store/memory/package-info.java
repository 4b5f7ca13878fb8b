/* SPDX-License-Identifier: Apache-2.0 */
/** A {@link dev.grantkeeper.token.TokenStore} that lives and dies with one process. */
@NullMarked
package dev.grantkeeper.store.memory;

import org.jspecify.annotations.NullMarked;
