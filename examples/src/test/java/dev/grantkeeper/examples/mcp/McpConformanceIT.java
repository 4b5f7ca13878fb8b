/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.mcp;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Runs the conformance suite of the Model Context Protocol against {@link ConformanceClient}: each authorization
 * scenario on the wire of each revision that lists it, extensions on the last. The suite brings the servers. Its output
 * is beside it, in a file for each run.
 */
class McpConformanceIT {
    private static final Path HOME =
            Path.of(Objects.requireNonNull(System.getProperty("mcp.suite"), "mcp.suite: use -Pmcp"));

    private static final String LAST = "2026-07-28";
    private static final int CLIENT_MAY_TAKE_MILLIS = 60_000;
    private static final int SUITE_MAY_TAKE_SECONDS = 90;

    /** The authorization scenarios and their revisions, as the suite lists them. */
    private static final String SCENARIOS = """
            auth/metadata-default [2025-11-25,2026-07-28]
            auth/metadata-var1 [2025-11-25,2026-07-28]
            auth/metadata-var2 [2025-11-25,2026-07-28]
            auth/metadata-var3 [2025-11-25,2026-07-28]
            auth/basic-cimd [2025-11-25,2026-07-28]
            auth/scope-from-www-authenticate [2025-11-25,2026-07-28]
            auth/scope-from-scopes-supported [2025-11-25,2026-07-28]
            auth/scope-omitted-when-undefined [2025-11-25,2026-07-28]
            auth/scope-step-up [2025-11-25,2026-07-28]
            auth/scope-retry-limit [2025-11-25,2026-07-28]
            auth/token-endpoint-auth-basic [2025-06-18,2025-11-25,2026-07-28]
            auth/token-endpoint-auth-post [2025-06-18,2025-11-25,2026-07-28]
            auth/token-endpoint-auth-none [2025-06-18,2025-11-25,2026-07-28]
            auth/pre-registration [2025-11-25,2026-07-28]
            auth/2025-03-26-oauth-metadata-backcompat [2025-03-26]
            auth/2025-03-26-oauth-endpoint-fallback [2025-03-26]
            auth/resource-mismatch [2026-07-28]
            auth/offline-access-scope [2026-07-28]
            auth/offline-access-not-supported [2026-07-28]
            auth/authorization-server-migration [2026-07-28]
            auth/iss-supported [2026-07-28]
            auth/iss-not-advertised [2026-07-28]
            auth/iss-supported-missing [2026-07-28]
            auth/iss-wrong-issuer [2026-07-28]
            auth/iss-unexpected [2026-07-28]
            auth/iss-normalized [2026-07-28]
            auth/metadata-issuer-mismatch [2026-07-28]
            auth/client-credentials-jwt [extension]
            auth/client-credentials-basic [extension]
            auth/enterprise-managed-authorization [extension]
            auth/dpop [extension]
            auth/dpop-nonce [extension]
            auth/wif-jwt-bearer [extension]
            """;

    /** The scenarios that a client must not complete. A crash would satisfy the suite; the exit code tells it apart. */
    private static final Set<String> REFUSED = Set.of(
            "auth/scope-retry-limit",
            "auth/resource-mismatch",
            "auth/iss-supported-missing",
            "auth/iss-wrong-issuer",
            "auth/iss-unexpected",
            "auth/iss-normalized",
            "auth/metadata-issuer-mismatch");

    private static final Pattern SCENARIO = Pattern.compile("^ {2}- (auth/\\S+ \\[\\S+])$", Pattern.MULTILINE);
    private static final Pattern VERDICT =
            Pattern.compile("^Passed: (\\d+)/(\\d+), (\\d+) failed, (\\d+) warnings$", Pattern.MULTILINE);

    /** The suite splits the command at blanks, so everything that may contain one is in this file. */
    @BeforeAll
    static void writeTheCommand() throws IOException {
        String classPath = System.getProperty("java.class.path").replace("\\", "\\\\");
        Files.writeString(
                HOME.resolve("client.args"),
                "-XX:TieredStopAtLevel=1\n-cp\n\"" + classPath + "\"\n" + ConformanceClient.class.getName() + "\n");
    }

    @Test
    void theSuiteHasNoOtherScenarios() throws Exception {
        Matcher listed = SCENARIO.matcher(suite("list", "list"));

        assertThat(listed.results().map(found -> found.group(1))).containsExactlyInAnyOrder(SCENARIOS.split("\n"));
    }

    @ParameterizedTest(name = "{0} {1}")
    @MethodSource("scenarios")
    void passes(String scenario, String revision) throws Exception {
        String printed = suite(
                scenario.replace("auth/", "") + "-" + revision,
                "client",
                "--scenario",
                scenario,
                "--spec-version",
                revision,
                // or an extension is skipped, with exit code 0
                "--force",
                "--timeout",
                String.valueOf(CLIENT_MAY_TAKE_MILLIS),
                "--command",
                "java @client.args");

        Matcher verdict = VERDICT.matcher(printed);
        assertThat(verdict.find()).as(printed).isTrue();
        MatchResult counted = verdict.toMatchResult();
        assertThat(counted.group(1)).as(printed).isEqualTo(counted.group(2)).isNotEqualTo("0");
        assertThat(List.of(counted.group(3), counted.group(4))).as(printed).containsOnly("0");
        assertThat(printed).contains("OVERALL: PASSED").doesNotContain("SKIPPED", "CLIENT TIMED OUT");
        if (REFUSED.contains(scenario)) {
            assertThat(printed).contains("Client exited with code 3");
        } else {
            assertThat(printed).doesNotContain("Client exited with code");
        }
    }

    private static Stream<Arguments> scenarios() {
        return SCENARIOS.lines().flatMap(line -> {
            String scenario = line.substring(0, line.indexOf(' '));
            String[] revisions = line.substring(line.indexOf('[') + 1, line.length() - 1)
                    .replace("extension", LAST)
                    .split(",");
            return Arrays.stream(revisions).map(revision -> Arguments.of(scenario, revision));
        });
    }

    private static String suite(String log, String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(
                HOME.resolve("node_modules/.bin/node").toString(),
                "node_modules/@modelcontextprotocol/conformance/dist/index.js"));
        command.addAll(List.of(arguments));
        Path printed = HOME.resolve(log + ".log");
        ProcessBuilder builder = new ProcessBuilder(command)
                .directory(HOME.toFile())
                .redirectErrorStream(true)
                .redirectOutput(printed.toFile());
        String java = Path.of(System.getProperty("java.home"), "bin").toString();
        builder.environment().merge("PATH", java, (path, first) -> first + File.pathSeparator + path);
        Process process = builder.start();
        try {
            if (!process.waitFor(SUITE_MAY_TAKE_SECONDS, TimeUnit.SECONDS)) {
                throw new IOException("The suite does not end; see " + printed);
            }
        } finally {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
        }
        return Files.readString(printed);
    }
}
