/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.testkit;

/**
 * The way in which a {@link FakeAuthorizationServer} signs ID tokens: properly, or so that a client must notice. Later
 * versions may add constants.
 */
public enum Signing {
    /** RS256 with the key in the JWKS. */
    RS256,
    /** RS256 with another key under the key id of the right one. */
    WRONG_KEY,
    /** RS256 with a key that is not in the JWKS, under its own key id. */
    UNKNOWN_KEY,
    /** {@code "alg": "none"} and no signature. */
    NONE,
    /** The claims were changed after they were signed. */
    TAMPERED
}
