/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import java.time.Duration;

/**
 * How long things may take. Everything follows from the length of one token call.
 *
 * <p>An attempt has to hold, in this order: its mark in the store, a token call, the wait until an unanswered request
 * can no longer arrive, law 15's replay, that wait again, and the write of the outcome. With the default call of 10 s:
 *
 * <pre>
 * | mark | call 10 s | travel 2 s | replay 10 s | travel 2 s | outcome |
 * |&lt;---------------------- T = 30 s, 6 s of it for the store -------------------&gt;|
 * </pre>
 *
 * @param call the deadline of one token call, as a whole
 * @param storeCacheTime how long a row that was read is used without asking the store again
 */
public record Timing(Duration call, Duration storeCacheTime) {
    /** How long an attempt stands before others may take it for lost: T. */
    Duration attempt() {
        return call.multipliedBy(3);
    }

    /** How long a request may still be on its way after its sender has given it up. */
    Duration travel() {
        return call.dividedBy(5);
    }

    /** What has to be left of T for a token request to begin. */
    Duration neededToSend() {
        return call.plus(travel());
    }

    /** How often an observer looks whether somebody else's attempt has ended. */
    Duration look() {
        Duration tenth = call.dividedBy(100);
        return tenth.compareTo(Duration.ofMillis(20)) < 0 ? Duration.ofMillis(20) : tenth;
    }
}
