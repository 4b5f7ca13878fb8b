/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.provider;

/**
 * Protections of the authorization request and response on their way through the browser, beyond {@code state} and
 * PKCE, which are always used. The FAPI 2.0 Security Profile requires {@link #PUSHED_REQUEST}; FAPI 2.0 Message Signing
 * adds the two others. Later versions may add constants.
 */
public enum LoginProtection {
    /**
     * The request is sent to the server directly, and the browser carries only a reference to it (PAR, RFC 9126).
     * Starting a login then calls the server.
     */
    PUSHED_REQUEST,

    /**
     * The request is signed with the application's {@link SigningKey} (JAR, RFC 9101), also when it is pushed, and so
     * are backchannel authentication requests (OpenID Connect CIBA Core 1.0 section 7.1.1).
     */
    SIGNED_REQUEST,

    /**
     * The server signs the response that the browser brings (JARM), and nothing in it counts before it was verified.
     */
    SIGNED_RESPONSE
}
