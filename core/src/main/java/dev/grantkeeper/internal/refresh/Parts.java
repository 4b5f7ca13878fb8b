/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

/**
 * The parts that a refresh needs, shared by all grants that are refreshed alike. The parts are thread-safe.
 *
 * @param rows the store
 * @param memory the rows that were seen lately
 * @param renewal the source of new tokens
 * @param timing the time limits
 * @param clocks the clocks that measure them
 * @param gates the ways to the token endpoints
 * @param workers the threads
 * @param events the receiver of reports; what it throws is dropped
 */
record Parts(
        Rows rows,
        Memory memory,
        Renewal renewal,
        Timing timing,
        Clocks clocks,
        Gates gates,
        Workers workers,
        RefreshEvents events) {
    Parts {
        events = SafeEvents.of(events);
    }
}
