/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.provider;

/**
 * Protections of the authorization request and response on their way through the browser, beyond {@code state} and
 * PKCE, which are always used. The FAPI 2.0 Security Profile requires {@link #PUSHED_REQUEST}; FAPI 2.0 Message Signing
 * adds {@link #SIGNED_REQUEST} and {@link #SIGNED_RESPONSE}. FAPI 1.0 Advanced requires a signed request, and as
 * response either that or a {@link #DETACHED_SIGNATURE}. Later versions may add constants.
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
    SIGNED_RESPONSE,

    /**
     * The signed request is also encrypted to the server (RFC 9101 section 6.1), with a key that its {@code jwks_uri}
     * publishes for encryption. Includes {@link #SIGNED_REQUEST}. Starting a login may then fetch those keys.
     * Backchannel authentication requests are signed only, since CIBA has no encrypted ones.
     */
    ENCRYPTED_REQUEST,

    /**
     * The signed response has to be encrypted to one of the application's {@link DecryptionKey decryption keys} (JARM
     * section 2.2). Includes {@link #SIGNED_RESPONSE}, which accepts encrypted responses, too, but does not demand
     * them.
     */
    ENCRYPTED_RESPONSE,

    /**
     * The response brings an ID token beside the code, as its signature (FAPI 1.0 Advanced, {@code response_type=code
     * id_token}; OpenID Connect Core section 3.3). It has to hold the hashes of code and {@code state}; before that is
     * verified, the code is not redeemed. The browser posts such a response, as with {@code formPost()}, and logins
     * request the scope {@code openid}. An alternative to {@link #SIGNED_RESPONSE}.
     */
    DETACHED_SIGNATURE
}
