/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.provider;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.grantkeeper.internal.provider.Facts;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PresetsTest {
    @Test
    void spotify_is_what_its_documentation_says() {
        Provider spotify = Spotify.provider();
        assertThat(spotify.authorizationEndpoint()).hasToString("https://accounts.spotify.com/authorize");
        assertThat(spotify.tokenEndpoint()).hasToString("https://accounts.spotify.com/api/token");
        assertThat(spotify.apiOrigins()).containsExactly("https://api.spotify.com:443");
        assertThat(Facts.of(spotify).profileEndpoint).hasToString("https://api.spotify.com/v1/me");
        assertThat(spotify.issuer()).isEmpty();
        assertThat(spotify.revocationEndpoint()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({
        "PUBLIC, https://login.microsoftonline.com/, https://graph.microsoft.com:443",
        "US_GOVERNMENT, https://login.microsoftonline.us/, https://graph.microsoft.us:443",
        "US_GOVERNMENT_DOD, https://login.microsoftonline.us/, https://dod-graph.microsoft.us:443",
        "CHINA, https://login.partner.microsoftonline.cn/, https://microsoftgraph.chinacloudapi.cn:443"
    })
    void entra_lives_in_several_clouds(EntraId.Cloud cloud, String login, String graph) {
        Provider entra = EntraId.provider("organizations", cloud);
        assertThat(entra.authorizationEndpoint()).hasToString(login + "organizations/oauth2/v2.0/authorize");
        assertThat(entra.tokenEndpoint()).hasToString(login + "organizations/oauth2/v2.0/token");
        assertThat(entra.deviceAuthorizationEndpoint().orElseThrow())
                .hasToString(login + "organizations/oauth2/v2.0/devicecode");
        assertThat(entra.endSessionEndpoint().orElseThrow()).hasToString(login + "organizations/oauth2/v2.0/logout");
        assertThat(entra.jwksUri().orElseThrow()).hasToString(login + "organizations/discovery/v2.0/keys");
        assertThat(entra.issuer()).contains(login + "{tenantid}/v2.0");
        assertThat(entra.apiOrigins()).containsExactly(graph);
    }

    @Test
    void the_issuer_of_one_tenant_is_that_tenants() {
        String tenant = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490";
        assertThat(EntraId.provider(tenant).issuer()).contains("https://login.microsoftonline.com/" + tenant + "/v2.0");
        assertThat(EntraId.provider(tenant.toUpperCase(java.util.Locale.ROOT)).issuer())
                .contains("https://login.microsoftonline.com/" + tenant + "/v2.0");
        assertThat(EntraId.provider("consumers").issuer())
                .contains("https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0");
        assertThat(EntraId.provider("contoso.onmicrosoft.com").tokenEndpoint())
                .hasToString("https://login.microsoftonline.com/contoso.onmicrosoft.com/oauth2/v2.0/token");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                " ",
                "a b",
                "evil.example/",
                "../common",
                "common/../evil",
                "common?x=y",
                "common#x",
                "@evil.example",
                "evil.example:443",
                "a..b",
                ".common",
                "common.",
                "-a",
                "%2e%2e",
                "ünïcode.example",
                "common\\evil"
            })
    void no_tenant_can_move_the_url(String tenant) {
        assertThatThrownBy(() -> EntraId.provider(tenant)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> EntraId.version1(tenant)).isInstanceOf(IllegalArgumentException.class);
    }

    @ParameterizedTest
    @CsvSource({
        "https://graph.microsoft.com, https://graph.microsoft.com/.default",
        "https://vault.azure.net/, https://vault.azure.net//.default",
        "api://0f9e8d7c/things, api://0f9e8d7c/things/.default"
    })
    void version_1s_resource_has_a_scope_in_version_2(String resource, String scope) {
        assertThat(EntraId.scopeForResource(resource)).isEqualTo(scope);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "http://accounts.example.com/token",
                "javascript:alert(1)",
                "file:///etc/passwd",
                "accounts.example.com",
                "https:///token",
                "https://user@accounts.example.com/token",
                "https://accounts.example.com/token#x",
                "http://127.0.0.1/token",
                "ftp://accounts.example.com/",
                "https://exa mple.com/",
                "",
                "//accounts.example.com"
            })
    void endpoints_are_https_or_they_are_none(String url) {
        Provider.Builder builder = Provider.builder("x")
                .authorizationEndpoint("https://a.example/")
                .tokenEndpoint(url);
        assertThatThrownBy(builder::build).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void http_is_for_loopback_and_has_to_be_asked_for() {
        Provider.Builder builder = Provider.builder("x")
                .allowHttpOnLoopback()
                .authorizationEndpoint("http://[::1]:8080/authorize")
                .tokenEndpoint("http://127.0.0.1:8080/token");
        assertThat(builder.build().tokenEndpoint()).hasToString("http://127.0.0.1:8080/token");
        assertThatThrownBy(() -> builder.tokenEndpoint("http://127.0.0.1.evil.example/token")
                        .build())
                .isInstanceOf(IllegalArgumentException.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"state", "nonce", "code_challenge", "redirect_uri", "response_mode", "client_id"})
    void no_provider_can_set_what_the_library_decides(String parameter) {
        Provider.Builder builder = Spotify.provider().newBuilder().authorizationParameter(parameter, "x");
        assertThatThrownBy(builder::build)
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(parameter);
    }

    @Test
    void a_copy_of_a_provider_is_the_same_provider() {
        for (Provider entra :
                List.of(EntraId.provider("common"), EntraId.provider("organizations"), EntraId.version1("common"))) {
            assertThat(entra.newBuilder().build()).usingRecursiveComparison().isEqualTo(entra);
        }
        assertThat(Spotify.provider().newBuilder().build())
                .usingRecursiveComparison()
                .isEqualTo(Spotify.provider());
    }
}
