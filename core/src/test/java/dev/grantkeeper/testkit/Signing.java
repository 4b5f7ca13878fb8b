/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.testkit;

/** How a {@link FakeAuthorizationServer} signs ID tokens: well, or in a way that a client must notice. */
public enum Signing {
    /** RS256 with the key that the JWKS shows. */
    RS256,
    /** RS256 with another key under the key id of the right one. */
    WRONG_KEY,
    /** RS256 with a key that the JWKS does not show, under its own key id. */
    UNKNOWN_KEY,
    /** {@code "alg": "none"} and no signature. */
    NONE,
    /** The claims were changed after they were signed. */
    TAMPERED
}
