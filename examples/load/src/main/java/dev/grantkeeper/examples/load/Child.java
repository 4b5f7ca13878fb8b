/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.load;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A process of this program's, which carries out orders: lines on its standard input, each with a number, any of them
 * at the same time. It answers each with a line that has the same number. Thread-safe.
 */
final class Child implements AutoCloseable {
    private final Process process;
    private final PrintWriter orders;
    private final AtomicInteger numbers = new AtomicInteger();
    private final Map<String, CompletableFuture<Figures>> answers = new ConcurrentHashMap<>();
    private volatile boolean ended;

    private Child(Process process) {
        this.process = process;
        this.orders = new PrintWriter(process.outputWriter(StandardCharsets.UTF_8), true);
        Thread reader = new Thread(this::read, "child-" + process.pid());
        reader.setDaemon(true);
        reader.start();
    }

    /**
     * Starts a process.
     *
     * @param program has a {@code main} that calls {@link #serve}
     * @param heap the most memory for its objects, as the JVM's option
     */
    static Child start(Class<?> program, String heap, String... arguments) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx" + heap,
                "-Xshare:auto",
                "-Dsun.net.httpserver.nodelay=true",
                "-Dsun.net.httpserver.maxIdleConnections=20000",
                "-Dlogback.configurationFile=load-logback.xml",
                "-cp",
                System.getProperty("java.class.path"),
                program.getName()));
        command.addAll(List.of(arguments));
        return new Child(new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start());
    }

    private void read() {
        try (BufferedReader lines = process.inputReader(StandardCharsets.UTF_8)) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                String[] numberAndAnswer = line.split(" ", 2);
                CompletableFuture<Figures> answer = answers.remove(numberAndAnswer[0]);
                if (answer != null) {
                    answer.complete(Figures.parse(numberAndAnswer.length == 1 ? "" : numberAndAnswer[1]));
                }
            }
        } catch (IOException e) {
            // killed
        }
        ended = true;
        failAll();
    }

    private void failAll() {
        answers.values().forEach(answer -> answer.completeExceptionally(new IOException("The process ended")));
    }

    CompletableFuture<Figures> order(Object... words) {
        String number = String.valueOf(numbers.incrementAndGet());
        CompletableFuture<Figures> answer = new CompletableFuture<>();
        answers.put(number, answer);
        StringBuilder line = new StringBuilder(number);
        for (Object word : words) {
            line.append(' ').append(word);
        }
        synchronized (orders) {
            orders.println(line);
        }
        if (ended) {
            failAll();
        }
        return answer;
    }

    Figures ask(Object... words) throws IOException {
        Figures answer = order(words).join();
        if (answer.toString().startsWith("broken=")) {
            throw new IOException(words[0] + ": " + answer.text("broken"));
        }
        return answer;
    }

    /** SIGKILL, and nothing of the process is left when this returns. */
    void kill() throws InterruptedException {
        process.destroyForcibly().waitFor();
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }

    /** The answer of a process to an order. */
    interface Obedient {
        Figures obey(String[] order) throws Exception;
    }

    /** Carries out what comes in, each on a thread of its own, until the input ends. */
    static void serve(Obedient obedient) throws IOException {
        PrintStream out = System.out;
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        ExecutorService threads = Threads.platform();
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] numberAndOrder = line.split(" ", 2);
            threads.execute(() -> {
                Figures answer;
                try {
                    answer = obedient.obey(numberAndOrder[1].split(" ", -1));
                } catch (Throwable e) {
                    e.printStackTrace();
                    answer = new Figures().with("broken", e.toString());
                }
                out.println(numberAndOrder[0] + " " + answer);
            });
        }
        Runtime.getRuntime().halt(0); // whoever gave the orders is gone
    }
}
