/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

/**
 * What refreshing takes, put together once for all grants that are refreshed alike. The parts are thread-safe.
 *
 * @param rows the store
 * @param memory the rows that were seen lately
 * @param renewal where new tokens come from
 * @param timing how long things may take
 * @param clocks by which it is measured
 * @param gate the way to the token endpoint
 * @param workers the threads
 * @param events where to report what happens
 */
record Parts(
        Rows rows,
        Memory memory,
        Renewal renewal,
        Timing timing,
        Clocks clocks,
        EndpointGate gate,
        Workers workers,
        RefreshEvents events) {}
