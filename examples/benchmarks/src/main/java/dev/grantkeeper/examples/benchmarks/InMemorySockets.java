/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.benchmarks;

import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.net.SocketAddress;
import java.net.SocketException;
import java.net.SocketImpl;
import org.jspecify.annotations.Nullable;

/**
 * Sockets that lead nowhere: requests are dropped, and each read brings one whole response. OkHttp reads again only
 * when it has sent the next request. Thread-safe.
 */
final class InMemorySockets extends UnconnectedSockets {
    private final byte[] response;

    InMemorySockets(byte[] response) {
        this.response = response;
    }

    @Override
    public Socket createSocket() {
        try {
            return new Answering(response);
        } catch (SocketException e) {
            throw new IllegalStateException(e);
        }
    }

    private static final class Answering extends Socket {
        private final InputStream in;
        private boolean closed;

        Answering(byte[] response) throws SocketException {
            super((@Nullable SocketImpl) null);
            this.in = new InputStream() {
                @Override
                public int read() {
                    throw new UnsupportedOperationException("OkHttp reads into buffers");
                }

                @Override
                public int read(byte[] into, int offset, int length) {
                    if (length < response.length) {
                        throw new IllegalStateException("The response is longer than OkHttp's buffer");
                    }
                    System.arraycopy(response, 0, into, offset, response.length);
                    return response.length;
                }
            };
        }

        @Override
        public void connect(SocketAddress endpoint, int timeout) {
            // there is nothing to connect to
        }

        @Override
        public InputStream getInputStream() {
            return in;
        }

        @Override
        public OutputStream getOutputStream() {
            return OutputStream.nullOutputStream();
        }

        @Override
        public boolean isConnected() {
            return true;
        }

        @Override
        public synchronized boolean isClosed() {
            return closed;
        }

        @Override
        public synchronized void close() {
            closed = true;
        }

        @Override
        public void shutdownInput() {
            close();
        }

        @Override
        public void shutdownOutput() {
            close();
        }

        @Override
        public void setSoTimeout(int timeout) {
            // it answers at once
        }

        @Override
        public void setTcpNoDelay(boolean on) {
            // it answers at once
        }
    }
}
