/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Tokens and where they rest: what a {@link dev.grantkeeper.token.TokenStore} has to do, what it is given, and how it
 * is sealed. Signatures here name JDK types only, so whoever writes a store needs nothing else.
 */
@NullMarked
package dev.grantkeeper.token;

import org.jspecify.annotations.NullMarked;
