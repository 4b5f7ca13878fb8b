/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.provider;

import static org.assertj.core.api.Assertions.assertThat;

import dev.grantkeeper.testkit.FakeAuthorizationServer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import okhttp3.HttpUrl;
import okhttp3.OkHttpClient;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The check of a row, against a server that publishes metadata and one that does not. */
@Timeout(60)
class ProviderCheckTest {
    private final FakeAuthorizationServer server = FakeAuthorizationServer.start();
    private final ByteArrayOutputStream printed = new ByteArrayOutputStream();

    @TempDir
    private Path directory;

    @AfterEach
    void close() {
        server.close();
    }

    /** The server stands in for the host login.acme.example, also in its metadata. */
    private int check(String... arguments) throws IOException {
        HttpUrl here = HttpUrl.get(server.url());
        OkHttpClient http = new OkHttpClient.Builder()
                .addInterceptor(chain -> {
                    HttpUrl there = chain.request().url();
                    return there.host().equals("login.acme.example")
                            ? chain.proceed(chain.request()
                                    .newBuilder()
                                    .url(there.newBuilder()
                                            .scheme("http")
                                            .host(here.host())
                                            .port(here.port())
                                            .build())
                                    .build())
                            : chain.proceed(chain.request());
                })
                .build();
        return new ProviderCheck(http, new PrintStream(printed, true, StandardCharsets.UTF_8))
                .check(List.of(arguments));
    }

    private String printed() {
        return printed.toString(StandardCharsets.UTF_8);
    }

    private Path file(String tokenPath) throws IOException {
        server.metadata(metadata -> {
            metadata.replaceAll((name, value) ->
                    value instanceof String text ? text.replace(server.url(), "https://login.acme.example") : value);
            return metadata;
        });
        String authorize = HttpUrl.get(server.authorizationEndpoint()).encodedPath();
        return Files.writeString(directory.resolve("providers.json"), """
                {"providers": [
                {"name": "acme", "title": "Acme",
                  "authorizationEndpoint": "https://login.acme.example%s",
                  "tokenEndpoint": "https://login.acme.example%s"}
                ]}
                """.formatted(authorize, tokenPath));
    }

    @Test
    void a_row_that_is_what_the_server_publishes_passes() throws IOException {
        Path file = file(HttpUrl.get(server.tokenEndpoint()).encodedPath());
        assertThat(check("--file", file.toString(), "acme")).isZero();
        assertThat(printed())
                .contains("Acme: KNOWN", "could be added: revocation_endpoint", "Nothing contradicts the list");
    }

    @Test
    void a_row_that_contradicts_what_the_server_publishes_fails() throws IOException {
        Path file = file("/elsewhere");
        assertThat(check("--file", file.toString(), "acme")).isEqualTo(1);
        assertThat(printed()).contains("DIFFERENT: token_endpoint", "https://login.acme.example/elsewhere");
    }

    @Test
    void a_name_or_a_value_that_is_wrong_is_said_before_anything_is_fetched() throws IOException {
        assertThat(check()).isEqualTo(2);
        assertThat(check("githup")).isEqualTo(2);
        assertThat(check("zendesk")).isEqualTo(2);
        assertThat(check("zendesk", "subdomain")).isEqualTo(2);
        assertThat(printed()).contains("Usage:", "github", "with(\"subdomain\"", "<name>=<value>");
        assertThat(server.recordedMetadataRequests()).isEmpty();
    }

    @Test
    void the_cost_of_the_list_is_printed() throws IOException {
        assertThat(check("--cost")).isZero();
        assertThat(printed())
                .containsPattern("\\d+ us: the whole list")
                .containsPattern("for its \\d{3} providers")
                .contains("in the jar");
    }
}
