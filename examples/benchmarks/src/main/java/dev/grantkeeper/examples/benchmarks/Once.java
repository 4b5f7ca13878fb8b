/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.benchmarks;

/** A process that sends one call in one way, and ends. */
final class Once {
    private Once() {}

    public static void main(String[] args) throws Exception {
        int status = Way.valueOf(args[0]).start(Transport.INTERCEPTOR).send();
        if (args.length > 1) {
            // prepares the database, which has to be closed
            System.exit(status == 200 ? 0 : 1);
        }
        // Threads of pools may live on, and how long they take to end is not measured.
        Runtime.getRuntime().halt(status == 200 ? 0 : 1);
    }
}
