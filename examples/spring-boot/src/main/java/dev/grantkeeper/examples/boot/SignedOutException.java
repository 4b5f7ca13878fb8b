/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.boot;

/** Nobody is signed in. The login at this registration is one way to do that. */
final class SignedOutException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    final String registration;

    SignedOutException(String registration) {
        super("Nobody is signed in");
        this.registration = registration;
    }
}
