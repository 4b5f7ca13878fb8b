/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.protocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Set;
import okhttp3.HttpUrl;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The URLs that a token may be sent to. */
class ApiAddressesTest {
    private static final String HOST = "https://api.example";
    private static final ApiAddresses TENANT = ApiAddresses.below(HttpUrl.get(HOST + "/tenant-a/mcp"));

    private static boolean covers(String url) {
        return TENANT.cover(HttpUrl.get(url));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "/tenant-a/mcp",
                "/tenant-a/mcp/",
                "/tenant-a/mcp/x",
                "/tenant-a/mcp/x/y/?z=//..%2f;",
                "/tenant-a/mcp#/..",
                "/tenant-a/%6dcp",
                "/tenant-b/../tenant-a/mcp",
                "/tenant-a/mcp/./x/../y",
                "\\tenant-a\\mcp",
                "/tenant-a/mcp/a%20b:c@d~%C3%A9",
                "/tenant-a/mcp/100%25",
                "/tenant-a/mcp/100%"
            })
    void what_is_below_the_path_is_covered(String path) {
        assertThat(covers(HOST + path)).isTrue();
        assertThat(covers("https://me:pass@API.EXAMPLE:443" + path.replace('\\', '/')))
                .isTrue();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "/",
                "/tenant-a",
                "/tenant-a/",
                "/tenant-a/mcpx",
                "/tenant-a/mc",
                "/tenant-a/x/mcp",
                "/tenant-b/mcp",
                "/x/tenant-a/mcp",
                "/TENANT-A/mcp",
                "/tenant-a/MCP",
                "/tenant-a/mcp/../../tenant-b/mcp",
                "/tenant-a/mcp/..",
                "/tenant-a/mcp/%2e%2e/%2E%2E/tenant-b/mcp",
                "/tenant-a/mcp/.%2e/%2e./tenant-b/mcp",
                "/tenant-a/mcp\\..\\..\\tenant-b\\mcp",
                "/?/tenant-a/mcp",
                "/#/tenant-a/mcp"
            })
    void what_is_beside_it_is_not(String path) {
        assertThat(covers(HOST + path)).isFalse();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "/tenant-a/mcp/..%2f..%2ftenant-b/mcp",
                "/tenant-a/mcp/..%2F..%2Ftenant-b/mcp",
                "/tenant-a/mcp/..%5c..%5Ctenant-b/mcp",
                "/tenant-a%2fmcp",
                "/tenant-a%2fmcp/mcp",
                "/tenant-a/mcp/..;/..;x=y/tenant-b/mcp",
                "/tenant-a/mcp;x=y",
                "/tenant-a;x=y/mcp",
                "/tenant-a/mcp/%3b/x",
                "/tenant-a/mcp//x",
                "/tenant-a//mcp",
                "//tenant-a/mcp",
                "/tenant-a/mcp//",
                "/tenant-a/mcp//../../../tenant-b/mcp",
                "/tenant-a/mcp/..%252f..%252ftenant-b/mcp",
                "/tenant-a/mcp/%252e%252e/%252e%252e/tenant-b/mcp",
                "/tenant-a/mcp/..%25252f",
                "/tenant-a/mcp/..%%32%66..",
                "/tenant-a/mcp/..%255c..",
                "/tenant-a/mcp/..%253b/x",
                "/tenant-a/mcp/x%00",
                "/tenant-a/mcp/x%0d%0ay",
                "/tenant-a/mcp/%c0%ae%c0%ae%c0%af"
            })
    void what_servers_may_read_as_another_path_is_not(String path) {
        assertThat(covers(HOST + path)).isFalse();
        // of a whole origin there is nothing outside
        assertThat(ApiAddresses.of(Set.of(HOST)).cover(HttpUrl.get(HOST + path)))
                .isTrue();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "http://api.example/tenant-a/mcp",
                "http://api.example:443/tenant-a/mcp",
                "https://api.example:8443/tenant-a/mcp",
                "https://api.example./tenant-a/mcp",
                "https://x.api.example/tenant-a/mcp",
                "https://api.example@evil.example/tenant-a/mcp",
                "https://evil.example/https://api.example/tenant-a/mcp"
            })
    void the_same_path_of_another_origin_is_not(String url) {
        assertThat(covers(url)).isFalse();
    }

    @Test
    void a_slash_at_the_end_and_a_query_of_the_api_do_not_count() {
        for (String api : new String[] {"/tenant-a/mcp/", "/tenant-a/mcp?x=y", "/tenant-a/%6dcp/?x#y"}) {
            assertThat(ApiAddresses.below(HttpUrl.get(HOST + api))).isEqualTo(TENANT);
        }
        assertThat(TENANT).hasToString("[https://api.example:443/tenant-a/mcp]");
    }

    @ParameterizedTest
    @ValueSource(strings = {"/a//b", "/a/..%2fb", "/a;b", "/a%5cb", "//", "/a%252fb"})
    void an_api_whose_path_servers_may_read_in_several_ways_is_refused(String path) {
        assertThatThrownBy(() -> ApiAddresses.below(HttpUrl.get(HOST + path)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("several ways");
    }

    @Test
    void an_api_without_a_path_has_the_origin() {
        ApiAddresses root = ApiAddresses.below(HttpUrl.get(HOST + "/?x"));
        assertThat(root).isEqualTo(ApiAddresses.of(Set.of("https://API.example:443")));
        assertThat(root.areLimited()).isFalse();
        assertThat(root.isEmpty()).isFalse();
        assertThat(ApiAddresses.of(Set.of()).isEmpty()).isTrue();
        assertThat(ApiAddresses.of(Set.of("https://[0:0::1]:8443")).cover(HttpUrl.get("https://[::1]:8443/x")))
                .isTrue();
    }

    @Test
    void addresses_overlap_if_one_is_below_the_other() {
        ApiAddresses origin = ApiAddresses.of(Set.of(HOST, "https://other.example"));
        ApiAddresses parent = ApiAddresses.below(HttpUrl.get(HOST + "/tenant-a"));
        ApiAddresses sibling = ApiAddresses.below(HttpUrl.get(HOST + "/tenant-b/mcp"));
        ApiAddresses elsewhere = ApiAddresses.below(HttpUrl.get("https://third.example/tenant-a/mcp"));
        for (ApiAddresses other : new ApiAddresses[] {origin, parent, TENANT}) {
            assertThat(other.overlap(TENANT)).isTrue();
            assertThat(TENANT.overlap(other)).isTrue();
        }
        for (ApiAddresses other : new ApiAddresses[] {sibling, elsewhere, ApiAddresses.of(Set.of())}) {
            assertThat(other.overlap(TENANT)).isFalse();
            assertThat(TENANT.overlap(other)).isFalse();
        }
    }

    @Test
    void a_redirect_takes_a_token_to_no_other_origin_even_if_both_are_covered() {
        ApiAddresses two = ApiAddresses.of(Set.of("https://a.example", "https://b.example"));
        HttpUrl a = HttpUrl.get("https://a.example/x");
        assertThat(two.mayFollow(a, HttpUrl.get("https://a.example/y"))).isTrue();
        assertThat(two.mayFollow(a, HttpUrl.get("https://b.example/y"))).isFalse();
        HttpUrl mcp = HttpUrl.get(HOST + "/tenant-a/mcp");
        assertThat(TENANT.mayFollow(mcp, HttpUrl.get(HOST + "/tenant-a/mcp/x"))).isTrue();
        assertThat(TENANT.mayFollow(mcp, HttpUrl.get(HOST + "/tenant-b/mcp"))).isFalse();
    }
}
