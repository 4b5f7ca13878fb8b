/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.grantkeeper.LoginResult.SignedIn;
import dev.grantkeeper.internal.provider.Facts;
import dev.grantkeeper.internal.provider.ProviderFacts;
import dev.grantkeeper.provider.ClientAuthentication;
import dev.grantkeeper.provider.LoginProtection;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.testkit.Fault;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import javax.net.SocketFactory;
import mockwebserver3.Dispatcher;
import mockwebserver3.MockResponse;
import mockwebserver3.MockWebServer;
import mockwebserver3.RecordedRequest;
import okhttp3.OkHttpClient;
import okhttp3.tls.HandshakeCertificates;
import okhttp3.tls.HeldCertificate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A provider made of what a server says of itself, and what a server cannot make anybody believe. */
@Timeout(300)
@Execution(ExecutionMode.CONCURRENT)
class DiscoveryTest {
    private final Scene scene = new Scene();

    @TempDir
    private Path folder;

    @AfterEach
    void close() {
        scene.close();
    }

    private Discovery discovery() {
        return Discovery.of(scene.server.issuer()).httpClient(scene.http).allowHttpOnLoopback();
    }

    private void change(Consumer<Map<String, Object>> how) {
        scene.server.metadata(metadata -> {
            how.accept(metadata);
            return metadata;
        });
    }

    // ---- What is right --------------------------------------------------------------------------------------------

    @Test
    void a_login_at_a_server_of_which_only_the_issuer_is_known() throws Exception {
        scene.server.issuerInCallback(true);
        Provider found = discovery().fetch();
        assertThat(found.apiOrigins()).isEmpty();
        Provider provider = found.newBuilder().apiOrigins(scene.server.url()).build();
        Grantkeeper node = scene.node(
                scene.registration(provider).scopes("openid", "things.read").fetchProfile());
        SignedIn in = (SignedIn) scene.login(node, "alice");
        assertThat(in.identity().orElseThrow().id()).isEqualTo(scene.server.issuer() + " alice");
        assertThat(scene.status(in.keepAs("alice").wrap(scene.http))).isEqualTo(200);
    }

    @Test
    void everything_that_the_metadata_say_is_in_the_provider() throws Exception {
        String base = scene.server.url();
        change(metadata -> {
            for (String endpoint : List.of(
                    "introspection_endpoint",
                    "pushed_authorization_request_endpoint",
                    "device_authorization_endpoint",
                    "backchannel_authentication_endpoint",
                    "end_session_endpoint")) {
                metadata.put(endpoint, base + "/" + endpoint);
            }
            metadata.put("authorization_response_iss_parameter_supported", true);
            metadata.put("token_endpoint_auth_methods_supported", List.of("client_secret_post", "none"));
        });
        Provider provider = discovery().name("acme").fetch();
        assertThat(provider.name()).isEqualTo("acme");
        assertThat(provider.issuer()).contains(scene.server.issuer());
        assertThat(provider.jwksUri()).contains(URI.create(scene.server.jwksUri()));
        assertThat(provider.authorizationEndpoint()).hasToString(scene.server.authorizationEndpoint());
        assertThat(provider.tokenEndpoint()).hasToString(scene.server.tokenEndpoint());
        assertThat(provider.revocationEndpoint()).contains(URI.create(scene.server.revocationEndpoint()));
        assertThat(provider.userInfoEndpoint()).contains(URI.create(scene.server.userInfoEndpoint()));
        assertThat(provider.introspectionEndpoint()).contains(URI.create(base + "/introspection_endpoint"));
        assertThat(provider.pushedAuthorizationRequestEndpoint())
                .contains(URI.create(base + "/pushed_authorization_request_endpoint"));
        assertThat(provider.deviceAuthorizationEndpoint())
                .contains(URI.create(base + "/device_authorization_endpoint"));
        assertThat(provider.backchannelAuthenticationEndpoint())
                .contains(URI.create(base + "/backchannel_authentication_endpoint"));
        assertThat(provider.endSessionEndpoint()).contains(URI.create(base + "/end_session_endpoint"));
        assertThat(Facts.of(provider).issuerInCallback).isTrue();
        assertThat(provider.clientAuthentication()).isEqualTo(ClientAuthentication.SECRET_POST);
    }

    /** T-092. */
    @Test
    void what_a_server_for_high_demands_says_is_in_the_provider_too() throws Exception {
        String alias = scene.server.url() + "/mtls/token";
        change(metadata -> {
            metadata.put("mtls_endpoint_aliases", Map.of("token_endpoint", alias));
            metadata.put("token_endpoint_auth_methods_supported", List.of("tls_client_auth", "private_key_jwt"));
            metadata.put("pushed_authorization_request_endpoint", scene.server.url() + "/par");
            metadata.put("require_pushed_authorization_requests", true);
            metadata.put("require_signed_request_object", true);
        });
        Provider provider = discovery().fetch();
        assertThat(Facts.of(provider).mtlsEndpointAliases).containsEntry("token_endpoint", URI.create(alias));
        assertThat(provider.clientAuthentication()).isEqualTo(ClientAuthentication.PRIVATE_KEY_JWT);
        assertThat(provider.loginProtections())
                .containsExactlyInAnyOrder(LoginProtection.PUSHED_REQUEST, LoginProtection.SIGNED_REQUEST);
        change(metadata ->
                metadata.put("mtls_endpoint_aliases", Map.of("token_endpoint", "http://evil.example/token")));
        assertThatThrownBy(() -> discovery().fetch()).hasMessageContaining("alias of token_endpoint");
    }

    @Test
    void what_a_client_needs_to_know_that_registers_itself_is_in_the_provider_too() throws Exception {
        String registration = scene.server.url() + "/register";
        change(metadata -> {
            metadata.put("registration_endpoint", registration);
            metadata.put("client_id_metadata_document_supported", true);
            metadata.put("scopes_supported", List.of("things.read", "offline_access", ""));
            metadata.put("grant_types_supported", List.of("authorization_code", "refresh_token"));
            metadata.put("token_endpoint_auth_methods_supported", List.of("none", "private_key_jwt"));
            metadata.put("dpop_signing_alg_values_supported", List.of("ES256"));
            metadata.put("code_challenge_methods_supported", List.of("plain", "S256"));
        });
        for (Provider provider :
                List.of(discovery().fetch(), discovery().fetch().newBuilder().build())) {
            ProviderFacts facts = Facts.of(provider);
            assertThat(facts.registrationEndpoint).isEqualTo(URI.create(registration));
            assertThat(facts.clientIdMetadataDocuments).isTrue();
            assertThat(facts.scopesSupported).containsExactly("things.read", "offline_access");
            assertThat(facts.grantTypesSupported).containsExactly("authorization_code", "refresh_token");
            assertThat(facts.tokenEndpointAuthMethods).containsExactly("none", "private_key_jwt");
            assertThat(facts.dpopAlgorithms).containsExactly("ES256");
            assertThat(facts.namesS256).isTrue();
        }
    }

    @Test
    void what_metadata_do_not_say_or_say_in_another_form_is_unknown_and_fails_nobody() throws Exception {
        List<String> lists = List.of("scopes_supported", "grant_types_supported", "dpop_signing_alg_values_supported");
        for (Object odd : List.of("", "a b", 7, List.of(), List.of(7, List.of("a")), Map.of("a", "b"))) {
            change(metadata -> {
                lists.forEach(name -> metadata.put(name, odd));
                metadata.put("code_challenge_methods_supported", List.of());
                metadata.put("client_id_metadata_document_supported", "maybe");
                metadata.remove("token_endpoint_auth_methods_supported");
                metadata.put("registration_endpoint", "");
            });
            ProviderFacts facts = Facts.of(discovery().fetch());
            assertThat(facts.registrationEndpoint).isNull();
            assertThat(facts.clientIdMetadataDocuments).isFalse();
            assertThat(facts.namesS256).isFalse();
            assertThat(List.of(
                            facts.scopesSupported,
                            facts.grantTypesSupported,
                            facts.dpopAlgorithms,
                            facts.tokenEndpointAuthMethods))
                    .allSatisfy(list -> assertThat(list).isEmpty());
        }
        change(metadata -> metadata.remove("code_challenge_methods_supported"));
        assertThat(Facts.of(discovery().fetch()).namesS256).isFalse();
    }

    @Test
    void a_server_without_authorization_endpoint_has_a_provider_and_tokens_for_applications() throws Exception {
        change(metadata -> metadata.remove("authorization_endpoint"));
        Provider provider = discovery().fetch();
        assertThatThrownBy(provider::authorizationEndpoint).isInstanceOf(IllegalStateException.class);
        assertThat(scene.node(scene.registration(provider)).application().tokens())
                .isNotNull();
    }

    @Test
    void a_server_that_speaks_only_oauth_has_no_keys_and_still_a_name() throws Exception {
        change(metadata -> {
            metadata.remove("jwks_uri");
            metadata.remove("token_endpoint_auth_methods_supported");
            metadata.remove("code_challenge_methods_supported");
        });
        Provider provider = discovery().fetch();
        assertThat(provider.issuer()).isPresent();
        assertThat(provider.jwksUri()).isEmpty();
        assertThat(provider.clientAuthentication()).isEqualTo(ClientAuthentication.SECRET_BASIC);
        assertThat(Facts.of(provider).pkce).isTrue(); // T-005: what is not said is not refused
        assertThat(provider.name())
                .isEqualTo(URI.create(scene.server.url()).getAuthority().replace(':', '-'));
        Grantkeeper node = scene.node(scene.registration(provider));
        assertThat(scene.login(node, "alice")).isInstanceOf(SignedIn.class);
    }

    /** T-091: OpenID Connect Discovery section 4 appends, RFC 8414 section 3 inserts. */
    @ParameterizedTest
    @CsvSource({
        "/t1, /t1/.well-known/openid-configuration, /.well-known/oauth-authorization-server/t1",
        "/a/b/, /a/b/.well-known/openid-configuration, /.well-known/oauth-authorization-server/a/b",
        "'', /.well-known/openid-configuration, /.well-known/oauth-authorization-server",
        "/, /.well-known/openid-configuration, /.well-known/oauth-authorization-server"
    })
    void metadata_are_looked_for_where_openid_puts_them_and_then_where_oauth_does(
            String path, String openId, String oauth) throws Exception {
        try (MockWebServer server = new MockWebServer()) {
            server.start();
            String issuer = server.url("/").toString().replaceAll("/$", "") + path;
            for (String place : List.of(openId, oauth)) {
                List<String> asked = new ArrayList<>();
                server.setDispatcher(new Dispatcher() {
                    @Override
                    public MockResponse dispatch(RecordedRequest request) {
                        asked.add(request.getUrl().encodedPath());
                        return request.getUrl().encodedPath().equals(place)
                                ? new MockResponse.Builder()
                                        .body("{\"issuer\":\"" + issuer + "\",\"authorization_endpoint\":\"" + issuer
                                                + "/a\",\"token_endpoint\":\"" + issuer + "/t\"}")
                                        .build()
                                : new MockResponse.Builder().code(404).build();
                    }
                });
                Provider provider = Discovery.of(issuer)
                        .httpClient(scene.http)
                        .allowHttpOnLoopback()
                        .fetch();
                assertThat(provider.issuer()).contains(issuer);
                assertThat(asked).isEqualTo(place.equals(openId) ? List.of(openId) : List.of(openId, oauth));
            }
        }
    }

    @Test
    void metadata_that_the_application_brings_along_will_do() {
        String issuer = "https://login.example/realms/one";
        Provider provider = Provider.builder("one")
                .metadata(
                        issuer,
                        "{\"issuer\":\"%s\",\"authorization_endpoint\":\"%s/a\",\"token_endpoint\":\"%s/t\"}"
                                .replace("%s", issuer))
                .build();
        assertThat(provider.tokenEndpoint()).hasToString(issuer + "/t");
        assertThat(provider.issuer()).contains(issuer);
    }

    @Test
    void two_tenants_of_one_host_have_two_names() throws Exception {
        // The name is part of the key under which grants are stored.
        try (MockWebServer server = new MockWebServer()) {
            server.start();
            List<String> names = new ArrayList<>();
            for (String path :
                    List.of("/realms/one", "/realms/two", "/" + "a".repeat(80) + "1", "/" + "a".repeat(80))) {
                String issuer = server.url(path).toString();
                server.enqueue(new MockResponse.Builder()
                        .body("{\"issuer\":\"%s\",\"authorization_endpoint\":\"%s/a\",\"token_endpoint\":\"%s/t\"}"
                                .replace("%s", issuer))
                        .build());
                names.add(Discovery.of(issuer).allowHttpOnLoopback().fetch().name());
            }
            assertThat(names).doesNotHaveDuplicates();
        }
    }

    // ---- What is wrong --------------------------------------------------------------------------------------------

    /** T-085. */
    @Test
    void metadata_of_another_issuer_are_refused() {
        String issuer = scene.server.issuer();
        for (Object other : List.of(issuer + "/", issuer.toUpperCase(Locale.ROOT), "https://evil.example", 7)) {
            change(metadata -> metadata.put("issuer", other));
            assertThatThrownBy(() -> discovery().fetch())
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("issuer");
        }
        change(metadata -> metadata.remove("issuer"));
        assertThatThrownBy(() -> discovery().fetch())
                .isInstanceOf(IOException.class)
                .hasMessageContaining("issuer");
    }

    /** T-005. */
    @Test
    void a_server_that_takes_pkce_without_s256_only_is_refused() {
        for (Object methods : List.of(List.of("plain"), List.of("", "plain"))) {
            change(metadata -> metadata.put("code_challenge_methods_supported", methods));
            assertThatThrownBy(() -> discovery().fetch()).hasMessageContaining("S256");
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "http://example.com/token",
                "javascript:alert(1)",
                "file:///etc/passwd",
                "https://user@example.com/token",
                "https://example.com/token#f",
                "/token"
            })
    void an_endpoint_that_no_provider_may_have_is_refused(String url) {
        for (String name : List.of(
                "authorization_endpoint",
                "token_endpoint",
                "jwks_uri",
                "end_session_endpoint",
                "registration_endpoint")) {
            change(metadata -> metadata.put(name, url));
            assertThatThrownBy(() -> discovery().fetch()).as(name).isInstanceOf(IOException.class);
        }
    }

    @Test
    void metadata_that_make_no_sense_are_refused() {
        String issuer = "https://login.example";
        for (String json : List.of(
                "",
                "null",
                "[]",
                "<html>",
                "{}",
                "{\"issuer\":\"" + issuer + "\"}",
                "{\"issuer\":\"" + issuer + "\",\"issuer\":\"https://evil.example\"}",
                "{\"issuer\":\"" + issuer + "\",\"token_endpoint\":7}",
                "{\"issuer\":\"" + issuer + "\"} {}",
                "{\"issuer\":" + "[".repeat(100_000))) {
            assertThatIllegalArgumentException()
                    .isThrownBy(
                            () -> Provider.builder("x").metadata(issuer, json).build());
        }
    }

    /** T-088. */
    @Test
    void a_redirect_is_not_followed() throws Exception {
        try (MockWebServer server = new MockWebServer();
                MockWebServer inside = new MockWebServer()) {
            server.start();
            inside.start();
            String issuer = server.url("/").toString().replaceAll("/$", "");
            for (int place = 0; place < 2; place++) {
                server.enqueue(new MockResponse.Builder()
                        .code(302)
                        .setHeader("Location", inside.url("/"))
                        .build());
            }
            assertThatThrownBy(() -> Discovery.of(issuer)
                            .httpClient(scene.http)
                            .allowHttpOnLoopback()
                            .fetch())
                    .hasMessageContaining("302");
            assertThat(inside.getRequestCount()).isZero();
        }
    }

    @Test
    void an_answer_without_end_is_not_read_to_the_end() throws Exception {
        change(metadata -> metadata.put("padding", "x".repeat(300 * 1024)));
        assertThatThrownBy(() -> discovery().fetch())
                .isInstanceOf(IOException.class)
                .hasRootCauseMessage("The answer is larger than 262144 bytes");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "http://login.example",
                "https://login.example?x",
                "https://login.example#x",
                "https://a@login.example",
                "login.example",
                "file:///etc/passwd",
                "http://127.0.0.1",
                ""
            })
    void an_issuer_is_an_https_url_and_nothing_more(String issuer) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Discovery.of(issuer).fetch())
                .withMessageContaining("https");
    }

    // ---- Where endpoints may be -----------------------------------------------------------------------------------

    /** Hosts on the Internet, as far as this client can tell; all of them lead to one server on this machine. */
    private Provider internet(Map<String, String> addresses, Map<String, String> endpoints, String... hosts)
            throws IOException {
        HeldCertificate certificate = new HeldCertificate.Builder()
                .addSubjectAlternativeName("login.example")
                .build();
        HandshakeCertificates trust = new HandshakeCertificates.Builder()
                .heldCertificate(certificate)
                .addTrustedCertificate(certificate.certificate())
                .build();
        try (MockWebServer server = new MockWebServer()) {
            server.useHttps(trust.sslSocketFactory());
            server.start(InetAddress.getLoopbackAddress(), 0);
            String issuer = "https://login.example:" + server.getPort();
            Map<String, String> all = new LinkedHashMap<>();
            all.put("issuer", issuer);
            all.put("authorization_endpoint", issuer + "/a");
            all.put("token_endpoint", issuer + "/t");
            all.putAll(endpoints);
            StringBuilder json = new StringBuilder();
            all.forEach((name, value) ->
                    json.append(json.isEmpty() ? '{' : ',').append("\"" + name + "\":\"" + value + "\""));
            server.enqueue(new MockResponse.Builder().body(json + "}").build());
            OkHttpClient client = scene.http
                    .newBuilder()
                    .sslSocketFactory(trust.sslSocketFactory(), trust.trustManager())
                    .socketFactory(new ToThisMachine())
                    .dns(host -> {
                        String address = host.equals("login.example") ? "93.184.215.14" : addresses.get(host);
                        if (address == null && !Character.isDigit(host.charAt(0)) && !host.contains(":")) {
                            throw new UnknownHostException(host);
                        }
                        return List.of(InetAddress.getByName(address == null ? host : address));
                    })
                    .build();
            Discovery discovery = Discovery.of(issuer).httpClient(client);
            return (hosts.length == 0 ? discovery : discovery.allowedHosts(hosts)).fetch();
        }
    }

    private static final class ToThisMachine extends SocketFactory {
        @Override
        public Socket createSocket() {
            return new Socket() {
                @Override
                public void connect(SocketAddress endpoint, int timeout) throws IOException {
                    int port = ((InetSocketAddress) endpoint).getPort();
                    super.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), timeout);
                }
            };
        }

        @Override
        public Socket createSocket(String host, int port) {
            throw new UnsupportedOperationException();
        }

        @Override
        public Socket createSocket(String host, int port, InetAddress local, int localPort) {
            throw new UnsupportedOperationException();
        }

        @Override
        public Socket createSocket(InetAddress host, int port) {
            throw new UnsupportedOperationException();
        }

        @Override
        public Socket createSocket(InetAddress host, int port, InetAddress local, int localPort) {
            throw new UnsupportedOperationException();
        }
    }

    @Test
    void endpoints_may_be_on_other_hosts_of_the_internet() throws Exception {
        Provider google = internet(
                Map.of("oauth2.example", "142.250.1.1"), Map.of("token_endpoint", "https://oauth2.example/token"));
        assertThat(google.tokenEndpoint()).hasToString("https://oauth2.example/token");
    }

    /** T-086. */
    @Test
    void endpoints_are_where_the_application_allows_them_if_it_says_so() throws Exception {
        Map<String, String> addresses = Map.of("oauth2.example", "142.250.1.1");
        Map<String, String> endpoints = Map.of("token_endpoint", "https://oauth2.example/token");
        assertThat(internet(addresses, endpoints, "oauth2.example")).isNotNull();
        assertThatThrownBy(() -> internet(addresses, endpoints, "other.example"))
                .hasMessageContaining("token endpoint")
                .hasMessageContaining("oauth2.example");
    }

    /** T-087. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "127.0.0.1",
                "10.1.2.3",
                "172.16.0.1",
                "192.168.0.1",
                "169.254.169.254",
                "100.64.0.1",
                "0.0.0.0",
                "[::1]",
                "[fd00::1]",
                "[fe80::1]",
                "[::ffff:127.0.0.1]"
            })
    void an_issuer_on_the_internet_cannot_name_endpoints_inside_this_network(String address) {
        for (String name : List.of(
                "token_endpoint", "jwks_uri", "userinfo_endpoint", "revocation_endpoint", "registration_endpoint")) {
            assertThatThrownBy(() -> internet(Map.of(), Map.of(name, "https://" + address + "/x")))
                    .as(name)
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("inside this network");
        }
        assertThatThrownBy(() -> internet(
                        Map.of("looks.example", address.replaceAll("[\\[\\]]", "")),
                        Map.of("token_endpoint", "https://looks.example/x")))
                .hasMessageContaining("inside this network");
    }

    // ---- When the server is down ----------------------------------------------------------------------------------

    /** T-090. */
    @Test
    void metadata_that_were_good_are_kept_for_a_start_while_the_server_is_down() throws Exception {
        Path file = folder.resolve("acme.json");
        URI token = discovery().cacheFile(file).fetch().tokenEndpoint();
        for (Fault fault : List.of(Fault.status(503), Fault.dropAfter(), Fault.status(200))) {
            scene.server.onNextMetadataRequest(fault, fault);
            assertThat(discovery().cacheFile(file).fetch().tokenEndpoint()).isEqualTo(token);
            scene.server.noFaults();
        }
        assertThat(Files.readString(file)).contains(token.toString());
        try (var files = Files.list(folder)) {
            assertThat(files).containsExactly(file);
        }
        scene.server.close();
        assertThat(discovery().cacheFile(file).fetch().tokenEndpoint()).isEqualTo(token);
        assertThatThrownBy(() -> discovery().fetch()).isInstanceOf(IOException.class);
        assertThatThrownBy(() -> discovery().cacheFile(folder.resolve("none")).fetch())
                .isInstanceOf(IOException.class);
    }

    @Test
    void what_was_kept_is_checked_like_what_is_fresh() throws Exception {
        Path file = folder.resolve("acme.json");
        Files.writeString(file, "{\"issuer\":\"https://evil.example\"}");
        scene.server.onNextMetadataRequest(Fault.status(503), Fault.status(503));
        assertThatThrownBy(() -> discovery().cacheFile(file).fetch()).hasMessageContaining("evil.example");
    }

    @Test
    void a_login_keeps_to_the_endpoints_that_it_began_with() throws Exception {
        Grantkeeper node = scene.node(scene.registration(discovery().fetch()));
        PendingLogin login = node.startLogin();
        change(metadata -> metadata.put("token_endpoint", scene.server.url() + "/elsewhere"));
        assertThat(discovery().fetch().tokenEndpoint().getPath()).isEqualTo("/elsewhere");
        assertThat(node.finishLogin(
                        login, Scene.query(scene.server.approve(login.url().toString(), "alice"))))
                .isInstanceOf(SignedIn.class);
    }

    /** A stored grant belongs to the server that gave it. */
    @Test
    void a_refresh_token_is_not_shown_to_another_issuer() throws Exception {
        Grantkeeper node = scene.node(scene.registration(scene.openIdProvider().build())
                .scopes("openid", "things.read")
                .tokenCallTimeout(Duration.ofSeconds(10)) // the first key of a process takes a while to make
                .registration("acme"));
        Account alice = scene.signIn(node, "alice");
        String before = alice.tokens().accessToken();
        scene.expire();
        scene.server.resetCounters();
        Provider moved = scene.provider()
                .openId("https://other.example", scene.server.jwksUri())
                .build();
        Grantkeeper other = scene.node(scene.registration(moved).registration("acme"));
        assertThatThrownBy(() -> other.account("alice").tokens())
                .isInstanceOfSatisfying(AuthorizationServerException.class, failure -> {
                    assertThat(failure.kind()).isEqualTo(AuthorizationServerException.Kind.MISCONFIGURED);
                    assertThat(failure)
                            .hasMessageContaining("https://other.example")
                            .hasMessageContaining(scene.server.issuer());
                });
        assertThat(scene.server.tokenRequests()).isZero();
        scene.time.pass(Duration.ofMinutes(5));
        assertThat(alice.tokens().accessToken()).isNotEqualTo(before);
    }
}
