/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.provider;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;

import dev.grantkeeper.internal.provider.Facts;
import dev.grantkeeper.internal.provider.ProviderFacts;
import java.net.URI;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every row of the list of providers that comes with the library. */
class ProviderListTest {
    private static final int HOSTILE_VALUES = 100_000;

    /** Ends of domains under which others register theirs. */
    private static final Set<String> PUBLIC_SUFFIXES = Set.of(
            "com", "net", "org", "io", "co", "co.uk", "com.au", "co.jp", "com.cn", "eu", "de", "us", "dev", "app",
            "cloud");

    /** Providers whose documentation is at another domain than they are, because of who owns or hosts it. */
    private static final Map<String, String> DOCUMENTED_ELSEWHERE = Map.of(
            "bitbucket", "support.atlassian.com",
            "bungie", "github.com",
            "instagram", "developers.facebook.com",
            "linkedin", "learn.microsoft.com",
            "reddit", "github.com",
            "salesforce-experience-cloud", "help.salesforce.com",
            "servicenow", "www.servicenow.com",
            "shopify", "shopify.dev",
            "slack", "docs.slack.dev",
            "slack-user", "docs.slack.dev");

    static List<Preset> presets() {
        return Providers.all();
    }

    /** Each provider at which users sign in, and each variant that a method of its own makes. */
    static List<Provider> withLogins() throws ReflectiveOperationException {
        Map<String, Provider> all = new LinkedHashMap<>();
        for (Provider provider : ProvidersTest.providers()) {
            all.put(provider.name(), provider);
        }
        presets().stream().filter(Preset::hasLogins).forEach(preset -> {
            Provider provider = preset.withAnyValues().provider();
            all.putIfAbsent(provider.name(), provider);
        });
        return List.copyOf(all.values());
    }

    static List<Provider> withoutLogins() {
        return presets().stream()
                .filter(preset -> !preset.hasLogins())
                .map(preset -> preset.withAnyValues().provider())
                .toList();
    }

    static Stream<URI> urls(Provider provider) {
        ProviderFacts facts = Facts.of(provider);
        return Stream.of(
                        facts.authorizationEndpoint.equals(ProviderFacts.MISSING) ? null : facts.authorizationEndpoint,
                        facts.tokenEndpoint,
                        facts.refreshEndpoint,
                        facts.revocationEndpoint,
                        facts.pushedAuthorizationRequestEndpoint,
                        facts.deviceAuthorizationEndpoint,
                        facts.backchannelAuthenticationEndpoint,
                        facts.introspectionEndpoint,
                        facts.endSessionEndpoint,
                        facts.userInfoEndpoint,
                        facts.profileEndpoint,
                        facts.jwksUri)
                .filter(Objects::nonNull);
    }

    private static boolean isUnder(String host, List<String> domains) {
        return domains.stream().anyMatch(domain -> host.equals(domain) || host.endsWith("." + domain));
    }

    @Test
    void a_row_is_found_by_its_name_as_it_is_in_the_whole_list() {
        for (Preset preset : presets()) {
            Preset found = new Presets(null, Presets.builtIn().text()).named(preset.name());
            assertThat(found.members()).isEqualTo(preset.members());
        }
    }

    @Test
    void no_two_rows_share_a_name_or_an_alias() {
        Map<String, String> owners = new HashMap<>();
        for (Preset preset : presets()) {
            for (String name : Stream.concat(Stream.of(preset.name()), preset.aliases().stream())
                    .toList()) {
                assertThat(name).matches("[a-z0-9][a-z0-9.-]{0,63}");
                assertThat(owners.put(name, preset.name()))
                        .as("another owner of %s than %s", name, preset.name())
                        .isNull();
                assertThat(Providers.named(name).name()).isEqualTo(preset.name());
            }
        }
    }

    @ParameterizedTest
    @MethodSource("presets")
    void every_row_makes_a_provider_with_each_of_its_values(Preset preset) {
        for (Provider provider : preset.variants()) {
            assertThat(provider.newBuilder().build()).usingRecursiveComparison().isEqualTo(provider);
        }
    }

    @Test
    void only_a_provider_with_logins_has_an_authorization_endpoint() {
        assertThat(presets())
                .allSatisfy(preset -> assertThat(preset.members().has("authorizationEndpoint")
                                || preset.members().has("class"))
                        .isEqualTo(preset.hasLogins()));
    }

    @Test
    void no_two_values_make_the_same_provider() {
        for (Preset preset : presets()) {
            Preset filled = preset.withAnyValues();
            preset.described().forEach((name, placeholder) -> {
                Set<Object> providers = new HashSet<>();
                for (String value : placeholder.listed()) {
                    Provider provider = filled.with(name, value).provider();
                    // Users of two hosts must not share a key in a store.
                    Object key = preset.members().has("class")
                            ? List.of(provider.name(), provider.tokenEndpoint(), provider.apiOrigins())
                            : provider.name();
                    assertThat(providers.add(key))
                            .as("%s with %s", preset, value)
                            .isTrue();
                }
            });
        }
    }

    @ParameterizedTest
    @MethodSource("presets")
    void every_url_is_https_on_a_domain_of_the_provider_and_documented_there(Preset preset) {
        List<String> domains = preset.domains();
        for (Provider provider : preset.variants()) {
            assertThat(urls(provider)).allSatisfy(url -> {
                assertThat(url).hasScheme("https");
                assertThat(url.getPort()).isEqualTo(-1);
            });
            if (!domains.contains("*") && !preset.members().has("class")) {
                if (preset.members().has("documentation")) {
                    String page = provider.documentation().getHost();
                    assertThat(isUnder(page, domains) || page.equals(DOCUMENTED_ELSEWHERE.get(preset.name())))
                            .as("%s is documented at %s", preset, page)
                            .isTrue();
                }
                assertThat(domains).isNotEmpty().doesNotContainAnyElementsOf(PUBLIC_SUFFIXES);
                assertThat(urls(provider).map(URI::getHost)).allMatch(host -> isUnder(host, domains));
                assertThat(provider.apiOrigins().stream()
                                .map(origin -> URI.create(origin).getHost()))
                        .allMatch(host -> isUnder(host, domains));
            }
        }
    }

    @Test
    void no_value_moves_a_url_to_another_host() {
        Random random = new Random(17);
        List<Preset> open = presets().stream()
                .filter(preset -> !preset.placeholders().isEmpty())
                .toList();
        int accepted = 0;
        for (int i = 0; i < HOSTILE_VALUES; i++) {
            Preset preset = open.get(random.nextInt(open.size()));
            List<String> names = List.copyOf(preset.placeholders().keySet());
            String name = names.get(random.nextInt(names.size()));
            Placeholder placeholder = Objects.requireNonNull(preset.described().get(name));
            String value = HostileValues.next(random, placeholder.anyValue());
            Preset filled;
            try {
                filled = preset.withAnyValues().with(name, value);
            } catch (IllegalArgumentException refused) {
                continue;
            }
            accepted++;
            Provider provider = filled.provider();
            Provider innocent = preset.withAnyValues().provider();
            List<URI> urls = urls(provider).toList();
            List<URI> before = urls(innocent).toList();
            assertThat(urls).hasSameSizeAs(before);
            for (int j = 0; j < urls.size(); j++) {
                URI url = urls.get(j);
                assertThat(url.getScheme()).isEqualTo("https");
                assertThat(url.getRawUserInfo()).isNull();
                assertThat(url.getPort()).isEqualTo(-1);
                assertThat(url.getRawQuery()).isEqualTo(before.get(j).getRawQuery());
                assertThat(url.getRawPath().chars().filter(c -> c == '/').count())
                        .as("%s of %s", value, preset)
                        .isEqualTo(before.get(j)
                                .getRawPath()
                                .chars()
                                .filter(c -> c == '/')
                                .count());
                assertThat(preset.domains().contains("*")
                                || isUnder(url.getHost(), preset.domains())
                                || preset.members().has("class"))
                        .as("%s with %s leads to %s", preset, value, url)
                        .isTrue();
            }
        }
        assertThat(accepted).as("values that are harmless").isPositive();
    }

    @Test
    void a_value_is_the_same_however_it_is_written() {
        assertThat(Providers.named("zoho").with("dataCenter", "EU").provider().name())
                .isEqualTo("zoho-eu");
        assertThat(Providers.named("zoho").with("dataCenter", "US").provider().name())
                .isEqualTo("zoho");
        assertThat(Providers.named("shopify")
                        .with("subdomain", "ACME.myshopify.com")
                        .provider()
                        .name())
                .isEqualTo("shopify-acme");
        assertThat(Providers.named("salesforce")
                        .with("host", "test.salesforce.com")
                        .provider())
                .usingRecursiveComparison()
                .isEqualTo(Providers.named("salesforce").with("host", "sandbox").provider());
        assertThat(Providers.named("gitlab")
                        .with("host", "GitLab.com")
                        .provider()
                        .name())
                .isEqualTo("gitlab");
    }

    @Test
    void a_name_that_is_not_there_is_answered_with_similar_ones() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Providers.named("airtabel"))
                .withMessageContaining("airtable");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Providers.named("sales force"))
                .withMessageContaining("salesforce");
    }

    @Test
    void a_value_that_is_null_is_named() {
        assertThatNullPointerException()
                .isThrownBy(() -> Providers.named("zendesk").with("subdomain", null))
                .withMessageContaining("subdomain");
    }

    @Test
    void a_placeholder_without_a_value_is_named_with_the_call_that_fills_it_in() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Providers.named("zendesk").provider())
                .withMessageContaining("Providers.named(\"zendesk\").with(\"subdomain\", \"acme\")");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Providers.named("zendesk").with("domain", "acme"))
                .withMessageContaining("subdomain");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Providers.named("zoho").with("dataCenter", "mars"))
                .withMessageContaining("us, eu, in");
    }
}
