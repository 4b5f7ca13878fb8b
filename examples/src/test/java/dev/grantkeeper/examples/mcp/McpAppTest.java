/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.mcp;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.grantkeeper.testkit.FakeAuthorizationServer;
import dev.grantkeeper.testkit.FakeProtectedApi;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.stream.Stream;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The program itself, in a process of its own, with a pipe where a terminal would be. */
@Timeout(300)
class McpAppTest {
    @TempDir
    Path config;

    private final FakeAuthorizationServer server =
            FakeAuthorizationServer.start().dynamicRegistration(true);
    private final FakeProtectedApi tools = server.protectedApi("/mcp").onRequest(DemoTools::answer);
    private final OkHttpClient browser = new OkHttpClient();

    private record Ended(int code, List<String> out, List<String> err) {}

    @AfterEach
    void close() {
        server.close();
    }

    private String alice(String page) {
        return server.approve(page, "alice");
    }

    /** Runs it; where it names a page, somebody goes there and decides. */
    private Ended run(Function<String, String> decision, String... args) throws Exception {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-classpath",
                System.getProperty("java.class.path"),
                McpApp.class.getName(),
                "--redirect-uri",
                "http://127.0.0.1/callback",
                "--print-url"));
        command.addAll(List.of(args));
        ProcessBuilder builder = new ProcessBuilder(command);
        List.of("GRANTKEEPER_SEALING_SECRET", "JAVA_TOOL_OPTIONS").forEach(builder.environment()::remove);
        builder.environment().put("XDG_CONFIG_HOME", config.toString());
        Process process = builder.start();
        process.getOutputStream().close();
        CompletableFuture<List<String>> out = CompletableFuture.supplyAsync(
                () -> process.inputReader(StandardCharsets.UTF_8).lines().toList());
        List<String> err = new ArrayList<>();
        try (BufferedReader reader = process.errorReader(StandardCharsets.UTF_8)) {
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                err.add(line);
                if (line.startsWith(server.url() + "/")) {
                    visit(decision.apply(line));
                }
            }
        }
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        return new Ended(process.exitValue(), out.get(10, TimeUnit.SECONDS), err);
    }

    private void visit(String callback) {
        try (Response response =
                browser.newCall(new Request.Builder().url(callback).build()).execute()) {
            assertThat(response.code()).isEqualTo(200);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void a_url_is_enough_to_sign_in_and_call_tools_until_somebody_signs_out() throws Exception {
        Ended first = run(this::alice, tools.url());
        assertThat(first.err()).hasSize(2).first().isEqualTo("Open this page to sign in:");
        assertThat(first.code()).as("%s", first.err()).isZero();
        assertThat(first.out()).containsExactly("add\tAdds two numbers, a and b", "whoami\tSays whose token was sent");

        Ended sum = run(this::alice, tools.url(), "--call", "add", "--arguments", "{\"a\": 1, \"b\": 2}");
        assertThat(sum.err()).isEmpty();
        assertThat(sum.out()).containsExactly("3");
        assertThat(server.registrations()).isEqualTo(1);
        assertThat(server.codeRequests()).isEqualTo(1);
        assertThat(everythingKept()).isNotEmpty().doesNotContain("client_id").doesNotContain("refresh_token");

        assertThat(run(this::alice, tools.url(), "--sign-out").err()).containsExactly("Signed out");
        Ended nobody = run(this::alice, tools.url(), "--no-login");
        assertThat(nobody.code()).isEqualTo(3);
        assertThat(nobody.err()).singleElement().asString().contains(tools.url(), server.issuer());
    }

    @Test
    void who_refuses_is_not_signed_in_and_errors_of_tools_are_reported() throws Exception {
        Ended refused = run(server::refuse, tools.url());
        assertThat(refused.code()).isEqualTo(3);
        assertThat(refused.err()).last().isEqualTo("Not signed in: access_denied");

        Ended unknown = run(this::alice, tools.url(), "--call", "subtract");
        assertThat(unknown.code()).isEqualTo(1);
        assertThat(unknown.err()).last().asString().contains("There is no such tool");
        assertThat(unknown.out()).isEmpty();
    }

    @Test
    void a_registration_by_hand_is_shown_to_the_server_that_it_is_for() throws Exception {
        server.client("by-hand", "by-hand-secret", "http://127.0.0.1/callback");
        String[] given = {tools.url(), "--client-id", "by-hand", "--client-secret", "by-hand-secret"};
        Ended where = run(this::alice, given);
        assertThat(where.code()).isEqualTo(2);
        assertThat(where.err()).first().asString().startsWith("Add --issuer " + server.issuer() + " ");

        Ended done = run(
                this::alice,
                Stream.concat(Stream.of(given), Stream.of("--issuer", server.issuer()))
                        .toArray(String[]::new));
        assertThat(done.code()).as("%s", done.err()).isZero();
        assertThat(server.registrations()).isZero();
        assertThat(server.clientsInUse()).containsExactly("by-hand");
    }

    @Test
    void wrong_usage_says_what_would_be_right() throws Exception {
        for (String[] wrong : List.of(
                new String[] {},
                new String[] {"http://mcp.example.com/mcp"},
                new String[] {"https://user@mcp.example.com/mcp"},
                new String[] {tools.url(), "--issuer", server.issuer()},
                new String[] {tools.url(), "--call", "add", "--arguments", "[1, 2]"},
                new String[] {tools.url(), "--client-document", "https://example.com"})) {
            Ended ended = run(this::alice, wrong);
            assertThat(ended.code()).as("%s: %s", List.of(wrong), ended.err()).isEqualTo(2);
            assertThat(ended.err()).isNotEmpty();
            assertThat(ended.out()).isEmpty();
        }
        assertThat(server.codeRequests()).isZero();
    }

    @Test
    void servers_of_older_revisions_are_asked_with_a_handshake_and_may_answer_by_a_stream() throws Exception {
        FakeProtectedApi old = server.protectedApi("/old").onRequest(OlderServer::answer);
        Ended ended = run(this::alice, old.url(), "--call", "greet", "--json");

        assertThat(ended.code()).as("%s", ended.err()).isZero();
        assertThat(new JsonMapper()
                        .readTree(String.join("\n", ended.out()))
                        .at("/content/0/text")
                        .asText())
                .isEqualTo("hello");
        assertThat(old.calls())
                .last()
                .satisfies(
                        call -> assertThat(call.header("MCP-Protocol-Version")).contains("2025-06-18"))
                .satisfies(call -> assertThat(call.header("Mcp-Session-Id")).contains("session-1"));
    }

    private String everythingKept() throws IOException {
        StringBuilder all = new StringBuilder();
        try (Stream<Path> files = Files.walk(config.resolve("grantkeeper-mcp"))) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                all.append(Files.readString(file)).append('\n');
            }
        }
        return all.toString();
    }
}
