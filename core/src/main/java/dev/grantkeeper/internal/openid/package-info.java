/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The user's identity: ID tokens (OpenID Connect Core), logout tokens (Back-Channel Logout), signed authorization
 * responses (JARM) and the keys that verify them, and the profile endpoints of providers without OpenID Connect.
 * Nothing leaves this package as an identity, a logout or a callback before it was verified. Code belongs here if it
 * reads claims, or fetches what they need. It stores nothing and knows no grant. This package depends on
 * {@code internal.wire} for HTTP, on {@code provider} and on {@code token}.
 */
@NullMarked
package dev.grantkeeper.internal.openid;

import org.jspecify.annotations.NullMarked;
