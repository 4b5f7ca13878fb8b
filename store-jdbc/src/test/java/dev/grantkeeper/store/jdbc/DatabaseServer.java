/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.store.jdbc;

import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** A database server in processes of its own, which a test can halt, let go on, kill and start again. */
abstract class DatabaseServer implements AutoCloseable {
    private static final long PATIENCE = TimeUnit.MINUTES.toNanos(1);

    /** The kinds of server. */
    enum Kind {
        POSTGRESQL,
        /** Confirms writes before they are on disk, and loses the last ones when it is killed. */
        POSTGRESQL_THAT_CONFIRMS_EARLY,
        H2;

        DatabaseServer start(Path directory) throws Exception {
            return this == H2
                    ? new H2Server(directory)
                    : new PostgresServer(directory, this == POSTGRESQL_THAT_CONFIRMS_EARLY);
        }
    }

    /** The port at which it listens, also after it was started again. */
    abstract int port();

    /** The database as {@link NodeProcess} takes it, through the given port. */
    abstract String url(int port);

    /** The process that was started, and those that it started. */
    abstract ProcessHandle process();

    /** Starts it with its data, and returns once it takes connections. */
    abstract void startAgain() throws Exception;

    /** SIGSTOP: it answers nothing, and closes no connection. */
    void halt() throws Exception {
        signal("STOP");
    }

    void goOn() throws Exception {
        signal("CONT");
    }

    /** SIGKILL. Nothing is left of it when this returns. */
    void kill() throws Exception {
        halt(); // or it could start another one meanwhile
        List<ProcessHandle> all = processes();
        all.forEach(ProcessHandle::destroyForcibly);
        for (ProcessHandle one : all) {
            one.onExit().get();
        }
    }

    private List<ProcessHandle> processes() {
        return Stream.concat(Stream.of(process()), process().descendants()).toList();
    }

    private void signal(String name) throws Exception {
        List<String> command = new ArrayList<>(List.of("kill", "-" + name));
        processes().forEach(one -> command.add(String.valueOf(one.pid())));
        int unused = new ProcessBuilder(command).start().waitFor(); // not 0 if one of them has just ended
    }

    static Process start(List<String> command, Path log) throws IOException {
        return new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
                .start();
    }

    void awaitConnection() throws Exception {
        long began = System.nanoTime();
        while (true) {
            try (Connection connection = NodeProcess.database(url(port())).getConnection()) {
                if (connection.isValid(10)) {
                    return;
                }
            } catch (SQLException e) {
                if (System.nanoTime() - began > PATIENCE) {
                    throw e;
                }
                TimeUnit.MILLISECONDS.sleep(20);
            }
        }
    }

    @Override
    public abstract void close() throws Exception;

    /** PostgreSQL, whose first start is the only one by {@link EmbeddedPostgres}. */
    private static final class PostgresServer extends DatabaseServer {
        private final Path directory;
        private final EmbeddedPostgres first;
        private final List<String> command = new ArrayList<>();

        PostgresServer(Path directory, boolean confirmsEarly) throws Exception {
            this.directory = directory.resolve("postgres");
            EmbeddedPostgres.Builder builder = EmbeddedPostgres.builder()
                    .setDataDirectory(this.directory)
                    .setCleanDataDirectory(false)
                    .setServerConfig("synchronous_commit", confirmsEarly ? "off" : "on");
            if (confirmsEarly) {
                builder.setServerConfig("wal_writer_delay", "10s").setServerConfig("wal_writer_flush_after", "1GB");
            }
            this.first = builder.start();
            if (System.getProperty("user.name").equals("root")) {
                command.addAll(List.of("unshare", "-U")); // PostgreSQL does not run as root
            }
            ProcessHandle.Info info = process().info();
            command.add(info.command().orElseThrow());
            command.addAll(List.of(info.arguments().orElseThrow()));
        }

        @Override
        int port() {
            return first.getPort();
        }

        @Override
        String url(int port) {
            return "postgres:" + port;
        }

        @Override
        ProcessHandle process() {
            try {
                String pid = Files.readAllLines(directory.resolve("postmaster.pid"))
                        .get(0)
                        .trim();
                return ProcessHandle.of(Long.parseLong(pid)).orElseThrow();
            } catch (IOException e) {
                throw new IllegalStateException(e);
            }
        }

        @Override
        void startAgain() throws Exception {
            start(command, directory.resolveSibling("postgres.log"));
            awaitConnection();
        }

        @Override
        public void close() throws Exception {
            goOn();
            first.close();
        }
    }

    private static final class H2Server extends DatabaseServer {
        private final Path directory;
        private final int port;
        private Process process;

        H2Server(Path directory) throws Exception {
            this.directory = directory;
            try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
                this.port = free.getLocalPort();
            }
            this.process = start();
            awaitConnection();
        }

        private Process start() throws IOException {
            return start(
                    List.of(
                            Path.of(System.getProperty("java.home"), "bin", "java")
                                    .toString(),
                            "-XX:TieredStopAtLevel=1",
                            "-XX:+UseSerialGC",
                            "-cp",
                            System.getProperty("java.class.path"),
                            "org.h2.tools.Server",
                            "-tcp",
                            "-tcpPort",
                            String.valueOf(port),
                            "-ifNotExists",
                            "-baseDir",
                            directory.toString()),
                    directory.resolve("h2.log"));
        }

        @Override
        int port() {
            return port;
        }

        @Override
        String url(int port) {
            return "jdbc:h2:tcp://127.0.0.1:" + port + "/./nodes;DB_CLOSE_DELAY=60;WRITE_DELAY=0";
        }

        @Override
        ProcessHandle process() {
            return process.toHandle();
        }

        @Override
        void startAgain() throws Exception {
            process = start();
            awaitConnection();
        }

        @Override
        public void close() throws Exception {
            kill();
        }
    }
}
