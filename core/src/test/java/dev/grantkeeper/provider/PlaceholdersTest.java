/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.provider;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.grantkeeper.internal.provider.Facts;
import java.net.URI;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import okhttp3.HttpUrl;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class PlaceholdersTest {
    /** For each of the ten placeholders: 100,000 in every build, a million with {@code -Plong}. */
    private static final int MANY = Integer.getInteger("grantkeeper.values", 10_000);

    private static final long SEED = 20261121;

    /**
     * A preset with one value in its URLs.
     *
     * @param known a value that is good, of which nothing else in the URLs consists
     * @param written what a value that is taken looks like in the URLs
     */
    private record Placeholder(
            String name, String known, Function<String, Provider> preset, UnaryOperator<String> written) {
        @Override
        public String toString() {
            return name;
        }
    }

    private static Placeholder host(String name, Function<String, Provider> preset) {
        return new Placeholder(name, "known.example.org", preset, value -> value.toLowerCase(Locale.ROOT));
    }

    private static Placeholder under(String suffix, String name, Function<String, Provider> preset) {
        return new Placeholder(name, "known." + suffix, preset, value -> {
            String lower = value.toLowerCase(Locale.ROOT);
            return lower.endsWith("." + suffix) ? lower : lower + "." + suffix;
        });
    }

    static Stream<Placeholder> placeholders() {
        return Stream.of(
                host("auth0", Providers::auth0),
                host("okta", Providers::okta),
                host("okta with a server", domain -> Providers.okta(domain, "default")),
                host("keycloak", server -> Providers.keycloak(server, "acme")),
                host("gitLab", Providers::gitLab),
                host("uaa", Providers::uaa),
                host("wso2", Providers::wso2),
                host("zitadel", Providers::zitadel),
                under("service-now.com", "serviceNow", Providers::serviceNow),
                under("myshopify.com", "shopify", Providers::shopify),
                under("my.salesforce.com", "salesforce", Providers::salesforce),
                new Placeholder(
                        "authorization server of okta",
                        "known",
                        id -> Providers.okta("acme.okta.com", id),
                        UnaryOperator.identity()),
                new Placeholder(
                        "realm of keycloak",
                        "known",
                        realm -> Providers.keycloak("login.example.com", realm),
                        UnaryOperator.identity()),
                new Placeholder(
                        "tenant of entra", "known", EntraId::provider, tenant -> tenant.toLowerCase(Locale.ROOT)));
    }

    /** Everything that a request may be sent to, or that decides whom to believe. */
    private static Map<String, String> urls(Provider provider) {
        Map<String, String> urls = new LinkedHashMap<>();
        urls.put("authorization", provider.authorizationEndpoint().toString());
        urls.put("token", provider.tokenEndpoint().toString());
        urls.put("refresh", Facts.of(provider).refreshEndpoint().toString());
        urls.put("documentation", provider.documentation().toString());
        urls.put("assertions", Facts.of(provider).assertionAudience());
        provider.revocationEndpoint().ifPresent(url -> urls.put("revocation", url.toString()));
        provider.pushedAuthorizationRequestEndpoint().ifPresent(url -> urls.put("pushed", url.toString()));
        provider.deviceAuthorizationEndpoint().ifPresent(url -> urls.put("device", url.toString()));
        provider.backchannelAuthenticationEndpoint().ifPresent(url -> urls.put("backchannel", url.toString()));
        provider.introspectionEndpoint().ifPresent(url -> urls.put("introspection", url.toString()));
        provider.endSessionEndpoint().ifPresent(url -> urls.put("end session", url.toString()));
        provider.userInfoEndpoint().ifPresent(url -> urls.put("userinfo", url.toString()));
        Optional.ofNullable(Facts.of(provider).profileEndpoint).ifPresent(url -> urls.put("profile", url.toString()));
        provider.jwksUri().ifPresent(url -> urls.put("keys", url.toString()));
        provider.issuer().ifPresent(issuer -> urls.put("issuer", issuer.replace("{tenantid}", "any")));
        for (String origin : provider.apiOrigins()) {
            urls.put("origin " + urls.size(), origin + "/");
        }
        return urls;
    }

    private static final List<String> EVIL = List.of(
            "",
            " ",
            "@",
            "@evil.example",
            "user@evil.example",
            "user:pass@evil.example",
            "evil.example@",
            "//",
            "//evil.example",
            "https://evil.example",
            "\\",
            "\\evil.example",
            "evil.example\\@",
            "/",
            "/../evil",
            "acme/evil",
            "evil.example/",
            "evil.example/.myshopify.com",
            "evil.example?.myshopify.com",
            "evil.example#.myshopify.com",
            "evil.example:443",
            "evil.example:443#.my.salesforce.com",
            "myshopify.com.evil.example",
            "evilmyshopify.com",
            ".myshopify.com",
            "a.b.myshopify.com",
            "my.salesforce.com",
            "a.b.c.my.salesforce.com",
            "%2f",
            "%2F%2Fevil.example",
            "%00",
            "%2e%2e",
            "%40evil.example",
            "a%",
            "..",
            ".",
            "a..b",
            ".a",
            "a.",
            "a.example.",
            "-a",
            "a-",
            "-",
            "--",
            "a.-b.c",
            "a.b-.c",
            "_",
            "a_b",
            "a_b.example.com",
            "#",
            "#evil",
            "?",
            "?x=y",
            "a;b",
            "a,b",
            "a b",
            "a\tb",
            "a\r\nHost: evil.example",
            "a\n",
            "\na",
            "a\u0000b",
            "a\u0000.example.com",
            "evil\u3002example",
            "evil\uff0eexample",
            "evil\uff61example",
            "\uff45\uff56\uff49\uff4c.example",
            "\u212a",
            "\u212aey.example.com",
            "\u0130stanbul.example",
            "\u017fecret.example",
            "\u00fcn\u00efc\u00f6de.example",
            "xn--",
            "xn--a",
            "xn--zzzzzz.example",
            "xn--nxasmq6b.example",
            "a.xn--p1ai",
            "ab--cd.example.com",
            "acme--uat.sandbox.my.salesforce.com",
            "127.0.0.1",
            "127.1",
            "0x7f.1",
            "0x7f000001",
            "2130706433",
            "[::1]",
            "::1",
            "1.2.3.4.myshopify.com",
            "localhost",
            "localhost.",
            "a.b.c.d.e.f.g.example",
            "a.1",
            "a.0x1",
            "EXAMPLE.Com",
            "Acme.MyShopify.Com",
            "{tenantid}",
            "$1",
            "\\1",
            "\u202eevil",
            "\ud83d\ude00",
            "\ud83d",
            "a".repeat(63),
            "a".repeat(64),
            "a".repeat(63) + ".example.com",
            "a".repeat(64) + ".example.com",
            "a.".repeat(124) + "example",
            "a.".repeat(130) + "example",
            "a".repeat(5_000));

    private static final String[] PIECES = {
        "acme",
        "EXAMPLE",
        "a",
        "0",
        "9z",
        "-",
        "--",
        ".",
        "..",
        ".com",
        ".example",
        ".myshopify.com",
        ".my.salesforce.com",
        ".okta.com",
        "xn--",
        "_",
        "@",
        ":",
        "/",
        "//",
        "\\",
        "?",
        "#",
        "%2f",
        "%",
        "\r\n",
        " ",
        "\u3002",
        "\uff0e",
        "\uff41",
        "\u212a",
        "\u00df",
        "\u0000"
    };

    private static final Set<String> VALUES = values();

    private static Set<String> values() {
        Random random = new Random(SEED);
        Set<String> values = new LinkedHashSet<>(EVIL);
        while (values.size() < MANY) {
            values.add(value(random));
        }
        return values;
    }

    private static String value(Random random) {
        StringBuilder text = new StringBuilder();
        switch (random.nextInt(5)) {
            case 0 -> {
                // What may well be good: labels and dots.
                int labels = 1 + random.nextInt(4);
                for (int i = 0; i < labels; i++) {
                    text.append(i == 0 ? "" : ".").append(word(random, "abcxyz0189-", 1 + random.nextInt(8)));
                }
                text.append(random.nextInt(3) == 0 ? ".myshopify.com" : "");
            }
            case 1 -> text.append(word(random, "abcXYZ019-_", 1 + random.nextInt(70)));
            case 2 -> {
                String one = EVIL.get(random.nextInt(EVIL.size()));
                int at = random.nextInt(one.length() + 1);
                text.append(one, 0, at)
                        .append(PIECES[random.nextInt(PIECES.length)])
                        .append(one, at, one.length());
            }
            case 3 -> {
                int pieces = 1 + random.nextInt(6);
                for (int i = 0; i < pieces; i++) {
                    text.append(PIECES[random.nextInt(PIECES.length)]);
                }
            }
            default -> {
                int length = random.nextInt(20);
                for (int i = 0; i < length; i++) {
                    text.append((char) random.nextInt(random.nextBoolean() ? 0x80 : 0x10000));
                }
            }
        }
        return text.toString();
    }

    private static String word(Random random, String alphabet, int length) {
        StringBuilder word = new StringBuilder();
        for (int i = 0; i < length; i++) {
            word.append(alphabet.charAt(random.nextInt(alphabet.length())));
        }
        return word.toString();
    }

    @ParameterizedTest
    @MethodSource("placeholders")
    void a_value_is_refused_or_changes_nothing_but_its_own_part(Placeholder placeholder) {
        Map<String, String> known = urls(placeholder.preset().apply(placeholder.known()));
        int taken = 0;
        for (String value : VALUES) {
            Provider provider;
            try {
                provider = placeholder.preset().apply(value);
            } catch (IllegalArgumentException e) {
                continue;
            }
            taken++;
            String written = placeholder.written().apply(value);
            Map<String, String> urls = urls(provider);
            if (!urls.keySet().equals(known.keySet())) {
                throw new AssertionError("With the value <" + value + "> there are " + urls);
            }
            urls.forEach((what, url) -> {
                String before = known.get(what);
                String expected = expected(placeholder, what, before, written);
                if (!url.equals(expected) || !(url.equals(before) || isSane(url, before))) {
                    throw new AssertionError("The value <" + value + "> makes the " + what + " URL " + url);
                }
            });
        }
        assertThat(taken).as("values that were taken").isBetween(MANY / 100, MANY / 2);
    }

    private static String expected(Placeholder placeholder, String what, String known, String written) {
        boolean ofAnyTenant = known.contains("/any/");
        if (placeholder.name().startsWith("tenant") && what.equals("issuer") && ofAnyTenant) {
            boolean consumers = written.equals("consumers");
            return consumers ? known.replace("/any/", "/9188040d-6c67-4c5b-b112-36a304b66dad/") : known;
        }
        return known.replace(placeholder.known(), written);
    }

    /**
     * That two parsers see the host that is written there, and no user, port, query and fragment that were not there
     * before.
     */
    private static boolean isSane(String url, String before) {
        URI uri = URI.create(url);
        HttpUrl http = HttpUrl.parse(url);
        String host = url.substring("https://".length()).split("[:/]", 2)[0];
        return http != null
                && uri.getScheme().equals("https")
                && http.isHttps()
                && host.equals(uri.getHost())
                && host.equals(http.host())
                && uri.getPort() == URI.create(before).getPort()
                && http.port() == 443
                && uri.getRawUserInfo() == null
                && http.username().isEmpty()
                && http.password().isEmpty()
                && uri.getRawQuery() == null
                && http.query() == null
                && uri.getRawFragment() == null
                && http.fragment() == null
                && (uri.getRawPath().isEmpty() ? "/" : uri.getRawPath()).equals(http.encodedPath());
    }

    @ParameterizedTest
    @MethodSource("placeholders")
    void a_message_says_what_is_expected_and_breaks_no_line(Placeholder placeholder) {
        assertThatThrownBy(() -> placeholder.preset().apply("a@b/c?d#e"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("a@b/c?d#e");
        if (!placeholder.name().contains("entra")) {
            assertThatThrownBy(() -> placeholder.preset().apply("a\r\nb\u202e"))
                    .hasMessageContaining("is written as")
                    .hasMessageEndingWith("not: a??b?");
            assertThatThrownBy(() -> placeholder.preset().apply("@".repeat(10_000)))
                    .satisfies(e -> assertThat(e.getMessage()).hasSizeLessThan(300));
        }
    }

    @Test
    void a_very_long_value_is_refused_before_anybody_looks_closer() {
        String labels = "a.".repeat(100_000) + "example.com";
        assertThat(placeholders().filter(placeholder -> !placeholder.name().contains("entra")))
                .allSatisfy(placeholder -> assertThatThrownBy(
                                () -> placeholder.preset().apply(labels))
                        .isInstanceOf(IllegalArgumentException.class));
    }

    @Test
    void a_shop_is_named_with_or_without_its_domain() {
        assertThat(Providers.shopify("Acme").tokenEndpoint())
                .isEqualTo(Providers.shopify("acme.myshopify.com").tokenEndpoint())
                .hasToString("https://acme.myshopify.com/admin/oauth/access_token");
    }

    @ParameterizedTest
    @ValueSource(strings = {"acme--uat.sandbox", "acme--uat.sandbox.my.salesforce.com"})
    void a_sandbox_has_two_labels(String domain) {
        assertThat(Providers.salesforce(domain).issuer()).contains("https://acme--uat.sandbox.my.salesforce.com");
    }

    @Test
    void two_values_never_give_the_same_name() {
        String start = "a".repeat(60);
        List<String> names = Stream.of(
                        Providers.keycloak("a.example.com", "acme"),
                        Providers.keycloak("a.example.com", "Acme"),
                        Providers.keycloak("a.example.com", "ac-me"),
                        Providers.keycloak("a.example.com", "ac_me"),
                        Providers.keycloak("b.example.com", "acme"),
                        Providers.shopify(start + "b"),
                        Providers.shopify(start + "c"),
                        Providers.okta("a.example.com"),
                        Providers.okta("a.example.com", "default"),
                        Providers.gitLab(),
                        Providers.gitLab("a.example.com"))
                .map(Provider::name)
                .toList();
        assertThat(names).doesNotHaveDuplicates().allMatch(name -> name.length() <= 64);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", " ", "a\r\nX: y", "a\u0000", "ünïcode", "a\tb"})
    void a_user_agent_is_one_line_of_ascii(String agent) {
        assertThatThrownBy(() -> Providers.reddit(agent))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("userAgent of reddit is written as");
    }
}
