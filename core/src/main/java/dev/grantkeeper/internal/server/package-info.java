/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The authorization server of one registration: where it is, what it offers, and what renews a grant there; and which
 * servers an API names. Its metadata is fetched by the first request that needs them
 * ({@link dev.grantkeeper.internal.server.AuthorizationServer}); each kind of grant has a
 * {@link dev.grantkeeper.internal.refresh.Renewal} that knows which token request to make. When to make it is decided
 * in {@code refresh}. This package may use {@code refresh}, {@code row}, {@code openid} and {@code wire}, and no flow
 * and nothing of the facade. What it reports is an {@code Answer} or a {@code RequestFailedException}.
 */
@NullMarked
package dev.grantkeeper.internal.server;

import org.jspecify.annotations.NullMarked;
