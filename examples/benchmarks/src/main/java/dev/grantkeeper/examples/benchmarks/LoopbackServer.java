/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.benchmarks;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketAddress;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * A server in this process, behind real sockets, that gives each request the same response; requests have no body. As a
 * factory of sockets it makes those that lead to it, whatever address they are for. Thread-safe.
 */
final class LoopbackServer extends UnconnectedSockets {
    private final byte[] response;
    private final ServerSocket server;
    private final Set<Long> threads = ConcurrentHashMap.newKeySet();

    LoopbackServer(byte[] response) {
        this.response = response;
        try {
            this.server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        start(this::accept);
    }

    /** Whether this is one of the server's threads, whose time is not the client's. */
    boolean isOwn(long thread) {
        return threads.contains(thread);
    }

    private interface Task {
        void run() throws IOException;
    }

    private void start(Task task) {
        Thread thread = new Thread(
                () -> {
                    try {
                        task.run();
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                },
                "server");
        thread.setDaemon(true);
        threads.add(thread.getId());
        thread.start();
    }

    private void accept() throws IOException {
        while (true) {
            Socket client = server.accept();
            client.setTcpNoDelay(true);
            start(() -> answer(client));
        }
    }

    private void answer(Socket client) throws IOException {
        try (client) {
            InputStream in = new BufferedInputStream(client.getInputStream());
            OutputStream out = client.getOutputStream();
            int newlines = 0; // in a row: two end a request
            for (int read = in.read(); read >= 0; read = in.read()) {
                newlines = read == '\n' ? newlines + 1 : read == '\r' ? newlines : 0;
                if (newlines == 2) {
                    out.write(response);
                    newlines = 0;
                }
            }
        }
    }

    private final class Redirected extends Socket {
        @Override
        public void connect(SocketAddress endpoint, int timeout) throws IOException {
            super.connect(new InetSocketAddress(server.getInetAddress(), server.getLocalPort()), timeout);
        }
    }

    @Override
    public Socket createSocket() {
        return new Redirected();
    }
}
