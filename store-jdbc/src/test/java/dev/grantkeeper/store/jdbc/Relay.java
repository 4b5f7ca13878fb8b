/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.store.jdbc;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.jspecify.annotations.Nullable;

/** A TCP port in front of another: a network that can be cut, and a place to listen. Thread-safe. */
final class Relay implements AutoCloseable {
    private final ServerSocket door;
    private final int target;
    private final Queue<Socket> sockets = new ConcurrentLinkedQueue<>();
    private volatile boolean silent;
    private volatile boolean cut;

    // guarded by this
    private @Nullable String cutBehind;

    // guarded by this: how many more of those are let through
    private int spared;

    // guarded by this
    private int questions;

    // guarded by this
    private boolean answered = true;

    Relay(int target) throws IOException {
        this.door = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        this.target = target;
        inBackground(() -> {
            while (true) {
                Socket in = door.accept();
                if (cut) {
                    in.close();
                    continue;
                }
                Socket out = new Socket(InetAddress.getLoopbackAddress(), target());
                in.setTcpNoDelay(true);
                out.setTcpNoDelay(true);
                sockets.add(in);
                sockets.add(out);
                if (cut) {
                    in.close();
                    out.close();
                }
                Link link = new Link(in, out);
                inBackground(link::passQuestions);
                inBackground(link::passAnswers);
            }
        });
    }

    private int target() {
        return target;
    }

    int port() {
        return door.getLocalPort();
    }

    /** Stops passing anything on, without closing anything. */
    void fallSilent() {
        silent = true;
    }

    /** Closes all connections, and each new one at once. */
    void cut() throws IOException {
        cut = true;
        for (Socket socket = sockets.poll(); socket != null; socket = sockets.poll()) {
            socket.close();
        }
    }

    /** Takes connections again. */
    void join() {
        cut = false;
    }

    /**
     * Lets the server do what it is told by the next message that contains the text, and cuts the connection in place
     * of its answer.
     */
    void cutBehind(String text) {
        cutBehind(text, 0);
    }

    /** Does that once so many of these messages were let through. */
    synchronized void cutBehind(String text, int after) {
        cutBehind = text;
        spared = after;
    }

    /** Whether the cut that was ordered has happened. */
    synchronized boolean hasCut() {
        return cutBehind == null;
    }

    /**
     * The number of times that somebody began to send after the other side had: with one caller, the round trips until
     * now.
     */
    synchronized int roundTrips() {
        return questions;
    }

    private synchronized boolean asked(byte[] bytes, int n) {
        questions += answered ? 1 : 0;
        answered = false;
        if (cutBehind == null || !new String(bytes, 0, n, StandardCharsets.ISO_8859_1).contains(cutBehind)) {
            return false;
        }
        if (spared > 0) {
            spared--;
            return false;
        }
        cutBehind = null;
        return true;
    }

    private synchronized void answered() {
        answered = true;
    }

    private final class Link {
        private final Socket in;
        private final Socket out;
        private volatile boolean doomed;

        Link(Socket in, Socket out) {
            this.in = in;
            this.out = out;
        }

        void passQuestions() throws IOException {
            InputStream from = in.getInputStream();
            OutputStream to = out.getOutputStream();
            byte[] bytes = new byte[65536];
            for (int n = from.read(bytes); n >= 0; n = from.read(bytes)) {
                if (asked(bytes, n)) {
                    doomed = true;
                }
                if (!silent) {
                    to.write(bytes, 0, n);
                }
            }
            out.close();
        }

        void passAnswers() throws IOException {
            InputStream from = out.getInputStream();
            OutputStream to = in.getOutputStream();
            byte[] bytes = new byte[65536];
            for (int n = from.read(bytes); n >= 0 && !doomed; n = from.read(bytes)) {
                answered();
                if (!silent) {
                    to.write(bytes, 0, n);
                }
            }
            in.close();
            out.close();
        }
    }

    private interface Task {
        void run() throws IOException;
    }

    private static void inBackground(Task task) {
        Thread thread = new Thread(() -> {
            try {
                task.run();
            } catch (IOException e) {
                // closed
            }
        });
        thread.setDaemon(true);
        thread.start();
    }

    @Override
    public void close() throws IOException {
        door.close();
        for (Socket socket : sockets) {
            socket.close();
        }
    }
}
