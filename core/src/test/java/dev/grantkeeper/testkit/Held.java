/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.testkit;

import java.time.Duration;

/**
 * Requests that wait inside a {@link FakeAuthorizationServer} until a test lets them go.
 *
 * <pre>{@code
 * Held held = server.hold();
 * // … start sixteen calls …
 * held.awaitArrived(1);
 * held.release();
 * }</pre>
 *
 * <p>Thread-safe. Once released it stays open: later requests pass.
 */
public final class Held {
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    private int arrived; // guarded by this
    private boolean released; // guarded by this

    /** Makes a gate that is closed, for {@link Fault#hold} and {@link Fault#holdAnswer}. */
    public Held() {}

    /** Lets all waiting requests, and all later ones, pass. */
    public synchronized void release() {
        released = true;
        notifyAll();
    }

    /**
     * The number of requests that have arrived so far.
     *
     * @return their number, those already released included
     */
    public synchronized int arrived() {
        return arrived;
    }

    /**
     * Waits until so many requests have arrived.
     *
     * @param requests their number
     * @throws AssertionError if they have not arrived within 20 seconds
     * @throws InterruptedException if the waiting test is interrupted
     */
    public synchronized void awaitArrived(int requests) throws InterruptedException {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (arrived < requests) {
            long left = (deadline - System.nanoTime()) / 1_000_000;
            if (left <= 0) {
                throw new AssertionError("Only " + arrived + " of " + requests + " requests arrived within "
                        + PATIENCE.toSeconds() + " s");
            }
            wait(left);
        }
    }

    synchronized void pass() throws InterruptedException {
        arrived++;
        notifyAll();
        while (!released) {
            wait();
        }
    }

    @Override
    public synchronized String toString() {
        return "Held[arrived=" + arrived + ", released=" + released + "]";
    }
}
