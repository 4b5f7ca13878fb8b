/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.redis;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CountDownLatch;

/**
 * A way to a server on which what contains a word is held up, and arrives although its sender has hung up meanwhile.
 */
final class SlowWay implements AutoCloseable {
    private final ServerSocket entrance = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    private final int server;
    private final String heldUp;
    private final CountDownLatch goOn = new CountDownLatch(1);
    private final CountDownLatch answered = new CountDownLatch(1);

    SlowWay(int server, String heldUp) throws IOException {
        this.server = server;
        this.heldUp = heldUp;
        daemon(this::accept);
    }

    int port() {
        return entrance.getLocalPort();
    }

    /** Lets go what was held up. Returns when the server has answered it. */
    void arrive() throws InterruptedException {
        goOn.countDown();
        answered.await();
    }

    private interface Work {
        void run() throws IOException, InterruptedException;
    }

    private static void daemon(Work work) {
        Thread thread = new Thread(() -> {
            try {
                work.run();
            } catch (IOException | InterruptedException e) {
                // One side has closed, as it may.
            }
        });
        thread.setDaemon(true);
        thread.start();
    }

    private void accept() throws IOException {
        while (true) {
            Socket client = entrance.accept();
            Socket behind = new Socket(InetAddress.getLoopbackAddress(), server);
            daemon(() -> forth(client.getInputStream(), behind));
            daemon(() -> behind.getInputStream().transferTo(client.getOutputStream()));
        }
    }

    private void forth(InputStream in, Socket behind) throws IOException, InterruptedException {
        OutputStream out = behind.getOutputStream();
        byte[] buffer = new byte[64 * 1024];
        for (int length = in.read(buffer); length >= 0; length = in.read(buffer)) {
            boolean late = new String(buffer, 0, length, StandardCharsets.ISO_8859_1).contains(heldUp);
            if (late) {
                goOn.await();
            }
            out.write(buffer, 0, length);
            out.flush();
            if (late) {
                awaitItsTurn();
                answered.countDown();
            }
        }
    }

    /** Redis does one thing after the other, and what comes on a new connection after what lay there already. */
    private void awaitItsTurn() throws IOException {
        try (Socket next = new Socket(InetAddress.getLoopbackAddress(), server)) {
            next.getOutputStream().write("PING\r\n".getBytes(StandardCharsets.US_ASCII));
            if (next.getInputStream().read() != '+') {
                throw new IOException("PING was not answered");
            }
        }
    }

    @Override
    public void close() throws IOException {
        entrance.close();
    }
}
