/* SPDX-License-Identifier: Apache-2.0 */
/**
 * An OAuth 2.0 client to embed: it sends users through a login, keeps what they granted in a
 * {@link dev.grantkeeper.token.TokenStore}, and wraps an {@link okhttp3.OkHttpClient} so that tokens are attached,
 * refreshed and stored again without the application noticing.
 *
 * <p>Begin with {@link dev.grantkeeper.Grantkeeper}. The packages depend on each other in one direction: this one on
 * {@code internal}, {@code internal} on {@code provider} and {@code token}.
 */
@NullMarked
package dev.grantkeeper;

import org.jspecify.annotations.NullMarked;
