/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.benchmarks;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Other processes with the same Java. */
final class Processes {
    /** The options of every measured process. */
    static final String[] JVM = {"-Xshare:auto", "-Dslf4j.internal.verbosity=ERROR"};

    private Processes() {}

    /**
     * Runs a class.
     *
     * @return what it printed
     */
    static String run(String classpath, List<String> jvm, Class<?> main, Object... arguments) throws IOException {
        List<String> command = new ArrayList<>();
        command.add(ProcessHandle.current().info().command().orElse("java"));
        command.addAll(List.of(JVM));
        command.addAll(jvm);
        command.add("-classpath");
        command.add(classpath);
        command.add(main.getName());
        for (Object argument : arguments) {
            command.add(argument.toString());
        }
        Process process = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        try {
            int exit = process.waitFor();
            if (exit != 0) {
                throw new IOException("Exit code " + exit + " of " + main.getSimpleName() + " " + List.of(arguments));
            }
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
        return out;
    }
}
