/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.redis;

import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.abort;

import java.io.File;
import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import redis.clients.jedis.DefaultJedisClientConfig;
import redis.clients.jedis.HostAndPort;
import redis.clients.jedis.UnifiedJedis;
import redis.clients.jedis.exceptions.JedisException;

/**
 * The installed redis-server as a child of this process, on a port of its own, set up as {@link RedisTokenStore} wants
 * it.
 */
final class RedisServer implements AutoCloseable {
    private final Path directory;
    private final int port;
    private Process process;

    private RedisServer(Path directory, int port) throws IOException, InterruptedException {
        this.directory = directory;
        this.port = port;
        this.process = start();
        // Where a test hangs and is given up, nobody closes.
        Runtime.getRuntime().addShutdownHook(new Thread(() -> process.destroyForcibly()));
    }

    /** Starts a server, or skips the test where none is installed. Where the environment says CI, it fails instead. */
    static RedisServer start(Path directory) throws IOException, InterruptedException {
        if (executable().isEmpty()) {
            String message = "redis-server is not on the PATH; install it (Debian: apt-get install redis-server)";
            if (System.getenv("CI") != null) {
                fail(message);
            }
            abort(message);
        }
        try (ServerSocket free = new ServerSocket(0)) {
            int port = free.getLocalPort();
            free.close();
            return new RedisServer(directory, port);
        }
    }

    private static Optional<Path> executable() {
        return Arrays.stream(System.getenv("PATH").split(File.pathSeparator))
                .map(folder -> Path.of(folder, "redis-server"))
                .filter(Files::isExecutable)
                .findFirst();
    }

    private Process start() throws IOException, InterruptedException {
        Process started = new ProcessBuilder(
                        executable().orElseThrow().toString(),
                        "--port",
                        String.valueOf(port),
                        "--bind",
                        "127.0.0.1",
                        "--dir",
                        directory.toString(),
                        "--appendonly",
                        "yes",
                        "--appendfsync",
                        "always",
                        "--maxmemory-policy",
                        "noeviction",
                        "--save",
                        "")
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(
                        directory.resolve("redis.log").toFile()))
                .start();
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        try (UnifiedJedis client = client()) {
            while (true) {
                try {
                    client.ping();
                    return started;
                } catch (JedisException e) {
                    // Not listening yet, or still reading its file.
                    if (!started.isAlive() || System.nanoTime() > deadline) {
                        started.destroyForcibly();
                        throw new IOException(
                                "redis-server does not start: " + Files.readString(directory.resolve("redis.log")), e);
                    }
                    started.waitFor(20, TimeUnit.MILLISECONDS);
                }
            }
        }
    }

    int port() {
        return port;
    }

    UnifiedJedis client() {
        return client(port);
    }

    static UnifiedJedis client(int port) {
        return RedisTokenStore.client(new HostAndPort("127.0.0.1", port), DefaultJedisClientConfig.builder());
    }

    /** SIGKILL, and a new process over what the old one had on disk. */
    void crashAndRestart() throws IOException, InterruptedException {
        process.destroyForcibly().waitFor();
        process = start();
    }

    @Override
    public void close() throws InterruptedException {
        process.destroyForcibly().waitFor();
    }
}
