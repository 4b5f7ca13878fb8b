/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Tokens and their storage: the {@link dev.grantkeeper.token.TokenSet} of a grant and the
 * {@link dev.grantkeeper.token.Identity} of its user, and the rows of a {@link dev.grantkeeper.token.TokenStore} with
 * the keys that seal them. Every type is an immutable value, except for the one interface that an application may have
 * to implement. A new type belongs here only if a store or the code that obtains tokens has to name it. Signatures name
 * JDK types only, so that a store needs no other dependency. This package depends on no other of the library; every
 * other may depend on this one.
 */
@NullMarked
package dev.grantkeeper.token;

import org.jspecify.annotations.NullMarked;
