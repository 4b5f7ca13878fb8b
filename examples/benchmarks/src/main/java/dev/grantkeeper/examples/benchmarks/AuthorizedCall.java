/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.benchmarks;

import java.io.IOException;

/** Sends an authorized call. Thread-safe. */
@FunctionalInterface
interface AuthorizedCall {
    /**
     * Sends the call, reads its response and closes it.
     *
     * @return the status
     */
    int send() throws IOException;
}
