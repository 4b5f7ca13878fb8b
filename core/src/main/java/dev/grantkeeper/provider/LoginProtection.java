/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.provider;

/**
 * What keeps others from reading or changing a login on its way through the browser, beyond {@code state} and PKCE,
 * which are always there. The FAPI 2.0 Security Profile demands {@link #PUSHED_REQUEST}; FAPI 2.0 Message Signing adds
 * the two others.
 */
public enum LoginProtection {
    /**
     * The request goes to the server directly, and the browser carries only a reference to it (PAR, RFC 9126).
     * Beginning a login is then a call to the server.
     */
    PUSHED_REQUEST,

    /** The request is signed with the application's {@link SigningKey} (JAR, RFC 9101), also when it is pushed. */
    SIGNED_REQUEST,

    /** The server signs what the browser brings back (JARM), and nothing in it counts before that was verified. */
    SIGNED_RESPONSE
}
