/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.benchmarks;

import java.io.IOException;

/** One way to send an authorized call. Thread-safe. */
@FunctionalInterface
interface Way {
    /**
     * Sends the call, reads its response and closes it.
     *
     * @return the status
     */
    int call() throws IOException;
}
