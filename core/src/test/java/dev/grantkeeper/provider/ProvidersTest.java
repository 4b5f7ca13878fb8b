/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.provider;

import static org.assertj.core.api.Assertions.assertThat;

import dev.grantkeeper.internal.provider.DialectFacts;
import dev.grantkeeper.internal.provider.Facts;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Period;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import okhttp3.HttpUrl;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class ProvidersTest {
    /** Good values for the parameters of the factories that take texts, in their order. */
    private static final Map<String, List<String>> TEXTS = Map.ofEntries(
            Map.entry("auth0", List.of("acme.eu.auth0.com")),
            Map.entry("okta", List.of("acme.okta.com", "default")),
            Map.entry("keycloak", List.of("login.example.com", "acme")),
            Map.entry("gitLab", List.of("gitlab.example.com")),
            Map.entry("salesforce", List.of("acme.my.salesforce.com")),
            Map.entry("serviceNow", List.of("acme")),
            Map.entry("shopify", List.of("acme")),
            Map.entry("uaa", List.of("uaa.sys.example.com")),
            Map.entry("wso2", List.of("apim.example.com")),
            Map.entry("zitadel", List.of("acme-x1y2z3.eu1.zitadel.cloud")),
            Map.entry("apple", List.of("TEAM123456")),
            Map.entry("reddit", List.of("linux:com.example.app:v1 (by /u/somebody)")));

    /** Presets whose APIs are the application's own, or not known before a user signed in, or not there. */
    private static final Set<String> WITHOUT_APIS = Set.of(
            "auth0-acme.eu.auth0.com",
            "okta-acme.okta.com.default",
            "keycloak-login.example.com.acme",
            "uaa-uaa.sys.example.com",
            "wso2-apim.example.com",
            "zitadel-acme-x1y2z3.eu1.zitadel.cloud",
            "apple",
            "mailchimp");

    /** Presets that do not identify the user in a way that can be described: nested, by a query, or not at all. */
    private static final Set<String> WITHOUT_IDENTITY =
            Set.of("linear", "servicenow-acme.service-now.com", "shopify-acme");

    /** A factory, called with arguments that are good. */
    private record Preset(String factory, Provider provider) {
        @Override
        public String toString() {
            return factory + " (" + provider.name() + ")";
        }
    }

    static List<Preset> presets() throws ReflectiveOperationException {
        List<Preset> presets = new ArrayList<>();
        for (Method method : Providers.class.getDeclaredMethods()) {
            if (Modifier.isPublic(method.getModifiers())
                    && method.getReturnType().equals(Provider.class)) {
                for (List<Object> arguments : arguments(method)) {
                    presets.add(new Preset(method.getName(), (Provider) method.invoke(null, arguments.toArray())));
                }
            }
        }
        presets.add(new Preset("Spotify.provider", Spotify.provider()));
        presets.add(new Preset("EntraId.provider", EntraId.provider("common")));
        return presets;
    }

    /** For tests elsewhere. */
    static List<Provider> providers() throws ReflectiveOperationException {
        return presets().stream().map(Preset::provider).toList();
    }

    private static List<List<Object>> arguments(Method method) {
        Class<?>[] types = method.getParameterTypes();
        if (types.length == 1 && types[0].isEnum()) {
            return Arrays.stream(types[0].getEnumConstants())
                    .map(List::<Object>of)
                    .toList();
        }
        return List.of(
                types.length == 0
                        ? List.of()
                        : List.copyOf(TEXTS.get(method.getName()).subList(0, types.length)));
    }

    private static Stream<URI> endpoints(Provider provider) {
        return Stream.of(
                        Optional.of(provider.authorizationEndpoint()),
                        Optional.of(provider.tokenEndpoint()),
                        Optional.of(Facts.of(provider).refreshEndpoint()),
                        provider.revocationEndpoint(),
                        provider.pushedAuthorizationRequestEndpoint(),
                        provider.deviceAuthorizationEndpoint(),
                        provider.backchannelAuthenticationEndpoint(),
                        provider.introspectionEndpoint(),
                        provider.endSessionEndpoint(),
                        provider.userInfoEndpoint(),
                        Optional.ofNullable(Facts.of(provider).profileEndpoint),
                        provider.jwksUri())
                .flatMap(Optional::stream);
    }

    @Test
    void there_are_forty_providers_and_more() throws Exception {
        assertThat(presets().stream().map(Preset::factory).distinct()).hasSizeGreaterThanOrEqualTo(44);
    }

    @Test
    void every_name_is_another_one() throws Exception {
        assertThat(presets().stream().map(preset -> preset.provider().name())).doesNotHaveDuplicates();
    }

    @ParameterizedTest
    @MethodSource("presets")
    void every_preset_names_its_documentation(Preset preset) {
        URI documentation = preset.provider().documentation();
        assertThat(documentation).hasScheme("https");
        assertThat(documentation.getHost()).doesNotContain("rfc-editor");
    }

    @ParameterizedTest
    @MethodSource("presets")
    void every_endpoint_is_https_and_read_alike_by_two_parsers(Preset preset) {
        assertThat(endpoints(preset.provider())).allSatisfy(endpoint -> {
            assertThat(endpoint).hasScheme("https");
            assertThat(HttpUrl.get(endpoint.toString()).host()).isEqualTo(endpoint.getHost());
            assertThat(endpoint.getPort()).isEqualTo(-1);
        });
        assertThat(preset.provider().apiOrigins()).allMatch(origin -> origin.matches("https://[a-z0-9.-]+:443"));
    }

    @ParameterizedTest
    @MethodSource("presets")
    void every_preset_says_where_tokens_may_go_or_is_known_not_to(Preset preset) {
        assertThat(preset.provider().apiOrigins().isEmpty())
                .isEqualTo(WITHOUT_APIS.contains(preset.provider().name()));
    }

    @ParameterizedTest
    @MethodSource("presets")
    void every_preset_says_who_the_user_is_or_is_known_not_to(Preset preset) {
        Provider provider = preset.provider();
        boolean known = provider.jwksUri().isPresent()
                || Facts.of(provider).profileEndpoint != null
                || Facts.of(provider).dialect.identityMembers.containsKey("sub");
        assertThat(known).isNotEqualTo(WITHOUT_IDENTITY.contains(provider.name()));
    }

    @ParameterizedTest
    @MethodSource("presets")
    void a_copy_of_a_preset_is_the_same(Preset preset) {
        assertThat(preset.provider().newBuilder().build())
                .usingRecursiveComparison()
                .isEqualTo(preset.provider());
    }

    // ---- What single presets say -----------------------------------------------------------------------------------

    @Test
    void a_refresh_token_that_has_to_be_asked_for_is_asked_for() {
        assertThat(Facts.of(Providers.google()).authorizationParameters).containsEntry("access_type", "offline");
        assertThat(Facts.of(Providers.dropbox()).authorizationParameters).containsEntry("token_access_type", "offline");
        assertThat(Facts.of(Providers.zoho(Providers.ZohoDataCenter.EU)).authorizationParameters)
                .containsEntry("access_type", "offline")
                .containsEntry("prompt", "consent");
        assertThat(Facts.of(Providers.reddit("a")).authorizationParameters).containsEntry("duration", "permanent");
        assertThat(Facts.of(Providers.shopify("acme")).dialect.tokenParameters).containsEntry("expiring", "1");
    }

    private static Map<String, Dialect.Meaning> errors(Provider preset) {
        Map<String, Dialect.Meaning> errors = new HashMap<>();
        preset.newBuilder().dialect(dialect -> errors.putAll(dialect.errors()));
        return errors;
    }

    @Test
    void errors_that_end_a_grant_are_known_under_the_servers_own_names() {
        assertThat(errors(Providers.gitHub()))
                .containsEntry("bad_refresh_token", Dialect.Meaning.REFUSED)
                .containsEntry("bad_verification_code", Dialect.Meaning.REFUSED)
                .containsEntry("incorrect_client_credentials", Dialect.Meaning.MISCONFIGURED);
        assertThat(errors(Providers.slack()))
                .containsEntry("invalid_refresh_token", Dialect.Meaning.REFUSED)
                .containsEntry("ratelimited", Dialect.Meaning.TEMPORARY);
        assertThat(errors(Providers.facebook()))
                .containsEntry("OAuthException/190", Dialect.Meaning.REFUSED)
                .containsEntry("OAuthException/613", Dialect.Meaning.TEMPORARY);
        assertThat(errors(Providers.uaa("uaa.example.com"))).containsEntry("invalid_token", Dialect.Meaning.REFUSED);
        assertThat(errors(Providers.exactOnline(Providers.ExactOnlineSite.NL)))
                .containsEntry("access_denied", Dialect.Meaning.TEMPORARY);
        assertThat(errors(Providers.twitch())).containsEntry("Invalid refresh token", Dialect.Meaning.REFUSED);
    }

    @Test
    void a_temporary_error_of_facebook_is_none_that_begins_alike() {
        // 4 is a limit, 463 is the subcode of an expired token: codes are compared part by part.
        assertThat(errors(Providers.facebook()).keySet()).allMatch(code -> code.matches("OAuthException/\\d+(/\\d+)?"));
    }

    @Test
    void tokens_of_bots_and_of_users_are_two_presets_at_slack() {
        assertThat(Facts.of(Providers.slack()).dialect.bearerTypes).containsExactly("bot");
        assertThat(Facts.of(Providers.slack()).dialect.parameterName("scope")).isEqualTo("scope");
        assertThat(Facts.of(Providers.slackUser()).dialect.bearerTypes).containsExactly("user");
        assertThat(Facts.of(Providers.slackUser()).dialect.parameterName("scope"))
                .isEqualTo("user_scope");
        assertThat(Facts.of(Providers.slackUser()).dialect.rejections)
                .isEqualTo(Facts.of(Providers.slack()).dialect.rejections)
                .contains("token_revoked", "not_authed");
    }

    @Test
    void zoho_is_where_the_account_is() {
        Provider europe = Providers.zoho(Providers.ZohoDataCenter.EU);
        assertThat(europe.tokenEndpoint()).hasToString("https://accounts.zoho.eu/oauth/v2/token");
        assertThat(europe.apiOrigins()).containsExactly("https://www.zohoapis.eu:443");
        assertThat(Facts.of(europe).dialect.apiBaseDomains).containsExactly("zohoapis.eu");
        assertThat(Facts.of(europe).dialect.serverParameter).isEqualTo("accounts-server");
        assertThat(Facts.of(europe).dialect.tokenScheme).isEqualTo("Zoho-oauthtoken");
        assertThat(Providers.zoho(Providers.ZohoDataCenter.AE).tokenEndpoint())
                .hasToString("https://accounts.zoho.ae/oauth/v2/token");
        assertThat(Providers.zoho(Providers.ZohoDataCenter.CA).tokenEndpoint())
                .hasToString("https://accounts.zohocloud.ca/oauth/v2/token");
    }

    @Test
    void exact_online_is_where_the_country_is() {
        assertThat(Providers.exactOnline(Providers.ExactOnlineSite.UK).tokenEndpoint())
                .hasToString("https://start.exactonline.co.uk/api/oauth2/token");
        assertThat(Providers.exactOnline(Providers.ExactOnlineSite.NL).apiOrigins())
                .containsExactly("https://start.exactonline.nl:443");
    }

    @Test
    void scopes_are_repeated_in_a_refresh_by_entra_and_by_no_other() throws Exception {
        assertThat(presets().stream()
                        .filter(preset -> Facts.of(preset.provider()).dialect.scopesOnRefresh)
                        .map(Preset::factory))
                .containsExactly("EntraId.provider");
        assertThat(Facts.of(EntraId.externalId("contoso", "11111111-2222-4333-8444-555555555555"))
                        .dialect
                        .scopesOnRefresh)
                .isTrue();
        assertThat(Facts.of(EntraId.version1("contoso.com")).dialect.scopesOnRefresh)
                .as("it names its API by a resource")
                .isFalse();
    }

    @Test
    void the_issuer_of_uaa_and_wso2_is_the_token_endpoint() {
        for (Provider provider : List.of(Providers.uaa("uaa.example.com"), Providers.wso2("apim.example.com"))) {
            assertThat(provider.issuer()).contains(provider.tokenEndpoint().toString());
        }
    }

    @Test
    void salesforce_says_where_each_users_api_is() {
        DialectFacts dialect = Facts.of(Providers.salesforce(Providers.Environment.PRODUCTION)).dialect;
        assertThat(dialect.apiBaseMember).isEqualTo("/instance_url");
        assertThat(dialect.apiBaseDomains).containsExactlyInAnyOrder("salesforce.com", "force.com");
        assertThat(Providers.salesforce(Providers.Environment.SANDBOX).tokenEndpoint())
                .hasToString("https://test.salesforce.com/services/oauth2/token");
    }

    @Test
    void a_shops_token_travels_in_a_header_of_its_own() {
        DialectFacts dialect = Facts.of(Providers.shopify("acme")).dialect;
        assertThat(dialect.tokenHeader).isEqualTo("X-Shopify-Access-Token");
        assertThat(dialect.tokenScheme).isEmpty();
        assertThat(dialect.callbackHmac).isEqualTo("hmac");
    }

    @Test
    void scopes_are_separated_as_the_server_reads_them() throws Exception {
        assertThat(presets().stream()
                        .filter(preset ->
                                Facts.of(preset.provider()).scopeSeparator.equals(","))
                        .map(Preset::factory)
                        .distinct())
                .containsExactlyInAnyOrder(
                        "facebook",
                        "figma",
                        "instagram",
                        "linear",
                        "shopify",
                        "slack",
                        "slackUser",
                        "strava",
                        "tikTok",
                        "zoho");
        assertThat(presets().stream().map(preset -> Facts.of(preset.provider()).scopeSeparator))
                .containsOnly(" ", ",");
    }

    @Test
    void no_pkce_is_sent_to_servers_that_are_known_not_to_take_it() {
        assertThat(Facts.of(Providers.linkedIn()).pkce).isFalse();
        assertThat(Facts.of(Providers.tikTok()).pkce).isFalse();
        assertThat(Facts.of(Providers.notion()).pkce).isFalse();
        assertThat(Facts.of(Providers.x()).pkce).isTrue();
        assertThat(Facts.of(Providers.gitHub()).pkce).isTrue();
    }

    @Test
    void servers_whose_messages_differ_are_described() {
        assertThat(Facts.of(Providers.notion()).dialect.jsonRequests).isTrue();
        assertThat(Facts.of(Providers.notion()).dialect.requestHeaders).containsKey("Notion-Version");
        assertThat(Facts.of(Providers.gitLab()).dialect.redirectUriOnRefresh).isTrue();
        assertThat(Facts.of(Providers.yahoo()).dialect.redirectUriOnRefresh).isTrue();
        assertThat(Facts.of(Providers.tikTok()).dialect.parameterName("client_id"))
                .isEqualTo("client_key");
        assertThat(Facts.of(Providers.apple("TEAM123456")).dialect.formPost).isTrue();
        assertThat(Facts.of(Providers.mailchimp()).dialect.zeroMeansForever).isTrue();
        assertThat(Facts.of(Providers.figma()).refreshEndpoint).hasToString("https://api.figma.com/v1/oauth/refresh");
        assertThat(Facts.of(Providers.stripeApps()).defaultLifetime).isEqualTo(Duration.ofHours(1));
        assertThat(Facts.of(Providers.quickBooks(Providers.Environment.PRODUCTION)).dialect.members)
                .containsEntry("refresh_token_expires_in", List.of("/x_refresh_token_expires_in"));
        assertThat(Facts.of(Providers.ebay(Providers.Environment.SANDBOX)).dialect.bearerTypes)
                .contains("User Access Token");
    }

    @Test
    void a_refresh_token_is_sent_again_at_once_only_where_that_does_no_harm() throws Exception {
        assertThat(presets().stream()
                        .filter(preset -> preset.provider().replay() == Provider.Replay.PROMPT)
                        .map(Preset::factory)
                        .distinct())
                .containsExactlyInAnyOrder(
                        "amazon",
                        "apple",
                        "asana",
                        "bitbucket",
                        "dropbox",
                        "ebay",
                        "figma",
                        "fitbit",
                        "google",
                        "hubSpot",
                        "reddit",
                        "serviceNow",
                        "shopify",
                        "stripeConnect",
                        "xero",
                        "zoho",
                        "Spotify.provider",
                        "EntraId.provider");
    }

    @Test
    void the_end_of_consent_counts_from_where_the_provider_counts() {
        assertThat(Facts.of(Providers.linkedIn()).refreshTokenLifetime).isEqualTo(Duration.ofDays(365));
        assertThat(Facts.of(Providers.linkedIn()).refreshTokenLifetimeFromLogin).isTrue();
        assertThat(Facts.of(Providers.box()).refreshTokenLifetime).isEqualTo(Duration.ofDays(60));
        assertThat(Facts.of(Providers.box()).refreshTokenLifetimeFromLogin).isFalse();
        assertThat(Facts.of(Providers.gitHub()).refreshTokenLifetime).isEqualTo(Period.ofMonths(6));
    }

    @Test
    void what_is_no_revocation_by_the_standard_is_not_taken_for_one() throws Exception {
        Set<String> without = new TreeSet<>(List.of(
                "gitHub",
                "slack",
                "slackUser",
                "dropbox",
                "facebook",
                "strava",
                "stripeConnect",
                "zoho",
                "notion",
                "serviceNow",
                "square",
                "uaa"));
        assertThat(presets().stream().filter(preset -> without.contains(preset.factory())))
                .isNotEmpty()
                .allMatch(preset -> preset.provider().revocationEndpoint().isEmpty());
    }

    @ParameterizedTest
    @CsvSource({
        "default, https://acme.okta.com/oauth2/default, https://acme.okta.com/oauth2/default/v1/token",
        "aus1, https://acme.okta.com/oauth2/aus1, https://acme.okta.com/oauth2/aus1/v1/token"
    })
    void an_authorization_server_at_okta_is_an_issuer(String id, String issuer, String token) {
        assertThat(Providers.okta("acme.okta.com", id).issuer()).contains(issuer);
        assertThat(Providers.okta("acme.okta.com", id).tokenEndpoint()).hasToString(token);
    }

    @Test
    void the_organisation_itself_is_an_issuer_at_okta() {
        assertThat(Providers.okta("acme.okta.com").issuer()).contains("https://acme.okta.com");
        assertThat(Providers.okta("acme.okta.com").tokenEndpoint())
                .hasToString("https://acme.okta.com/oauth2/v1/token");
    }

    @Test
    void the_issuer_at_auth0_ends_in_a_slash() {
        assertThat(Providers.auth0("login.example.com").issuer()).contains("https://login.example.com/");
    }

    @Test
    void a_realm_is_an_issuer_at_keycloak() {
        Provider realm = Providers.keycloak("login.example.com", "Acme");
        assertThat(realm.issuer()).contains("https://login.example.com/realms/Acme");
        assertThat(realm.tokenEndpoint())
                .hasToString("https://login.example.com/realms/Acme/protocol/openid-connect/token");
    }

    // ---- The table -------------------------------------------------------------------------------------------------

    private static List<String> rows() {
        try {
            return Files.readString(Path.of("src/main/java/dev/grantkeeper/provider/README.md"))
                    .lines()
                    .filter(line -> line.matches("\\| [^|]+ \\| `[A-Za-z0-9.]+\\(.*"))
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void the_table_has_every_factory_and_no_other() throws Exception {
        Set<String> factories = new TreeSet<>();
        presets().forEach(preset -> factories.add(preset.factory()));
        Set<String> mentioned = new TreeSet<>();
        for (String row : rows()) {
            for (String factory : row.split("\\|", -1)[2].split(",? `", -1)) {
                if (!factory.isBlank()) {
                    mentioned.add(factory.replaceAll("\\(.*", ""));
                }
            }
        }
        assertThat(mentioned).isEqualTo(factories);
    }
}
