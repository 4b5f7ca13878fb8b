/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.spotify;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;

/**
 * A port that a program is about to listen on. Looked at before anything starts, so that the user reads one sentence.
 */
public final class Port {
    /** The exit code of a program whose port is taken. Maven is told that no stack trace helps then. */
    public static final int TAKEN = 75;

    private static final int HIGHEST = 65_535;

    /** A port is taken. The message names it, and the option that chooses another one. */
    public static final class TakenException extends IOException {
        private static final long serialVersionUID = 1;

        private TakenException(String message, IOException cause) {
            super(message, cause);
        }
    }

    private Port() {}

    /**
     * Checks that a port is free.
     *
     * @param port the port to listen on
     * @param chosen the value of {@code --port} that it follows from
     * @throws TakenException if another program, or this one a second time, listens there
     * @throws IllegalArgumentException if there is no such port
     */
    public static void requireFree(int port, int chosen) throws TakenException {
        if (port < 1 || port > HIGHEST) {
            throw new IllegalArgumentException(
                    "--port " + chosen + ": ports go from 1 to " + HIGHEST + ", and " + port + " is needed");
        }
        try (ServerSocket socket = new ServerSocket(port, 1, InetAddress.getByAddress(new byte[] {127, 0, 0, 1}))) {
            socket.setReuseAddress(true);
        } catch (IOException e) {
            int other = chosen < 60_000 ? chosen + 1_000 : chosen - 1_000;
            throw new TakenException(
                    "Port " + port + " is taken: is the program running already? Choose another one with --port "
                            + other + " (by Maven: -Dexec.args=\"--port " + other + "\")",
                    e);
        }
    }
}
