/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The test kit for authors of a {@link dev.grantkeeper.token.TokenStore} and for tests of applications that use
 * Grantkeeper: {@link dev.grantkeeper.testkit.TokenStoreContract} tests a store,
 * {@link dev.grantkeeper.testkit.FakeAuthorizationServer} is a provider that behaves, or misbehaves, as a test wants,
 * and {@link dev.grantkeeper.testkit.FakeClock} lets its tokens expire without a wait.
 *
 * <p>It is published as the artifact {@code grantkeeper-core} with classifier {@code tests}. A class belongs here if
 * tests outside this project need it, or if it tests one that they need. Maven passes on nothing that is test-scoped,
 * so these classes depend on the JDK and {@code grantkeeper-core}, {@code TokenStoreContract} also on JUnit's
 * {@code junit-jupiter-api}, and on nothing else. Tests of the library itself are in the packages that they test.
 */
@NullMarked
package dev.grantkeeper.testkit;

import org.jspecify.annotations.NullMarked;
