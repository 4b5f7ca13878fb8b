/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import okhttp3.HttpUrl;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The metadata of an API: its places, its content, and claims that nobody believes. */
@Timeout(300)
class ResourceMetadataTest {
    private static final String PLACE = "/.well-known/oauth-protected-resource";
    private static final HttpUrl API = HttpUrl.get("https://api.example/v1/mcp");
    private static final HttpUrl FROM = HttpUrl.get("https://api.example" + PLACE + "/v1/mcp");
    private static final HttpUrl ROOT = HttpUrl.get("https://api.example" + PLACE);
    private static final HttpUrl ELSEWHERE = HttpUrl.get("https://elsewhere.example/metadata");

    private final Documents server = new Documents();

    @AfterEach
    void close() {
        server.close();
    }

    private static String json(String resource, String... more) {
        return "{\"resource\":\"" + resource + "\",\"authorization_servers\":[\"https://login.example\"]"
                + String.join("", more) + "}";
    }

    private static ResourceMetadata servers(String list) {
        return ResourceMetadata.read(
                API, FROM, false, "{\"resource\":\"" + API + "\",\"authorization_servers\":" + list + "}");
    }

    // ---- What it says ---------------------------------------------------------------------------------------------

    @Test
    void everything_that_metadata_say_is_read() {
        assertThat(ResourceMetadata.read(
                        API,
                        FROM,
                        false,
                        "\uFEFF{\"resource\":\"https://api.example/v1/mcp\","
                                + "\"authorization_servers\":[\"https://login.example/t1\",\"https://other.example\"],"
                                + "\"scopes_supported\":[\"a\",\"b:c\"],\"bearer_methods_supported\":[\"header\"],"
                                + "\"dpop_bound_access_tokens_required\":true,"
                                + "\"tls_client_certificate_bound_access_tokens\":true,"
                                + "\"resource_name\":\"The <API>\",\"unheard_of\":{}}"))
                .isEqualTo(new ResourceMetadata(
                        "https://api.example/v1/mcp",
                        List.of("https://login.example/t1", "https://other.example"),
                        Set.of("a", "b:c"),
                        true,
                        true,
                        Set.of("header"),
                        "The  API",
                        FROM));
        ResourceMetadata least = ResourceMetadata.read(API, FROM, false, json(API.toString()));
        assertThat(least.scopes()).isEmpty();
        assertThat(least.bearerMethods()).isEmpty();
        assertThat(least.dpopRequired()).isFalse();
        assertThat(least.certificateRequired()).isFalse();
        assertThat(least.name()).isNull();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "<html>",
                "null",
                "[]",
                "7",
                "{",
                "{} {}",
                "{}",
                "{\"resource\":7,\"authorization_servers\":[\"https://login.example\"]}",
                "{\"resource\":\"https://api.example/v1/mcp\",\"resource\":\"https://evil.example\","
                        + "\"authorization_servers\":[\"https://login.example\"]}"
            })
    void what_makes_no_sense_is_refused(String json) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> ResourceMetadata.read(API, FROM, false, json))
                .withMessageStartingWith("The metadata at " + FROM + " ");
    }

    @Test
    void what_is_absurdly_large_or_deep_is_refused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> ResourceMetadata.read(
                        API, FROM, false, json(API.toString(), ",\"x\":\"" + "x".repeat(64 * 1024) + "\"")))
                .withMessageContaining("larger than");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> ResourceMetadata.read(
                        API, FROM, false, json(API.toString(), ",\"x\":" + "[".repeat(20_000) + "]".repeat(20_000))));
    }

    // ---- Whose it is ----------------------------------------------------------------------------------------------

    @ParameterizedTest
    @CsvSource({
        "https://api.example/v1/mcp, https://api.example/v1/mcp",
        "https://api.example/v1/mcp, HTTPS://API.example:443/v1/mcp",
        "https://api.example/v1/mcp, https://api.example/v1/x/../mcp",
        "https://api.example, https://api.example",
        "https://api.example, https://api.example/",
        "https://api.example/, https://api.example",
        "https://api.example:8443/a%20b?c=d, https://api.example:8443/a%20b?c=d",
        "https://[::1]/mcp, https://[0:0:0:0:0:0:0:1]/mcp"
    })
    void metadata_are_an_apis_own_where_they_name_its_url(String api, String resource) {
        HttpUrl url = HttpUrl.get(api);
        for (HttpUrl from : List.of(ResourceMetadata.places(url).get(0), ELSEWHERE)) {
            assertThat(ResourceMetadata.read(url, from, from.equals(ELSEWHERE), json(resource))
                            .resource())
                    .as("letter by letter")
                    .isEqualTo(resource);
        }
    }

    /** The place of the path is made from that path (RFC 9728 section 3.3); the other ones are not. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "https://api.example",
                "https://api.example/",
                "https://api.example/v1",
                "https://api.example/v1/",
                "https://api.example/v1/mcp/"
            })
    void metadata_of_a_parent_path_count_where_a_challenge_or_the_root_has_them(String resource) {
        assertThat(ResourceMetadata.read(API, ELSEWHERE, true, json(resource)).resource())
                .isEqualTo(resource);
        assertThat(ResourceMetadata.read(API, FROM, true, json(resource)).resource())
                .isEqualTo(resource);
        assertThat(ResourceMetadata.read(API, ROOT, false, json(resource)).resource())
                .isEqualTo(resource);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> ResourceMetadata.read(API, FROM, false, json(resource)))
                .withMessage("The metadata at " + FROM + " is for the resource " + resource + ", not for " + API);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "https://evil.example/v1/mcp",
                "https://api.example.evil.example/v1/mcp",
                "http://api.example/v1/mcp",
                "https://api.example:8443/v1/mcp",
                "https://api.example/v1/mc",
                "https://api.example/v",
                "https://api.example/v1/mcp/deeper",
                "https://api.example/v2",
                "https://api.example/V1/mcp",
                "https://api.example//v1/mcp",
                "https://api.example/v1%2fmcp",
                "https://api.example/v1/mcp?x=y",
                "https://api.example/?x=y",
                "https://api.example/v1/mcp#",
                "https://api.example/v1/mcp#x",
                "https://user@api.example/v1/mcp",
                "https://api.example/v1/mcp ",
                " https://api.example/v1/mcp",
                "https:/api.example/v1/mcp",
                "https:\\\\api.example/v1/mcp",
                "https://api.example\\\\v1/mcp",
                "https://api.example/v1/m\\tcp",
                "//api.example/v1/mcp",
                "/v1/mcp",
                "api.example",
                "urn:example:mcp"
            })
    void metadata_of_another_resource_are_refused_wherever_they_are(String resource) {
        for (HttpUrl from : List.of(FROM, ROOT, ELSEWHERE)) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> ResourceMetadata.read(API, from, from.equals(ELSEWHERE), json(resource)))
                    .withMessageContaining("is for the resource ")
                    .withMessageEndingWith(", not for " + API);
        }
    }

    @Test
    void messages_quote_nothing_that_could_do_harm_and_no_query() {
        HttpUrl api = HttpUrl.get("https://user:secret@api.example/mcp?key=secret");
        for (HttpUrl from : ResourceMetadata.places(api)) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> ResourceMetadata.read(
                            api, from, false, json("https://evil.example/<script>\\u001b" + "x".repeat(5_000))))
                    .withMessageContaining("https://evil.example/ script ")
                    .withMessageContaining("not for https://api.example/mcp")
                    .satisfies(failure -> assertThat(failure.getMessage())
                            .hasSizeLessThan(1_000)
                            .doesNotContain("<", "\u001b", "secret"));
        }
    }

    // ---- Which servers --------------------------------------------------------------------------------------------

    @Test
    void what_is_not_an_issuer_is_left_out() {
        assertThat(servers("[7,null,{},\"\",\"login.example\",\"http://login.example\",\"http://127.0.0.1:1\","
                                + "\"https://login.example?x\",\"https://login.example#x\",\"https://a@login.example\","
                                + "\"https://login.example:99999\",\"javascript:alert(1)\",\"https://"
                                + "x".repeat(3_000)
                                + "\",\"https://one.example\",\"https://two.example/t\",\"https://one.example\"]")
                        .authorizationServers())
                .containsExactly("https://one.example", "https://two.example/t");
    }

    @ParameterizedTest
    @ValueSource(strings = {"null", "[]", "\"https://login.example\"", "{}", "[\"\"]", "[\"http://login.example\"]"})
    void metadata_without_an_authorization_server_are_refused(String list) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> servers(list))
                .withMessageContaining("names no authorization server");
    }

    @Test
    void of_a_hundred_servers_ten_are_read() {
        List<String> hundred = IntStream.range(0, 100)
                .mapToObj(i -> "\"https://login" + i + ".example\"")
                .toList();
        assertThat(servers(hundred.toString()).authorizationServers())
                .hasSize(10)
                .startsWith("https://login0.example");
    }

    @Test
    void issuers_are_http_on_this_machine_only_where_the_api_is() {
        HttpUrl local = HttpUrl.get("http://localhost:8080/mcp");
        String json =
                "{\"resource\":\"%s\",\"authorization_servers\":[\"http://127.0.0.1:9000/t\",\"http://[::1]:9000\","
                        + "\"http://login.example\"]}";
        assertThat(ResourceMetadata.read(local, ELSEWHERE, true, json.replace("%s", local.toString()))
                        .authorizationServers())
                .containsExactly("http://127.0.0.1:9000/t", "http://[::1]:9000");
        for (String other : List.of("https://localhost:8080/mcp", "http://api.example/mcp")) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() ->
                            ResourceMetadata.read(HttpUrl.get(other), ELSEWHERE, true, json.replace("%s", other)));
        }
    }

    @Test
    void what_is_no_scope_is_left_out_and_so_are_more_than_a_url_can_hold() {
        assertThat(ResourceMetadata.read(
                                API,
                                FROM,
                                false,
                                json(
                                        API.toString(),
                                        ",\"scopes_supported\":[\"a\",7,\"\",\"b c\",\"d\\\"\",\"e\u00e9\",\"a\",\"f\"]"))
                        .scopes())
                .containsExactly("a", "f");
        assertThat(ResourceMetadata.read(API, FROM, false, json(API.toString(), ",\"scopes_supported\":\"a b\""))
                        .scopes())
                .isEmpty();
        String many = String.join(
                ",",
                IntStream.range(0, 3_000).mapToObj(i -> "\"scope" + i + "\"").toList());
        assertThat(String.join(
                        " ",
                        ResourceMetadata.read(
                                        API, FROM, false, json(API.toString(), ",\"scopes_supported\":[" + many + "]"))
                                .scopes()))
                .hasSizeBetween(4_000, 4_096)
                .startsWith("scope0 scope1 ");
    }

    // ---- Where it is ----------------------------------------------------------------------------------------------

    @ParameterizedTest
    @CsvSource({
        "https://api.example, PLACE",
        "https://api.example/, PLACE",
        "https://api.example:8443/mcp, PLACE/mcp PLACE",
        "https://api.example/a/b/, PLACE/a/b/ PLACE",
        "https://api.example/a%20b?c=d, PLACE/a%20b?c=d PLACE",
        "https://api.example?c=d, PLACE?c=d PLACE",
        "https://user:password@api.example/mcp#fragment, PLACE/mcp PLACE"
    })
    void the_places_are_the_standards_and_then_the_hosts(String api, String places) {
        HttpUrl url = HttpUrl.get(api);
        String origin = url.scheme() + "://" + url.host() + (url.port() == 443 ? "" : ":" + url.port());
        assertThat(ResourceMetadata.places(url))
                .extracting(HttpUrl::toString)
                .containsExactly(places.replace("PLACE", origin + PLACE).split(" "));
    }

    private @Nullable ResourceMetadata fetch(@Nullable String fromChallenge) throws IOException {
        return ResourceMetadata.fetch(
                server.http,
                url("/v1/mcp"),
                fromChallenge == null ? null : HttpUrl.get(fromChallenge),
                (what, json) -> json);
    }

    private HttpUrl url(String path) {
        return HttpUrl.get(server.origin + path);
    }

    @Test
    void the_place_that_a_challenge_names_is_the_only_one_that_is_asked() throws Exception {
        server.json("/metadata?of=mcp", json(server.origin + "/v1"));
        server.json(PLACE + "/v1/mcp", json(server.origin + "/v1/mcp"));
        ResourceMetadata found = fetch(server.origin + "/metadata?of=mcp");
        assertThat(found).isNotNull();
        assertThat(found.resource()).isEqualTo(server.origin + "/v1");
        assertThat(found.from()).isEqualTo(url("/metadata?of=mcp"));
        assertThat(server.asked).containsExactly("/metadata?of=mcp");
        server.clear();
        server.json(PLACE + "/v1/mcp", json(server.origin + "/v1/mcp"));
        assertThatThrownBy(() -> fetch(server.origin + "/metadata?of=mcp"))
                .as("an API that names its metadata has some")
                .isInstanceOf(IOException.class)
                .hasMessage("The metadata of " + server.origin + "/v1/mcp could not be fetched: status 404");
        assertThat(server.asked).containsExactly("/metadata?of=mcp");
    }

    @Test
    void a_challenge_may_name_a_place_on_another_origin() throws Exception {
        try (Documents other = new Documents()) {
            other.json("/metadata", json(server.origin + "/v1/mcp"));
            ResourceMetadata found = fetch(other.origin + "/metadata");
            assertThat(found).isNotNull();
            assertThat(found.from().toString()).isEqualTo(other.origin + "/metadata");
            other.json("/metadata", json(other.origin + "/v1/mcp"));
            assertThatThrownBy(() -> fetch(other.origin + "/metadata"))
                    .isInstanceOf(IOException.class)
                    .hasCauseInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("is for the resource " + other.origin + "/v1/mcp");
        }
        assertThat(server.asked).isEmpty();
    }

    /** As servers behind a proxy name themselves. */
    @ParameterizedTest
    @ValueSource(
            strings = {"http://api.example/metadata", "http://169.254.169.254/", "https://user@api.example/metadata"})
    void a_challenge_that_names_a_place_without_encryption_or_with_a_user_counts_as_one_without(String url)
            throws Exception {
        server.json(PLACE + "/v1/mcp", json(server.origin + "/v1/mcp"));
        assertThat(fetch(url)).isNotNull();
        assertThat(server.asked).containsExactly(PLACE + "/v1/mcp");
    }

    @Test
    void the_well_known_places_are_asked_in_their_order_until_one_has_the_metadata() throws Exception {
        server.json(PLACE + "/v1/mcp", json(server.origin + "/v1/mcp"));
        assertThat(fetch(null)).isNotNull();
        assertThat(server.asked).containsExactly(PLACE + "/v1/mcp");
        server.clear();
        server.json(PLACE, json(server.origin + "/"));
        ResourceMetadata found = fetch(null);
        assertThat(found).isNotNull();
        assertThat(found.resource()).isEqualTo(server.origin + "/");
        assertThat(server.asked).containsExactly(PLACE + "/v1/mcp", PLACE);
    }

    @ParameterizedTest
    @ValueSource(ints = {204, 302, 308, 401, 403, 404, 410, 500, 503})
    void no_status_ends_the_search(int status) throws Exception {
        server.status(PLACE + "/v1/mcp", status);
        server.json(PLACE, json(server.origin + "/v1"));
        assertThat(fetch(null)).isNotNull();
        assertThat(server.asked).containsExactly(PLACE + "/v1/mcp", PLACE);
    }

    @Test
    void neither_a_page_nor_the_metadata_of_another_api_ends_the_search() throws Exception {
        server.json(PLACE, json(server.origin + "/v1"));
        for (String body : List.of("<html>", "[]", "{}", json(server.origin + "/v1"), json("https://evil.example"))) {
            server.json(PLACE + "/v1/mcp", body);
            assertThat(fetch(null)).as(body).isNotNull();
        }
        server.json(PLACE, json(server.origin + "/v2"));
        assertThatThrownBy(() -> fetch(null))
                .isInstanceOf(IOException.class)
                .hasCauseInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("is for the resource https://evil.example");
    }

    @ParameterizedTest
    @ValueSource(ints = {400, 401, 403, 404, 405, 410})
    void an_api_without_such_places_has_no_metadata(int status) throws Exception {
        server.status(PLACE + "/v1/mcp", status);
        assertThat(fetch(null)).isNull();
        assertThat(server.asked).containsExactly(PLACE + "/v1/mcp", PLACE);
    }

    @Test
    void whether_an_api_has_metadata_is_unknown_while_a_place_fails() {
        for (int status : List.of(302, 500, 503)) {
            server.status(PLACE + "/v1/mcp", status);
            assertThatThrownBy(() -> fetch(null)).hasMessageEndingWith(": status " + status);
        }
        server.json(PLACE + "/v1/mcp", "<html>");
        assertThatThrownBy(() -> fetch(null)).hasMessageContaining("is not a JSON object");
        server.status(PLACE + "/v1/mcp", 429, 30);
        assertThatThrownBy(() -> fetch(null))
                .isInstanceOfSatisfying(
                        BusyException.class,
                        failure -> assertThat(failure.retryAfter()).isEqualTo(Duration.ofSeconds(30)));
        server.drop(PLACE + "/v1/mcp");
        assertThatThrownBy(() -> fetch(null)).isInstanceOf(IOException.class);
    }
}
