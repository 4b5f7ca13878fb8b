/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.testkit;

import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;

/** The faults of one endpoint. Thread-safe. */
final class Script {
    final Queue<Fault> next = new ConcurrentLinkedQueue<>();
    volatile Fault always = Fault.none();

    Fault next() {
        Fault fault = next.poll();
        return fault != null ? fault : always;
    }

    void clear() {
        next.clear();
        always = Fault.none();
    }
}
