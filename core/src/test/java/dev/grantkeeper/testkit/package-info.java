/* SPDX-License-Identifier: Apache-2.0 */
/**
 * For everybody who writes a {@link dev.grantkeeper.token.TokenStore} or tests an application that uses Grantkeeper:
 * {@link dev.grantkeeper.testkit.TokenStoreContract} tests a store,
 * {@link dev.grantkeeper.testkit.FakeAuthorizationServer} is a provider that behaves, or misbehaves, as it is told.
 *
 * <p>Published as the artifact {@code grantkeeper-core} with classifier {@code tests}. Maven passes on nothing that is
 * test-scoped, so these classes need the JDK, Grantkeeper itself and JUnit's {@code junit-jupiter-api}, and no more.
 */
@NullMarked
package dev.grantkeeper.testkit;

import org.jspecify.annotations.NullMarked;
