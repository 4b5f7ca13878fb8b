/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.provider;

/**
 * The method of client authentication (RFC 6749 section 2.3, OpenID Connect Core section 9). Exactly one is used, never
 * two. Later versions may add constants.
 */
public enum ClientAuthentication {
    /**
     * Id and secret in the {@code Authorization} header, each form-encoded first (RFC 6749 section 2.3.1; OpenID
     * Connect calls it {@code client_secret_basic}).
     */
    SECRET_BASIC,

    /** Id and secret in the body ({@code client_secret_post}). */
    SECRET_POST,

    /**
     * A JWT of one minute that is made with the secret (HS256), which itself stays here ({@code client_secret_jwt}).
     * The secret needs at least 32 bytes (RFC 7518 section 3.2).
     */
    SECRET_JWT,

    /**
     * A JWT of one minute, signed with the application's own {@link SigningKey} (RFC 7523 section 2.2,
     * {@code private_key_jwt}): the server knows the public key only.
     */
    PRIVATE_KEY_JWT,

    /**
     * A JWT like that of {@link #PRIVATE_KEY_JWT} in place of the secret ({@code client_secret}). Apple requires it.
     */
    SIGNED_SECRET,

    /**
     * A certificate presented in the TLS handshake (RFC 8705 section 2): {@code tls_client_auth}, or, for a self-signed
     * one, {@code self_signed_tls_client_auth}. Key and certificate are in the socket factory of the application's
     * {@code OkHttpClient}.
     */
    MUTUAL_TLS,

    /** No secret: the id in the body, and nothing else. For programs that cannot keep a secret. */
    NONE
}
