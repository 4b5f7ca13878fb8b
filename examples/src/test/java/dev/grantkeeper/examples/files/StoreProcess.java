/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.files;

import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.StoredTokens;
import dev.grantkeeper.token.TokenStore;
import java.io.BufferedOutputStream;
import java.io.BufferedReader;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A {@link FileTokenStore} in a process of its own, called over a socket: each call is a connection, and a thread
 * there. Calls at once in this process are calls at once in that one.
 */
final class StoreProcess implements TokenStore, AutoCloseable {
    private final Process process;
    private final BufferedReader lines;
    private final int port;

    private StoreProcess(Process process, BufferedReader lines, int port) {
        this.process = process;
        this.lines = lines;
        this.port = port;
    }

    static StoreProcess start(Path directory) throws IOException {
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:TieredStopAtLevel=1",
                        "-XX:+UseSerialGC",
                        "-Xmx128m",
                        "-cp",
                        System.getProperty("java.class.path"),
                        StoreProcess.class.getName(),
                        directory.toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        BufferedReader lines = process.inputReader(StandardCharsets.US_ASCII);
        return new StoreProcess(process, lines, number(lines));
    }

    private static int number(BufferedReader lines) throws IOException {
        String line = lines.readLine();
        if (line == null) {
            throw new IOException("The process ended");
        }
        return Integer.parseInt(line);
    }

    /** SIGKILL. */
    @Override
    public void close() {
        process.destroyForcibly();
    }

    // ---- Here ------------------------------------------------------------------------------------------------------

    private interface Answer<T> {
        T read(DataInputStream in) throws IOException;
    }

    private <T> T call(String what, AccountKey key, Answer<T> answer, String... texts) throws IOException {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port);
                DataOutputStream out = output(socket);
                DataInputStream in = new DataInputStream(socket.getInputStream())) {
            write(out, what);
            write(out, key.registration());
            write(out, key.account());
            for (String text : texts) {
                write(out, text);
            }
            out.flush();
            if (in.readBoolean()) {
                return answer.read(in);
            }
            throw new IOException(read(in));
        }
    }

    @Override
    public Optional<StoredTokens> find(AccountKey key) throws IOException {
        Answer<Optional<StoredTokens>> answer =
                in -> in.readBoolean() ? Optional.of(new StoredTokens(read(in), read(in))) : Optional.empty();
        return call("find", key, answer);
    }

    @Override
    public boolean create(AccountKey key, StoredTokens tokens) throws IOException {
        return call("create", key, DataInputStream::readBoolean, tokens.version(), tokens.text());
    }

    @Override
    public boolean replace(AccountKey key, String version, StoredTokens next) throws IOException {
        return call("replace", key, DataInputStream::readBoolean, version, next.version(), next.text());
    }

    @Override
    public boolean delete(AccountKey key, String version) throws IOException {
        return call("delete", key, DataInputStream::readBoolean, version);
    }

    /** Lets the process replace the row by its version plus one, this many times, whoever else does the same. */
    void beginToCount(AccountKey key, int times) {
        try {
            call("count", key, DataInputStream::readBoolean, String.valueOf(times));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    void endOfCount() throws IOException {
        for (String line = lines.readLine(); !"counted".equals(line); line = lines.readLine()) {
            if (line == null) {
                throw new IOException("The process ended");
            }
        }
    }

    /**
     * Lets the process count, and kills it as soon as it has told a number of writes.
     *
     * @return the versions whose writes had returned
     */
    List<Integer> countUpAndDie(AccountKey key, int from, int writes) throws IOException, InterruptedException {
        beginToCount(key, Integer.MAX_VALUE);
        List<Integer> told = new ArrayList<>();
        while (told.isEmpty() || told.get(told.size() - 1) < from + writes) {
            told.add(number(lines));
        }
        process.destroyForcibly().waitFor();
        return told;
    }

    // ---- There -----------------------------------------------------------------------------------------------------

    public static void main(String[] arguments) throws IOException {
        Thread parent = new Thread(StoreProcess::endWithTheParent);
        parent.setDaemon(true);
        parent.start();
        FileTokenStore store = FileTokenStore.on(Path.of(arguments[0]));
        try (ServerSocket server = new ServerSocket(0, 200, InetAddress.getLoopbackAddress())) {
            System.out.println(server.getLocalPort());
            while (true) {
                Socket socket = server.accept();
                new Thread(() -> answer(store, socket)).start();
            }
        }
    }

    /** The parent writes nothing; that there is an end of it means that the parent is gone, however it went. */
    private static void endWithTheParent() {
        try {
            while (System.in.read() >= 0) {}
        } catch (IOException e) {
            // the same
        }
        Runtime.getRuntime().halt(0);
    }

    private static void answer(FileTokenStore store, Socket socket) {
        try (socket;
                DataInputStream in = new DataInputStream(socket.getInputStream());
                DataOutputStream out = output(socket)) {
            String what = read(in);
            AccountKey key = new AccountKey(read(in), read(in));
            try {
                switch (what) {
                    case "find" -> {
                        Optional<StoredTokens> row = store.find(key);
                        out.writeBoolean(true);
                        out.writeBoolean(row.isPresent());
                        if (row.isPresent()) {
                            write(out, row.get().version());
                            write(out, row.get().text());
                        }
                    }
                    case "create" -> done(out, store.create(key, new StoredTokens(read(in), read(in))));
                    case "replace" -> done(out, store.replace(key, read(in), new StoredTokens(read(in), read(in))));
                    case "delete" -> done(out, store.delete(key, read(in)));
                    case "count" -> {
                        int times = Integer.parseInt(read(in));
                        done(out, true);
                        out.flush();
                        count(store, key, times);
                    }
                    default -> throw new IllegalArgumentException(what);
                }
            } catch (IOException e) {
                out.writeBoolean(false);
                write(out, String.valueOf(e));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void done(DataOutputStream out, boolean result) throws IOException {
        out.writeBoolean(true);
        out.writeBoolean(result);
    }

    /** A counter that fails ends the process, so that nobody waits for it. */
    private static void count(FileTokenStore store, AccountKey key, int times) {
        try {
            for (int written = 0; written < times; ) {
                StoredTokens row = store.find(key).orElseThrow();
                String next = String.valueOf(Integer.parseInt(row.version()) + 1);
                if (store.replace(key, row.version(), new StoredTokens(next, "number " + next))) {
                    written++;
                    System.out.println(next);
                }
            }
            System.out.println("counted");
        } catch (IOException | RuntimeException e) {
            e.printStackTrace();
            Runtime.getRuntime().halt(1);
        }
    }

    private static DataOutputStream output(Socket socket) throws IOException {
        // Small packets one after the other would wait for each other's acknowledgements.
        return new DataOutputStream(new BufferedOutputStream(socket.getOutputStream()));
    }

    private static void write(DataOutputStream out, String text) throws IOException {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        out.writeInt(bytes.length);
        out.write(bytes);
    }

    private static String read(DataInputStream in) throws IOException {
        return new String(in.readNBytes(in.readInt()), StandardCharsets.UTF_8);
    }
}
