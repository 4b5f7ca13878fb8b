/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.grantkeeper.internal.server.MetadataDocuments.Order;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The places at which a server's metadata is looked for, and what ends the search. */
@Timeout(300)
class MetadataDocumentsTest {
    private static final String OAUTH = "/.well-known/oauth-authorization-server";
    private static final String OPENID = "/.well-known/openid-configuration";

    private final Documents server = new Documents();

    @AfterEach
    void close() {
        server.close();
    }

    private String fetch(String path, Order order) throws IOException {
        return MetadataDocuments.fetch(server.http, server.origin + path, order, json -> json);
    }

    private String metadata(String path) {
        return "{\"issuer\":\"" + server.origin + path + "\",\"token_endpoint\":\"" + server.origin + "/token\"}";
    }

    // ---- Where it is ----------------------------------------------------------------------------------------------

    @ParameterizedTest
    @CsvSource({
        "'', OAUTH_FIRST, OAUTH OPENID",
        "/, OAUTH_FIRST, OAUTH OPENID",
        "/t1, OAUTH_FIRST, OAUTH/t1 OPENID/t1 /t1OPENID",
        "/a/b/, OAUTH_FIRST, OAUTH/a/b OPENID/a/b /a/bOPENID",
        "'', OPENID_FIRST, OPENID OAUTH",
        "/a%20b, OPENID_FIRST, /a%20bOPENID OAUTH/a%20b OPENID/a%20b"
    })
    void the_places_are_asked_in_this_order_until_one_has_the_metadata(String path, Order order, String places)
            throws Exception {
        List<String> all =
                List.of(places.replace("OAUTH", OAUTH).replace("OPENID", OPENID).split(" "));
        for (int i = 0; i < all.size(); i++) {
            server.clear();
            server.json(all.get(i), metadata(path));
            assertThat(fetch(path, order)).isEqualTo(metadata(path));
            assertThat(server.asked).isEqualTo(all.subList(0, i + 1));
        }
        server.clear();
        assertThatThrownBy(() -> fetch(path, order))
                .isInstanceOf(IOException.class)
                .hasMessage("The metadata of " + server.origin + path + " could not be fetched: status 404");
        assertThat(server.asked).isEqualTo(all);
    }

    // ---- What does not end the search -----------------------------------------------------------------------------

    @ParameterizedTest
    @ValueSource(ints = {204, 301, 302, 307, 308, 400, 401, 403, 404, 405, 410, 500, 502, 503})
    void no_status_ends_the_search(int status) throws Exception {
        server.status(OAUTH + "/t1", status);
        server.status(OPENID + "/t1", status);
        server.json("/t1" + OPENID, metadata("/t1"));
        assertThat(fetch("/t1", Order.OAUTH_FIRST)).isEqualTo(metadata("/t1"));
        assertThat(server.asked).hasSize(3);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "<!doctype html><html><body>{}</body></html>",
                "[]",
                "null",
                "7",
                "\"text\"",
                "{",
                "{} {}",
                "{\"issuer\":7}",
                "{\"issuer\":null}",
                "{\"issuer\":\"https://evil.example\"}"
            })
    void nothing_that_is_not_this_servers_metadata_ends_the_search(String body) throws Exception {
        server.json(OAUTH + "/t1", body);
        server.json(OPENID + "/t1", body);
        server.json("/t1" + OPENID, "\uFEFF" + metadata("/t1"));
        assertThat(fetch("/t1", Order.OAUTH_FIRST)).isEqualTo(metadata("/t1"));
        assertThat(server.asked).hasSize(3);
    }

    @Test
    void a_page_that_is_larger_than_any_metadata_does_not_end_the_search() throws Exception {
        server.json(OAUTH, "<html>" + "x".repeat(300 * 1024));
        server.json(OPENID, metadata(""));
        assertThat(fetch("", Order.OAUTH_FIRST)).isEqualTo(metadata(""));
    }

    // ---- What does, and what is reported --------------------------------------------------------------------------

    @ParameterizedTest
    @EnumSource(Order.class)
    void a_server_that_does_not_answer_is_asked_once(Order order) {
        server.drop(OAUTH, OPENID);
        assertThatThrownBy(() -> fetch("", order))
                .isInstanceOf(IOException.class)
                .hasMessage("The metadata of " + server.origin + " could not be fetched")
                .hasCauseInstanceOf(IOException.class);
        assertThat(server.asked).hasSize(1);
    }

    @ParameterizedTest
    @CsvSource({"429, 60", "503, 60", "403, 60", "429, "})
    void a_server_that_wants_to_be_left_alone_is_asked_nothing_more(int status, Integer seconds) {
        server.status(OPENID + "/t1", status, seconds);
        server.json("/t1" + OPENID, metadata("/t1"));
        assertThatThrownBy(() -> fetch("/t1", Order.OAUTH_FIRST))
                .hasMessageContaining("status " + status)
                .satisfies(failure -> {
                    if (seconds != null) {
                        assertThat(((BusyException) failure).retryAfter()).isEqualTo(Duration.ofSeconds(seconds));
                    }
                });
        assertThat(server.asked).containsExactly(OAUTH + "/t1", OPENID + "/t1");
    }

    @ParameterizedTest
    @CsvSource({
        "503, 404, 302, 503",
        "404, 500, 404, 500",
        "301, 404, 404, 301",
        "404, 403, 410, 404",
        "502, 503, 404, 502"
    })
    void the_most_telling_failure_is_reported(int first, int second, int third, int reported) {
        server.status(OAUTH + "/t1", first);
        server.status(OPENID + "/t1", second);
        server.status("/t1" + OPENID, third);
        assertThatThrownBy(() -> fetch("/t1", Order.OAUTH_FIRST)).hasMessageEndingWith(": status " + reported);
    }

    @Test
    void metadata_of_somebody_else_is_reported_before_any_failure() {
        server.status(OAUTH + "/t1", 503);
        server.json(OPENID + "/t1", metadata("/t2"));
        server.json("/t1" + OPENID, "<html>");
        assertThatThrownBy(() -> fetch("/t1", Order.OAUTH_FIRST))
                .isInstanceOf(IOException.class)
                .hasCauseInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("another server")
                .hasMessageContaining(server.origin + "/t2");
    }

    @Test
    void a_server_that_has_pages_everywhere_makes_no_sense() {
        server.json(OAUTH, "<html>");
        server.json(OPENID, "<html>");
        assertThatThrownBy(() -> fetch("", Order.OAUTH_FIRST))
                .isInstanceOf(IOException.class)
                .hasCauseInstanceOf(IllegalArgumentException.class)
                .hasMessage("The metadata of " + server.origin + " is not JSON");
    }

    @Test
    void what_a_document_says_is_made_harmless_in_messages() {
        server.json(OAUTH, "{\"issuer\":\"https://evil.example/<script>\\n\"}");
        assertThatThrownBy(() -> fetch("", Order.OAUTH_FIRST)).hasMessageContaining("https://evil.example/ script");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "http://login.example",
                "https://login.example?x",
                "https://login.example#x",
                "https://a@login.example",
                "HTTPS://login.example",
                "login.example",
                "https://",
                "https:login.example",
                "file:///etc/passwd",
                ""
            })
    void what_is_no_issuer_is_asked_nothing(String issuer) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> MetadataDocuments.fetch(server.http, issuer, Order.OAUTH_FIRST, json -> json));
        assertThatIllegalArgumentException().isThrownBy(() -> MetadataDocuments.issuer("http://127.0.0.1", false));
    }
}
