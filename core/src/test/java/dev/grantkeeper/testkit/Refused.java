/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.testkit;

/** A request that the server rejects, with the error code and the description of its answer. */
final class Refused extends Exception {
    private static final long serialVersionUID = 1;

    private final String error;

    Refused(String error, String description) {
        super(description, null, false, false);
        this.error = error;
    }

    String error() {
        return error;
    }

    String description() {
        return String.valueOf(getMessage());
    }
}
