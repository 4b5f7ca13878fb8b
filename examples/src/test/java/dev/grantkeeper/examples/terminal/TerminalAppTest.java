/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.terminal;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import okhttp3.FormBody;
import okhttp3.HttpUrl;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** The program itself, in a process of its own, with a pipe where a terminal would be. */
@Timeout(180)
class TerminalAppTest {
    @TempDir
    Path config;

    private final OkHttpClient browser =
            new OkHttpClient.Builder().followRedirects(false).build();

    private record Ended(int code, String out, List<String> err) {
        List<String> lines() {
            return out.lines().toList();
        }
    }

    /** Runs it; where it names a page, somebody goes there and decides. */
    private Ended run(String decision, String... args) throws Exception {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-classpath",
                System.getProperty("java.class.path"),
                TerminalApp.class.getName()));
        command.addAll(List.of(args));
        ProcessBuilder builder = new ProcessBuilder(command);
        List.of("SPOTIFY_CLIENT_ID", "SPOTIFY_CLIENT_SECRET", "GRANTKEEPER_SEALING_SECRET", "JAVA_TOOL_OPTIONS")
                .forEach(builder.environment()::remove);
        builder.environment().put("XDG_CONFIG_HOME", config.toString());
        Process process = builder.start();
        process.getOutputStream().close();
        CompletableFuture<String> out = CompletableFuture.supplyAsync(() -> {
            try {
                return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
        List<String> err = new ArrayList<>();
        try (BufferedReader reader =
                new BufferedReader(new InputStreamReader(process.getErrorStream(), StandardCharsets.UTF_8))) {
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                err.add(line);
                if (line.startsWith("http://127.0.0.1:")) {
                    err.add(answer(line, decision));
                }
            }
        }
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        return new Ended(process.exitValue(), out.get(10, TimeUnit.SECONDS), err);
    }

    /** The heading that the user reads after their decision. */
    private String answer(String page, String decision) throws IOException {
        Request form = new Request.Builder()
                .url(page)
                .header("Origin", "null")
                .post(new FormBody.Builder()
                        .add("decision", decision)
                        .add("user", "alice")
                        .build())
                .build();
        String callback;
        try (Response response = browser.newCall(form).execute()) {
            callback = response.header("Location");
        }
        assertThat(HttpUrl.get(String.valueOf(callback)).host()).isEqualTo("127.0.0.1");
        try (Response response = browser.newCall(
                        new Request.Builder().url(String.valueOf(callback)).build())
                .execute()) {
            return response.body().string().replaceAll("(?s).*<h1>(.*?)</h1>.*", "$1");
        }
    }

    private String everythingKept() throws IOException {
        StringBuilder all = new StringBuilder();
        try (Stream<Path> files = Files.walk(config)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                all.append(Files.readString(file)).append('\n');
            }
        }
        return all.toString();
    }

    @Test
    void the_first_command_signs_in_and_later_ones_just_work_until_somebody_signs_out() throws Exception {
        Ended nobody = run("none", "whoami", "--demo", "--no-login");
        assertThat(nobody.code()).isEqualTo(3);
        assertThat(nobody.out()).isEmpty();
        assertThat(nobody.err()).anyMatch(line -> line.contains("there is no grant"));

        Ended first = run("accept", "--demo", "--print-url", "recent", "--limit", "3");
        assertThat(first.err())
                .contains("Open this page to sign in:", "You are signed in")
                .hasSize(3);
        assertThat(first.code()).isZero();
        assertThat(first.lines()).hasSize(3).allMatch(line -> line.split("\t").length == 3);

        Ended top = run("none", "--demo", "--no-login", "top", "--limit", "45", "--json");
        assertThat(top.code()).as("%s", top.err()).isZero();
        assertThat(top.err()).isEmpty();
        JsonNode tracks = new JsonMapper().readTree(top.out());
        assertThat(tracks).hasSize(45);
        assertThat(tracks.get(44).path("rank").asText()).isEqualTo("45");

        Ended whoami = run("none", "--demo", "--no-login", "whoami");
        assertThat(whoami.out()).startsWith("Alice Archer\talice\t");
        assertThat(first.out() + top.out() + whoami.out()).doesNotContain("\u001b");

        assertThat(run("none", "--demo", "logout").err()).containsExactly("Signed out");
        assertThat(run("none", "--demo", "logout").err()).containsExactly("Nobody was signed in");
        assertThat(run("none", "--demo", "whoami", "--no-login").code()).isEqualTo(3);
    }

    @Test
    void who_refuses_is_not_signed_in() throws Exception {
        Ended refused = run("refuse", "whoami", "--demo", "--print-url");
        assertThat(refused.code()).isEqualTo(3);
        assertThat(refused.err()).contains("You are not signed in").last().isEqualTo("Not signed in: access_denied");
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void what_is_kept_is_sealed_and_only_its_owner_can_read_it() throws Exception {
        Ended ended = run("accept", "whoami", "--demo", "--print-url", "--verbose");
        assertThat(ended.code()).as("%s", ended.err()).isZero();
        Path home = config.resolve("grantkeeper-terminal").resolve("demo");
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(home)))
                .isEqualTo("rwx------");
        try (Stream<Path> files = Files.walk(home.resolve("grants"))) {
            assertThat(files.filter(Files::isRegularFile))
                    .isNotEmpty()
                    .allSatisfy(file -> assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                            .isEqualTo("rw-------"));
        }
        assertThat(Files.getPosixFilePermissions(home.resolve("grants.sealing-secret")))
                .hasSize(2);
        assertThat(everythingKept()).doesNotContain("accessToken").doesNotContain("alice@example.org");
        assertThat(String.join("\n", ended.err())).doesNotContainPattern("access_token|refresh_token|code_verifier");
    }

    @Test
    void wrong_usage_says_what_would_be_right() throws Exception {
        for (String[] wrong : List.of(
                new String[] {},
                new String[] {"whoami"}, // and no SPOTIFY_CLIENT_ID
                new String[] {"--demo", "top", "--limit", "0"},
                new String[] {"--demo", "top", "--range", "ever"},
                new String[] {"--demo", "dance"})) {
            Ended ended = run("none", wrong);
            assertThat(ended.code()).as("%s", (Object) wrong).isEqualTo(2);
            assertThat(ended.err()).isNotEmpty();
            assertThat(ended.out()).isEmpty();
        }
        assertThat(run("none", "--help").out()).contains("3   nobody is signed in");
    }

    @Test
    void each_system_has_its_place_for_settings() {
        Path home = Path.of("/home/ada");
        assertThat(Places.config("Linux", Map.of(), home)).isEqualTo(home.resolve(".config/grantkeeper-terminal"));
        assertThat(Places.config("Linux", Map.of("XDG_CONFIG_HOME", "/cfg"), home))
                .isEqualTo(Path.of("/cfg/grantkeeper-terminal"));
        assertThat(Places.config("Linux", Map.of("XDG_CONFIG_HOME", "relative"), home))
                .isEqualTo(home.resolve(".config/grantkeeper-terminal"));
        assertThat(Places.config("Mac OS X", Map.of("XDG_CONFIG_HOME", "/cfg"), home))
                .isEqualTo(home.resolve("Library/Application Support/grantkeeper-terminal"));
        assertThat(Places.config("Windows 11", Map.of("APPDATA", "/roaming"), home))
                .isEqualTo(Path.of("/roaming/grantkeeper-terminal"));
        assertThat(Places.config("Windows 11", Map.of(), home))
                .isEqualTo(home.resolve("AppData/Roaming/grantkeeper-terminal"));
    }
}
