/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.benchmarks;

/** The time to measure: {@code QUICK} shows whether everything runs, and its times are worth little. */
enum Mode {
    FULL(3, 4, 4, 400, 15, new int[] {1_000, 10_000, 100_000, 1_000_000}, 40, 100_000),
    QUICK(1, 3, 2, 400, 3, new int[] {1_000, 10_000, 100_000}, 6, 10_000);

    /** The runs of each benchmark, in a new process each time. */
    final int rounds;

    final int warmups;
    final int measurements;

    /** The time of each, in milliseconds. */
    final int millis;

    /** The number of processes for each way. */
    final int starts;

    /** The numbers of users. */
    final int[] users;

    /** The time for which calls of them are measured. */
    final int userSeconds;

    /** The number of grants whose memory is measured. */
    final int grants;

    Mode(int rounds, int warmups, int measurements, int millis, int starts, int[] users, int userSeconds, int grants) {
        this.rounds = rounds;
        this.warmups = warmups;
        this.measurements = measurements;
        this.millis = millis;
        this.starts = starts;
        this.users = users;
        this.userSeconds = userSeconds;
        this.grants = grants;
    }
}
