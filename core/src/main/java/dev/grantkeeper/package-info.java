/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The public API: an OAuth 2.0 client to embed, which sends users through a login, keeps their grants in a
 * {@link dev.grantkeeper.token.TokenStore}, and wraps an {@link okhttp3.OkHttpClient} so that tokens are attached,
 * refreshed and stored without the application noticing. Start with {@link dev.grantkeeper.Grantkeeper}.
 *
 * <p>Here lives what applications name, what makes their exceptions, and the wiring of one registration
 * ({@code Machinery}). The work is done in {@code internal}, one package for each mechanism: {@code refresh} (when to
 * refresh, and once), {@code login} (the flows), {@code server} (where a server is and what renews a grant there),
 * {@code call} (what APIs say), {@code wire} (what is sent to the authorization server and what it answers),
 * {@code openid}, {@code row}, {@code loopback}, and below them all {@code provider} (the facts of one). Each says in
 * its own {@code package-info} what may come in. This package may use all of them and {@code provider} and
 * {@code token}; none of them knows this one. A new public type here is a decision that {@code public-api.txt} records.
 */
@NullMarked
package dev.grantkeeper;

import org.jspecify.annotations.NullMarked;
