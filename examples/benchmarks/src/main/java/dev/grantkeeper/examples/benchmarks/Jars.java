/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The jars that a library brings. */
final class Jars implements Part {
    private static final Map<String, List<String>> LIBRARIES = new LinkedHashMap<>();

    static {
        LIBRARIES.put("Grantkeeper", List.of("grantkeeper-core"));
        LIBRARIES.put("Grantkeeper with the JDBC store", List.of("grantkeeper-core", "grantkeeper-store-jdbc"));
        LIBRARIES.put(
                "Spring Security's OAuth 2.0 client with Jackson",
                List.of("spring-security-oauth2-client", "jackson-databind"));
        LIBRARIES.put(
                "the same with spring-jdbc",
                List.of("spring-security-oauth2-client", "jackson-databind", "spring-jdbc"));
        LIBRARIES.put("google-oauth-client with Gson", List.of("google-oauth-client", "google-http-client-gson"));
        LIBRARIES.put("MSAL4J", List.of("msal4j"));
        LIBRARIES.put("ScribeJava", List.of("scribejava-core"));
    }

    private final Dependencies dependencies;

    Jars(Dependencies dependencies) {
        this.dependencies = dependencies;
    }

    @Override
    public String run(Mode mode) throws IOException {
        Set<String> okHttp = dependencies.jars(List.of(Dependencies.OKHTTP)).keySet();
        Table table = new Table("", "version", "jars", "kB", "of these itself");
        table.row(
                "OkHttp",
                String.valueOf(dependencies.version(Dependencies.OKHTTP)),
                count(okHttp),
                kilobytes(okHttp),
                "");
        for (Map.Entry<String, List<String>> library : LIBRARIES.entrySet()) {
            Set<String> jars = beyond(okHttp, library.getValue());
            table.row(
                    library.getKey(),
                    String.valueOf(dependencies.version(library.getValue().get(0))),
                    count(jars),
                    kilobytes(jars),
                    kilobytes(Set.of(library.getValue().get(0))));
        }
        StringBuilder text =
                new StringBuilder("All jars at run time, beyond those of OkHttp, as Maven resolves them.\n\n");
        text.append(table).append('\n');
        for (Map.Entry<String, List<String>> library : LIBRARIES.entrySet()) {
            text.append("- ").append(library.getKey()).append(": ");
            text.append(String.join(", ", beyond(okHttp, library.getValue())));
            text.append("\n");
        }
        return text.toString();
    }

    private Set<String> beyond(Set<String> others, List<String> artifacts) {
        Map<String, Path> jars = dependencies.jars(artifacts);
        jars.keySet().removeAll(others);
        return jars.keySet();
    }

    private static String count(Set<String> jars) {
        return String.valueOf(jars.size());
    }

    private String kilobytes(Set<String> names) throws IOException {
        Map<String, Path> jars = dependencies.jars(names);
        long bytes = 0;
        for (String name : names) {
            bytes += Files.size(jars.get(name));
        }
        return Figures.number(bytes / 1000.0, 0);
    }

    /** The number of jars that a way needs beside OkHttp and the database, and their size. */
    String summary(Way way) throws IOException {
        Set<String> others = dependencies.jars(List.of(Dependencies.OKHTTP)).keySet();
        List<String> own = new ArrayList<>(way.libraries());
        own.removeAll(List.of("h2", "HikariCP"));
        Set<String> jars = beyond(others, own);
        return count(jars) + " (" + kilobytes(jars) + " kB)";
    }
}
