/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.provider;

/** How the application proves to the token endpoint who it is (RFC 6749 section 2.3). Exactly one way is used, never two. */
public enum ClientAuthentication {
    /**
     * Id and secret in the {@code Authorization} header, each form-encoded first (RFC 6749 section 2.3.1; OpenID Connect
     * calls it {@code client_secret_basic}).
     */
    SECRET_BASIC,

    /** Id and secret in the body ({@code client_secret_post}). */
    SECRET_POST,

    /** No secret: the id in the body, and nothing else. For programs that cannot keep a secret. */
    NONE
}
