/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * Notices that the store is back: that a call succeeded, of whatever kind and for whichever key, after one that failed.
 * Thread-safe.
 */
final class StoreHealth {
    private final List<Runnable> whenBack = new CopyOnWriteArrayList<>();
    private volatile boolean failing;

    /** Adds a short task to run as soon as the store is back. */
    void whenBack(Runnable task) {
        whenBack.add(task);
    }

    void failed() {
        failing = true;
    }

    void succeeded() {
        if (failing) {
            failing = false;
            whenBack.forEach(Runnable::run);
        }
    }
}
