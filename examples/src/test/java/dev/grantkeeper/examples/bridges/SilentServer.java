/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.bridges;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.util.concurrent.CompletableFuture;

/** A server that takes one connection, answers nothing, and notices when the client closes it. */
final class SilentServer implements AutoCloseable {
    private final ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
    private final CompletableFuture<Void> arrived = new CompletableFuture<>();
    private final CompletableFuture<Void> closed = new CompletableFuture<>();

    SilentServer() throws IOException {
        Thread thread = new Thread(this::serve, "silent server");
        thread.setDaemon(true);
        thread.start();
    }

    private void serve() {
        try (Socket connection = socket.accept();
                InputStream in = connection.getInputStream()) {
            int next = in.read();
            arrived.complete(null);
            while (next >= 0) {
                next = in.read();
            }
            closed.complete(null);
        } catch (IOException e) {
            closed.complete(null); // a reset is an end as well
        }
    }

    String origin() {
        return "http://127.0.0.1:" + socket.getLocalPort();
    }

    URI url() {
        return URI.create(origin() + "/api/things");
    }

    void awaitRequest() {
        arrived.join();
    }

    void awaitEndOfConnection() {
        closed.join();
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
