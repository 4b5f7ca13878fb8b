/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static dev.grantkeeper.MockProvider.json;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.crypto.RSASSASigner;
import com.nimbusds.jose.jwk.RSAKey;
import com.nimbusds.jose.jwk.gen.RSAKeyGenerator;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.PlainJWT;
import com.nimbusds.jwt.SignedJWT;
import dev.grantkeeper.AuthorizationServerException.Kind;
import dev.grantkeeper.LoginResult.SignedIn;
import dev.grantkeeper.internal.provider.Facts;
import dev.grantkeeper.provider.Dialect.Meaning;
import dev.grantkeeper.provider.EntraId;
import dev.grantkeeper.provider.EntraId.Cloud;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.provider.SigningKey;
import dev.grantkeeper.token.Identity;
import dev.grantkeeper.token.TokenSet;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import mockwebserver3.Dispatcher;
import mockwebserver3.MockResponse;
import mockwebserver3.RecordedRequest;
import okhttp3.HttpUrl;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import okhttp3.tls.HeldCertificate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Both versions of Microsoft Entra ID (Azure AD): the preset's own paths and issuers, on a server of the test's. */
@Timeout(300)
class EntraIdTest {
    private static final String TENANT = "11111111-2222-4333-8444-555555555555";
    private static final String OTHER_TENANT = "99999999-2222-4333-8444-555555555555";
    private static final String CONSUMERS = "9188040d-6c67-4c5b-b112-36a304b66dad";
    private static final String OBJECT = "66666666-7777-4888-9999-000000000001";
    private static final String V2 = "https://login.microsoftonline.com/" + TENANT + "/v2.0";
    private static final String V1 = "https://sts.windows.net/" + TENANT + "/";
    private static final String API = "https://service.contoso.example/";
    private static RSAKey key;

    private final MockProvider mock = new MockProvider();
    private final Queue<MockResponse> tokenAnswers = new ConcurrentLinkedQueue<>();
    private final Queue<MockResponse> apiAnswers = new ConcurrentLinkedQueue<>();
    private final List<RecordedRequest> tokenRequests = new CopyOnWriteArrayList<>();
    private final List<RecordedRequest> apiRequests = new CopyOnWriteArrayList<>();
    private volatile String keys = "";

    @BeforeAll
    static void makeKey() throws Exception {
        key = new RSAKeyGenerator(2048).keyID("k1").generate();
    }

    @BeforeEach
    void answer() {
        keys = "{\"keys\":[" + publicKey(null) + "]}";
        mock.server.setDispatcher(new Dispatcher() {
            @Override
            public MockResponse dispatch(RecordedRequest request) {
                String path = request.getUrl().encodedPath();
                if (path.matches("/[a-z0-9.-]+/discovery/(v2\\.0/)?keys")) {
                    return json(200, keys);
                }
                Queue<MockResponse> answers;
                if (path.matches("/[a-z0-9.-]+/oauth2/(v2\\.0/)?token")) {
                    tokenRequests.add(request);
                    answers = tokenAnswers;
                } else {
                    apiRequests.add(request);
                    answers = apiAnswers;
                }
                MockResponse next = answers.poll();
                return next == null ? new MockResponse.Builder().code(418).build() : next;
            }
        });
    }

    @AfterEach
    void close() {
        mock.close();
    }

    private static String publicKey(String issuer) {
        String json = key.toPublicJWK().toJSONString();
        return issuer == null ? json : json.substring(0, json.length() - 1) + ",\"issuer\":\"" + issuer + "\"}";
    }

    private String here(URI endpoint) {
        return mock.url(endpoint.getRawPath());
    }

    /** The preset with its paths on the test's server, and with its own issuer. */
    private Provider.Builder at(Provider preset) {
        return preset.newBuilder()
                .allowHttpOnLoopback()
                .authorizationEndpoint(here(preset.authorizationEndpoint()))
                .tokenEndpoint(here(preset.tokenEndpoint()))
                .assertionAudience(Facts.of(preset).assertionAudience())
                .userInfoEndpoint(preset.userInfoEndpoint().map(this::here).orElse(null))
                .openId(preset.issuer().orElseThrow(), here(preset.jwksUri().orElseThrow()))
                .apiOrigins(mock.url("/"));
    }

    private Grantkeeper.Builder registration(Provider.Builder provider) {
        return mock.registration(provider)
                .redirectUri("http://localhost:8888/callback")
                .scopes("openid", "profile");
    }

    private Grantkeeper node(Provider preset) {
        return mock.node(registration(at(preset)));
    }

    /** The claims of version 2.0 about Ada; version 1.0 is told apart by its issuer. */
    private JWTClaimsSet.Builder ada(String issuer, Object tenant) {
        Instant now = mock.time.clock().instant();
        JWTClaimsSet.Builder claims = new JWTClaimsSet.Builder()
                .issuer(issuer)
                .audience(MockProvider.CLIENT)
                .issueTime(Date.from(now))
                .notBeforeTime(Date.from(now))
                .expirationTime(Date.from(now.plusSeconds(3900)))
                .claim("oid", OBJECT)
                .claim("tid", tenant);
        return issuer.contains("sts.")
                ? claims.subject("pairwise-sub-1")
                        .claim("family_name", "Example")
                        .claim("given_name", "Ada")
                        .claim("unique_name", "ada@contoso.example")
                        .claim("upn", "ada@contoso.example")
                        .claim("ver", "1.0")
                : claims.subject("pairwise-sub-2")
                        .claim("name", "Ada Example")
                        .claim("preferred_username", "ada@contoso.example")
                        .claim("ver", "2.0");
    }

    private static String signed(JWTClaimsSet claims) throws Exception {
        SignedJWT jwt = new SignedJWT(
                new JWSHeader.Builder(JWSAlgorithm.RS256).keyID("k1").build(), claims);
        jwt.sign(new RSASSASigner(key));
        return jwt.serialize();
    }

    private static MockResponse tokens(String name, String more) {
        return json(
                200,
                "{\"token_type\":\"Bearer\",\"expires_in\":\"3599\",\"ext_expires_in\":\"0\",\"access_token\":\"at-"
                        + name + "\",\"refresh_token\":\"rt-" + name + "\"" + more + "}");
    }

    private LoginResult login(Grantkeeper node, JWTClaimsSet.Builder claims) throws Exception {
        return login(node, node.startLogin(), claims);
    }

    private LoginResult login(Grantkeeper node, PendingLogin login, JWTClaimsSet.Builder claims) throws Exception {
        String idToken = signed(claims.claim("nonce", login.attempt().nonce()).build());
        tokenAnswers.add(tokens("login", ",\"id_token\":\"" + idToken + "\""));
        String state = HttpUrl.get(login.url().toString()).queryParameter("state");
        return node.finishLogin(login, "code=c&state=" + state + "&session_state=s&admin_consent=True");
    }

    private Account signIn(Grantkeeper node, String issuer) throws Exception {
        return ((SignedIn) login(node, ada(issuer, TENANT))).keepAs("ada");
    }

    private Identity identity(Provider.Builder provider, String issuer) throws Exception {
        SignedIn in = (SignedIn) login(mock.node(registration(provider)), ada(issuer, TENANT));
        return in.identity().orElseThrow();
    }

    private void assertRefused(Grantkeeper node, JWTClaimsSet.Builder claims, String because) {
        assertThatExceptionOfType(AuthorizationServerException.class)
                .isThrownBy(() -> login(node, claims))
                .satisfies(e -> assertThat(e.kind()).isEqualTo(Kind.MALFORMED))
                .withMessageContaining(because);
    }

    /**
     * Anybody can come with an account of some other tenant: that is no error of the application, and not its tokens.
     */
    private void assertNotAllowed(Grantkeeper node, JWTClaimsSet.Builder claims, String because) throws Exception {
        assertThat(login(node, claims)).isInstanceOfSatisfying(LoginResult.Declined.class, declined -> {
            assertThat(declined.error()).isEqualTo("tenant_not_allowed");
            assertThat(declined.byUser()).isFalse();
            assertThat(declined.description().orElseThrow()).contains(because);
        });
    }

    /** The last request to the token endpoint. */
    private Map<String, String> sent() {
        return MockProvider.form(tokenRequests.get(tokenRequests.size() - 1));
    }

    private static Map<String, String> query(PendingLogin login) {
        return MockProvider.parameters(login.url().toString());
    }

    private int status(OkHttpClient client, String path) throws Exception {
        try (Response response = client.newCall(
                        new Request.Builder().url(mock.url(path)).build())
                .execute()) {
            return response.code();
        }
    }

    // ---- Version 1.0 ----------------------------------------------------------------------------------------------

    @Test
    void version_1_is_asked_for_a_resource_in_the_browser_with_the_code_and_with_each_refresh() throws Exception {
        Grantkeeper node = mock.node(registration(at(EntraId.version1("contoso.com")))
                .scopes("openid")
                .resources(API));
        PendingLogin login = node.startLogin();
        assertThat(login.url().getPath()).isEqualTo("/contoso.com/oauth2/authorize");
        assertThat(query(login)).containsEntry("resource", API).containsEntry("scope", "openid");
        Account ada = ((SignedIn) login(node, login, ada(V1, TENANT))).keepAs("ada");
        assertThat(sent()).containsEntry("grant_type", "authorization_code").containsEntry("resource", API);
        assertThat(tokenRequests.get(0).getUrl().encodedPath()).isEqualTo("/contoso.com/oauth2/token");

        mock.time.pass(Duration.ofHours(2));
        tokenAnswers.add(tokens("again", ",\"resource\":\"" + API + "\",\"expires_on\":\"1790007500\""));
        assertThat(ada.tokens().accessToken()).isEqualTo("at-again");
        assertThat(sent())
                .containsEntry("refresh_token", "rt-login")
                .containsEntry("resource", API)
                .doesNotContainKey("scope");
    }

    @Test
    void version_1_has_tokens_of_another_resource_with_the_same_refresh_token() throws Exception {
        String vault = "https://vault.azure.net";
        Grantkeeper node = mock.node(registration(at(EntraId.version1(TENANT))).resources(API));
        Account ada = signIn(node, V1);
        tokenAnswers.add(tokens("vault", ",\"resource\":\"" + vault + "\""));
        assertThat(ada.forResource(vault).tokens().accessToken()).isEqualTo("at-vault");
        // One, and not the registration's own besides.
        assertThat(sent()).containsEntry("refresh_token", "rt-login").containsEntry("resource", vault);
        assertThat(ada.tokens().accessToken()).isEqualTo("at-login");

        mock.time.pass(Duration.ofHours(2));
        tokenAnswers.add(tokens("again", ""));
        assertThat(ada.tokens().accessToken()).isEqualTo("at-again");
        assertThat(sent()).containsEntry("refresh_token", "rt-vault").containsEntry("resource", API);
    }

    @Test
    void version_1_does_not_sign_what_comes_with_a_refresh_and_it_has_to_be_the_same_user_all_the_same()
            throws Exception {
        Account ada = signIn(node(EntraId.version1(TENANT)), V1);
        mock.time.pass(Duration.ofHours(2));
        JWTClaimsSet.Builder claims = ada(V1, TENANT);
        tokenAnswers.add(tokens("two", ",\"id_token\":\"" + new PlainJWT(claims.build()).serialize() + "\""));
        assertThat(ada.tokens().accessToken()).isEqualTo("at-two");

        mock.time.pass(Duration.ofHours(2));
        String another = new PlainJWT(claims.subject("eve").build()).serialize();
        tokenAnswers.add(tokens("three", ",\"id_token\":\"" + another + "\""));
        assertThatExceptionOfType(AuthorizationServerException.class)
                .isThrownBy(ada::tokens)
                .withMessageContaining("another user");
    }

    @Test
    void version_1_without_a_signature_signs_nobody_in() throws Exception {
        Grantkeeper node = node(EntraId.version1(TENANT));
        PendingLogin login = node.startLogin();
        String idToken = new PlainJWT(
                        ada(V1, TENANT).claim("nonce", login.attempt().nonce()).build())
                .serialize();
        tokenAnswers.add(tokens("login", ",\"id_token\":\"" + idToken + "\""));
        String state = String.valueOf(query(login).get("state"));
        assertThatExceptionOfType(AuthorizationServerException.class)
                .isThrownBy(() -> node.finishLogin(login, "code=c&state=" + state))
                .withMessageContaining("not a signed JWT");
    }

    @ParameterizedTest
    @CsvSource({
        "PUBLIC, https://login.microsoftonline.com/, https://sts.windows.net/, https://graph.microsoft.com:443",
        "US_GOVERNMENT, https://login.microsoftonline.us/, https://sts.windows.net/, https://graph.microsoft.us:443",
        "US_GOVERNMENT_DOD, https://login.microsoftonline.us/, https://sts.windows.net/,"
                + " https://dod-graph.microsoft.us:443",
        "CHINA, https://login.partner.microsoftonline.cn/, https://sts.chinacloudapi.cn/,"
                + " https://microsoftgraph.chinacloudapi.cn:443"
    })
    void version_1_has_endpoints_and_an_issuer_of_its_own_in_each_cloud(
            Cloud cloud, String login, String issuer, String graph) {
        Provider open = EntraId.version1("common", cloud);
        assertThat(open.authorizationEndpoint()).hasToString(login + "common/oauth2/authorize");
        assertThat(open.tokenEndpoint()).hasToString(login + "common/oauth2/token");
        assertThat(open.jwksUri().orElseThrow()).hasToString(login + "common/discovery/keys");
        assertThat(open.endSessionEndpoint().orElseThrow()).hasToString(login + "common/oauth2/logout");
        assertThat(Facts.of(open).assertionAudience()).isEqualTo(login + "common/oauth2/token");
        assertThat(open.issuer()).contains(issuer + "{tenantid}/");
        assertThat(open.apiOrigins()).containsExactly(graph);
        assertThat(EntraId.version1(TENANT, cloud).issuer()).contains(issuer + TENANT + "/");
        assertThat(open.deviceAuthorizationEndpoint()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"consumers", "organizations", CONSUMERS})
    void version_1_has_no_personal_accounts(String tenant) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> EntraId.version1(tenant))
                .withMessageContaining("EntraId.provider(\"" + tenant + "\")");
    }

    @Test
    void the_two_versions_keep_their_grants_apart() {
        assertThat(EntraId.version1("contoso.com").name())
                .isNotEqualTo(EntraId.provider("contoso.com").name());
    }

    @Test
    void neither_version_takes_the_others_id_tokens() {
        for (String tenant : List.of("common", TENANT)) {
            assertRefused(node(EntraId.provider(tenant)), ada(V1, TENANT), "iss");
            assertRefused(node(EntraId.version1(tenant)), ada(V2, TENANT), "iss");
        }
    }

    // ---- Who the user is ------------------------------------------------------------------------------------------

    @Test
    void whoever_issued_the_token_the_application_reads_the_same_names() throws Exception {
        Identity old = identity(at(EntraId.version1("common")), V1);
        Identity now = identity(at(EntraId.provider("common")), V2);
        for (Identity one : List.of(old, now)) {
            assertThat(one.name()).contains("Ada Example");
            assertThat(one.userName()).contains("ada@contoso.example");
            assertThat(one.claim("oid")).contains(OBJECT);
            assertThat(one.claim("tid")).contains(TENANT);
            assertThat(one.toString()).doesNotContain("Ada", "ada@", OBJECT);
        }
        assertThat(old.claim("ver")).contains("1.0");
        assertThat(now.claim("ver")).contains("2.0");
        assertThat(old.givenName()).contains("Ada");
        assertThat(old.familyName()).contains("Example");
        // Version 2.0 says these only where the registration asks for them. Nothing is made up.
        assertThat(now.givenName()).isEmpty();
        assertThat(now.familyName()).isEmpty();
    }

    @Test
    void a_user_is_found_by_issuer_and_subject_and_no_name_is_part_of_that() throws Exception {
        assertThat(identity(at(EntraId.version1(TENANT)), V1).id()).isEqualTo(V1 + " pairwise-sub-1");
        assertThat(identity(at(EntraId.provider(TENANT)), V2).id()).isEqualTo(V2 + " pairwise-sub-2");
    }

    @Test
    void the_names_that_version_2_leaves_out_graph_tells() throws Exception {
        apiAnswers.add(json(
                200,
                "{\"sub\":\"pairwise-sub-2\",\"name\":\"Another\",\"family_name\":\"Example\",\"given_name\":\"Ada\","
                        + "\"picture\":\"https://graph.microsoft.com/v1.0/me/photo/$value\"}"));
        SignedIn in = (SignedIn)
                login(mock.node(registration(at(EntraId.provider(TENANT))).fetchProfile()), ada(V2, TENANT));
        Identity identity = in.identity().orElseThrow();
        assertThat(identity.givenName()).contains("Ada");
        assertThat(identity.familyName()).contains("Example");
        assertThat(identity.name()).contains("Ada Example");
        assertThat(apiRequests)
                .singleElement()
                .satisfies(request -> assertThat(request.getTarget()).isEqualTo("/oidc/userinfo"));
        assertThat(EntraId.provider(TENANT).userInfoEndpoint().orElseThrow())
                .hasToString("https://graph.microsoft.com/oidc/userinfo");
    }

    @Test
    void a_claim_that_is_no_text_is_not_taken_for_one() {
        Identity identity =
                Identity.of("https://issuer.example", "7", Map.of("oid", List.of("x"), "ver", 2, "tid", " "));
        for (String claim : List.of("oid", "ver", "tid", "nothing")) {
            assertThat(identity.claim(claim)).isEmpty();
        }
        assertThat(identity.name()).isEmpty();
        assertThat(Identity.of("i", "s", Map.of("given_name", "Ada")).name()).isEmpty();
    }

    // ---- Tenants --------------------------------------------------------------------------------------------------

    @Test
    void common_takes_every_tenant_and_personal_accounts() throws Exception {
        Grantkeeper node = node(EntraId.provider("common"));
        for (String tenant : List.of(TENANT, OTHER_TENANT, CONSUMERS)) {
            assertThat(login(node, ada("https://login.microsoftonline.com/" + tenant + "/v2.0", tenant)))
                    .isInstanceOf(SignedIn.class);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "https://login.microsoftonline.com/11111111-2222-4333-8444-555555555555/v2.0,"
                + " 99999999-2222-4333-8444-555555555555",
        "https://login.microsoftonline.com/common/v2.0, common",
        "https://login.microsoftonline.com/{tenantid}/v2.0, {tenantid}",
        "https://login.microsoftonline.com.evil.example/11111111-2222-4333-8444-555555555555/v2.0,"
                + " 11111111-2222-4333-8444-555555555555",
        "https://login.microsoftonline.us/11111111-2222-4333-8444-555555555555/v2.0,"
                + " 11111111-2222-4333-8444-555555555555",
        "https://login.microsoftonline.com/contoso.com/v2.0, contoso.com",
        "https://login.microsoftonline.com/11111111-2222-4333-8444-555555555555/v2.0,"
    })
    void an_issuer_that_does_not_fit_its_tenant_is_refused(String issuer, String tenant) {
        for (String preset : List.of("common", "organizations", "contoso.com")) {
            assertThatExceptionOfType(AuthorizationServerException.class)
                    .isThrownBy(() -> login(node(EntraId.provider(preset)), ada(issuer, tenant)))
                    .satisfies(e -> assertThat(e.kind()).isEqualTo(Kind.MALFORMED));
        }
    }

    @Test
    void a_tenant_in_the_token_that_is_not_the_issuers_signs_nobody_in() throws Exception {
        String customers = "https://" + TENANT + ".ciamlogin.com/" + TENANT + "/v2.0";
        String consumers = "https://login.microsoftonline.com/" + CONSUMERS + "/v2.0";
        assertRefused(node(EntraId.provider(TENANT)), ada(V2, OTHER_TENANT), "tid");
        assertRefused(node(EntraId.version1(TENANT)), ada(V1, OTHER_TENANT), "tid");
        assertRefused(node(EntraId.externalId("contoso", TENANT)), ada(customers, OTHER_TENANT), "tid");
        assertRefused(node(EntraId.provider("consumers")), ada(consumers, TENANT), "tid");
        for (String any : List.of("common", "organizations", "contoso.com")) {
            assertRefused(node(EntraId.provider(any)), ada(V2, OTHER_TENANT), "iss");
        }
        assertThat(login(node(EntraId.provider("consumers")), ada(consumers, CONSUMERS)))
                .isInstanceOf(SignedIn.class);
    }

    @Test
    void a_refresh_that_names_another_tenant_is_not_taken() throws Exception {
        Account ada = signIn(node(EntraId.provider(TENANT)), V2);
        mock.time.pass(Duration.ofHours(2));
        String other = signed(ada(V2, OTHER_TENANT).build());
        tokenAnswers.add(tokens("next", ",\"id_token\":\"" + other + "\""));
        assertThatExceptionOfType(AuthorizationServerException.class)
                .isThrownBy(ada::tokens)
                .satisfies(e -> assertThat(e.kind()).isEqualTo(Kind.MALFORMED));
    }

    @Test
    void organizations_takes_no_personal_accounts_and_consumers_nothing_else() throws Exception {
        String personal = "https://login.microsoftonline.com/" + CONSUMERS + "/v2.0";
        assertThat(login(node(EntraId.provider("organizations")), ada(V2, TENANT)))
                .isInstanceOf(SignedIn.class);
        assertNotAllowed(node(EntraId.provider("organizations")), ada(personal, CONSUMERS), CONSUMERS);
        assertThat(login(node(EntraId.provider("consumers")), ada(personal, CONSUMERS)))
                .isInstanceOf(SignedIn.class);
        assertRefused(node(EntraId.provider("consumers")), ada(V2, TENANT), "iss");
    }

    @Test
    void only_the_tenants_that_are_named_sign_in_and_the_message_says_where_to_add_one() throws Exception {
        Provider.Builder some =
                at(EntraId.provider("organizations")).tenants(TENANT.toUpperCase(java.util.Locale.ROOT));
        Grantkeeper node = mock.node(registration(some));
        assertThat(login(node, ada(V2, TENANT))).isInstanceOf(SignedIn.class);
        String other = "https://login.microsoftonline.com/" + OTHER_TENANT + "/v2.0";
        assertNotAllowed(node, ada(other, OTHER_TENANT), OTHER_TENANT);
        assertNotAllowed(node, ada(other, OTHER_TENANT), "tenants(");
        assertNotAllowed(
                node, ada("https://login.microsoftonline.com/" + CONSUMERS + "/v2.0", CONSUMERS), "refusedTenants");
        assertThat(mock.store.rows).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"contoso.com", "common", "", "11111111-2222-4333-8444-55555555555", "{tenantid}", TENANT + "/"})
    void a_tenant_in_the_list_is_named_by_its_id(String tenant) {
        Provider.Builder entra = EntraId.provider("common").newBuilder();
        assertThatIllegalArgumentException()
                .isThrownBy(() -> entra.tenants(tenant))
                .withMessageContaining("GUID");
        assertThatIllegalArgumentException().isThrownBy(() -> entra.refusedTenants(tenant));
    }

    @Test
    void a_copy_of_a_provider_keeps_its_list() {
        Provider some =
                EntraId.provider("organizations").newBuilder().tenants(TENANT).build();
        assertThat(Facts.of(some.newBuilder().build()).tenants).containsExactly(TENANT);
        assertThat(Facts.of(some.newBuilder().build()).refusedTenants).containsExactly(CONSUMERS);
        assertThat(Facts.of(some.newBuilder().tenants().build()).tenants).isEmpty();
    }

    @Test
    void a_key_of_personal_accounts_signs_for_no_organisation() throws Exception {
        Grantkeeper node = node(EntraId.provider("common"));
        keys = "{\"keys\":[" + publicKey("https://login.microsoftonline.com/" + CONSUMERS + "/v2.0") + "]}";
        assertRefused(node, ada(V2, TENANT), "key of another issuer");
        keys = "{\"keys\":[" + publicKey("https://login.microsoftonline.com/{tenantid}/v2.0") + "]}";
        assertThat(login(node(EntraId.provider("common")), ada(V2, TENANT))).isInstanceOf(SignedIn.class);
    }

    // ---- Clouds ---------------------------------------------------------------------------------------------------

    @Test
    void the_department_of_defense_signs_in_with_the_government_and_has_a_graph_of_its_own() {
        Provider defense = EntraId.provider("common", Cloud.US_GOVERNMENT_DOD);
        assertThat(defense.tokenEndpoint())
                .isEqualTo(EntraId.provider("common", Cloud.US_GOVERNMENT).tokenEndpoint());
        assertThat(defense.apiOrigins()).containsExactly("https://dod-graph.microsoft.us:443");
    }

    @Test
    void external_id_has_a_host_for_its_endpoints_and_another_for_its_issuer() throws Exception {
        Provider customers = EntraId.externalId("Contoso", TENANT);
        String base = "https://contoso.ciamlogin.com/" + TENANT;
        assertThat(customers.authorizationEndpoint()).hasToString(base + "/oauth2/v2.0/authorize");
        assertThat(customers.tokenEndpoint()).hasToString(base + "/oauth2/v2.0/token");
        assertThat(customers.jwksUri().orElseThrow()).hasToString(base + "/discovery/v2.0/keys");
        assertThat(customers.endSessionEndpoint().orElseThrow()).hasToString(base + "/oauth2/v2.0/logout");
        String issuer = "https://" + TENANT + ".ciamlogin.com/" + TENANT + "/v2.0";
        assertThat(customers.issuer()).contains(issuer);
        assertThat(login(node(customers), ada(issuer, TENANT))).isInstanceOf(SignedIn.class);
        assertRefused(node(customers), ada("https://contoso.ciamlogin.com/" + TENANT + "/v2.0", TENANT), "iss");
        assertRefused(node(customers), ada(V2, TENANT), "iss");
    }

    @ParameterizedTest
    @CsvSource({
        "contoso.evil.example, 11111111-2222-4333-8444-555555555555",
        "evil.example/, 11111111-2222-4333-8444-555555555555",
        "evil#, 11111111-2222-4333-8444-555555555555",
        "a@b, 11111111-2222-4333-8444-555555555555",
        "-contoso, 11111111-2222-4333-8444-555555555555",
        "'', 11111111-2222-4333-8444-555555555555",
        "contoso, contoso.onmicrosoft.com",
        "contoso, common",
        "contoso, ''"
    })
    void no_value_moves_external_id_to_another_host(String name, String tenant) {
        assertThatIllegalArgumentException().isThrownBy(() -> EntraId.externalId(name, tenant));
    }

    // ---- Redirect URIs --------------------------------------------------------------------------------------------

    @ParameterizedTest
    @ValueSource(
            strings = {
                "https://app.example/cb",
                "http://localhost/cb",
                "http://localhost:1234",
                "msal0f9e://auth",
                "com.example.app:/cb"
            })
    void a_redirect_uri_is_https_or_localhost_or_has_the_applications_own_scheme(String uri) {
        assertThat(mock.node(mock.registration(EntraId.provider("common").newBuilder())
                        .redirectUri(uri)))
                .isNotNull();
    }

    @ParameterizedTest
    @ValueSource(strings = {"http://127.0.0.1:1234/cb", "http://[::1]/cb", "http://app.example/cb"})
    void what_spotify_wants_on_the_users_machine_entra_does_not_take(String uri) {
        for (Provider preset : List.of(EntraId.provider("common"), EntraId.version1("common"))) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> mock.registration(preset.newBuilder())
                            .redirectUri(uri)
                            .build())
                    .withMessageContaining("localhost");
        }
    }

    // ---- What ends a grant, and what does not ---------------------------------------------------------------------

    @ParameterizedTest
    @CsvSource({
        "invalid_grant/basic_action, INTERACTION",
        "invalid_grant/additional_action, INTERACTION",
        "invalid_grant/consent_required, INTERACTION",
        "invalid_grant/user_password_expired, INTERACTION",
        "interaction_required, INTERACTION",
        "interaction_required/basic_action, INTERACTION",
        "consent_required, INTERACTION",
        "invalid_grant/message_only, BLOCKED",
        "interaction_required/message_only, BLOCKED"
    })
    void what_a_user_can_mend_ends_no_grant(String error, Meaning meaning) {
        for (Provider preset : List.of(
                EntraId.provider("common"), EntraId.version1("common"), EntraId.externalId("contoso", TENANT))) {
            assertThat(preset.meaningOf(error)).contains(meaning);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "invalid_grant",
                "invalid_grant/bad_token",
                "invalid_grant/token_expired",
                "invalid_grant/client_mismatch",
                "invalid_grant/device_authentication_failed",
                "invalid_client",
                "invalid_resource",
                "invalid_scope",
                "invalid_client/message_only",
                "temporarily_unavailable"
            })
    void everything_else_means_what_the_standards_say(String error) {
        assertThat(EntraId.provider("common").meaningOf(error)).isEmpty();
    }

    private static MockResponse error(int status, String error, int number, String more) {
        return json(
                status,
                "{\"error\":\"" + error + "\",\"error_description\":\"AADSTS" + number + ": No.\\r\\nTrace ID: t\\r\\n"
                        + "Correlation ID: c\\r\\nTimestamp: 2026-11-20 02:02:12Z\",\"error_codes\":[" + number + "]"
                        + more + "}");
    }

    @ParameterizedTest
    @CsvSource({"70043, token_expired", "50173, bad_token", "700084, ''"})
    void a_refresh_token_that_has_ended_is_not_sent_again(int number, String suberror) throws Exception {
        Account ada = signIn(node(EntraId.provider(TENANT)), V2);
        mock.time.pass(Duration.ofHours(2));
        tokenAnswers.add(error(400, "invalid_grant", number, ",\"suberror\":\"" + suberror + "\""));
        for (int i = 0; i < 3; i++) {
            assertThatExceptionOfType(LoginRequiredException.class)
                    .isThrownBy(ada::tokens)
                    .satisfies(e -> assertThat(e.reason()).isEqualTo(LoginRequiredException.Reason.REFUSED))
                    .withMessageContaining("AADSTS" + number);
        }
        assertThat(tokenRequests).hasSize(2);
    }

    @ParameterizedTest
    @CsvSource({
        "401, invalid_client, 7000215, MISCONFIGURED",
        "401, invalid_client, 7000222, MISCONFIGURED",
        "400, invalid_resource, 50001, MISCONFIGURED",
        "400, invalid_scope, 70011, MISCONFIGURED",
        "400, invalid_request, 9002313, MISCONFIGURED",
        "503, temporarily_unavailable, 90033, TEMPORARY"
    })
    void what_is_not_the_users_fault_costs_no_grant(int status, String error, int number, Kind kind) throws Exception {
        Account ada = signIn(node(EntraId.version1(TENANT)), V1);
        mock.time.pass(Duration.ofHours(2));
        tokenAnswers.add(error(status, error, number, ""));
        if (kind == Kind.TEMPORARY) {
            tokenAnswers.add(error(status, error, number, "")); // the caller waits for a second try
        }
        assertThatExceptionOfType(AuthorizationServerException.class)
                .isThrownBy(ada::tokens)
                .satisfies(e -> assertThat(e.kind()).isEqualTo(kind));
        assertThat(ada.grant().orElseThrow().loginRequired()).isEmpty();
        mock.time.pass(Duration.ofHours(1));
        tokenAnswers.add(tokens("later", ""));
        assertThat(ada.tokens().accessToken()).isEqualTo("at-later");
    }

    @Test
    void a_code_that_was_redeemed_before_ends_that_login_and_no_grant() throws Exception {
        Grantkeeper node = node(EntraId.provider(TENANT));
        Account ada = signIn(node, V2);
        PendingLogin login = node.startLogin();
        tokenAnswers.add(error(400, "invalid_grant", 54005, ""));
        assertThat(node.finishLogin(login, "code=c&state=" + query(login).get("state")))
                .isInstanceOfSatisfying(
                        LoginResult.Declined.class,
                        declined ->
                                assertThat(declined.description().orElseThrow()).contains("AADSTS54005"));
        assertThat(ada.tokens().accessToken()).isEqualTo("at-login");
    }

    // ---- Tokens ---------------------------------------------------------------------------------------------------

    @Test
    void version_2_has_one_refresh_token_and_an_access_token_for_each_api() throws Exception {
        Account ada = signIn(node(EntraId.provider(TENANT)), V2);
        tokenAnswers.add(tokens("other", ",\"scope\":\"api://contoso.example/api/UseResource\""));
        Account other = ada.forResource("api://contoso.example/api", mock.url("/"));
        assertThat(other.tokens().accessToken()).isEqualTo("at-other");
        assertThat(sent())
                .containsEntry("scope", "api://contoso.example/api/.default")
                .doesNotContainKey("resource");
        assertThat(ada.tokens().accessToken()).isEqualTo("at-login");
        mock.time.pass(Duration.ofHours(2));
        tokenAnswers.add(tokens("graph", ""));
        assertThat(ada.tokens().accessToken()).isEqualTo("at-graph");
        assertThat(sent()).containsEntry("refresh_token", "rt-other");
    }

    private Account expired(Grantkeeper node, String... scopes) throws Exception {
        Account user = node.account("expired");
        user.importTokens(TokenSet.builder("at-0")
                .expiresAt(mock.time.clock().instant().minusSeconds(1))
                .refreshToken("rt-0")
                .scopes(Set.of(scopes))
                .build());
        return user;
    }

    /** AADSTS90009: without its scope, a refresh for an API of the application itself is refused. */
    @Test
    void version_2_and_external_id_get_the_scopes_of_the_grant_with_each_refresh() throws Exception {
        String api = "api://6731de76-14a6-49ae-97bc-6eba6914391e/access";
        for (Provider preset :
                List.of(EntraId.provider(TENANT), EntraId.provider("common"), EntraId.externalId("contoso", TENANT))) {
            Grantkeeper node = mock.node(registration(at(preset)).scopes("offline_access", api));
            tokenAnswers.add(tokens("login", ""));
            PendingLogin login = node.startLogin();
            SignedIn in = (SignedIn)
                    node.finishLogin(login, "code=c&state=" + query(login).get("state"));
            assertThat(sent()).doesNotContainKey("scope");
            mock.time.pass(Duration.ofHours(2));
            tokenAnswers.add(tokens("next", ",\"scope\":\"" + api + "\""));
            Account user = in.keepAs(preset.name());
            assertThat(user.tokens().accessToken()).isEqualTo("at-next");
            assertThat(sent()).containsEntry("scope", "offline_access " + api);
            mock.time.pass(Duration.ofHours(2));
            tokenAnswers.add(tokens("third", ""));
            assertThat(user.tokens().accessToken()).isEqualTo("at-third");
            assertThat(sent())
                    .as("a refresh token comes with offline_access only, which responses leave out")
                    .containsEntry("scope", api + " offline_access");
        }
    }

    @Test
    void a_scope_that_stands_for_all_of_an_api_goes_with_no_other_of_it() throws Exception {
        tokenAnswers.add(tokens("next", ""));
        String all = "https://graph.microsoft.com/.default";
        assertThat(expired(node(EntraId.provider(TENANT)), "openid", "https://graph.microsoft.com/User.Read", all)
                        .tokens()
                        .accessToken())
                .isEqualTo("at-next");
        assertThat(Set.of(sent().get("scope").split(" "))).containsExactlyInAnyOrder("openid", all, "offline_access");
    }

    @Test
    void a_grant_whose_scopes_nobody_knows_sends_none() throws Exception {
        tokenAnswers.add(tokens("next", ""));
        assertThat(expired(node(EntraId.provider(TENANT))).tokens().accessToken())
                .isEqualTo("at-next");
        assertThat(sent()).doesNotContainKey("scope");
    }

    @Test
    void signing_out_tells_entra_nothing_for_there_is_nobody_to_tell() throws Exception {
        Account ada = signIn(node(EntraId.provider(TENANT)), V2);
        int before = mock.server.getRequestCount();
        ada.signOut();
        assertThat(mock.server.getRequestCount()).isEqualTo(before);
        assertThat(mock.store.rows).isEmpty();
    }

    @Test
    void the_browser_signs_out_at_the_tenants_own_page() throws Exception {
        Grantkeeper node = mock.node(
                mock.registration(EntraId.provider(TENANT).newBuilder()).redirectUri("https://app.example/cb"));
        String url = node.newLogout()
                .logoutHint("O.CiQx=")
                .returnTo("https://app.example/bye")
                .url()
                .toString();
        assertThat(url).startsWith("https://login.microsoftonline.com/" + TENANT + "/oauth2/v2.0/logout?");
        assertThat(MockProvider.parameters(url))
                .containsEntry("logout_hint", "O.CiQx=")
                .containsEntry("post_logout_redirect_uri", "https://app.example/bye");
    }

    @Test
    void a_certificate_signs_with_ps256_and_is_named_by_its_sha_256_thumbprint() throws Exception {
        HeldCertificate held = new HeldCertificate.Builder().rsa2048().build();
        SigningKey own = SigningKey.of(held.keyPair().getPrivate()).certificate(held.certificate());
        for (SigningKey one : List.of(own, own.algorithm("RS256"))) {
            tokenAnswers.add(tokens("app", ""));
            Provider preset = EntraId.provider(TENANT);
            mock.node(registration(at(preset)).registration(one.algorithm()).signingKey(one))
                    .application()
                    .tokens();
            Map<String, String> sent = sent();
            assertThat(sent)
                    .containsEntry("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
                    .doesNotContainKey("client_secret");
            SignedJWT assertion = SignedJWT.parse(sent.get("client_assertion"));
            assertThat(assertion.getHeader().getAlgorithm().getName()).isEqualTo(one.algorithm());
            assertThat(assertion.getHeader().getX509CertSHA256Thumbprint().decode())
                    .isEqualTo(MessageDigest.getInstance("SHA-256")
                            .digest(held.certificate().getEncoded()));
            assertThat(assertion.getJWTClaimsSet().getAudience())
                    .containsExactly(preset.tokenEndpoint().toString());
        }
        assertThat(own.algorithm()).isEqualTo("PS256");
    }

    @Test
    void a_secret_goes_into_the_body_whatever_is_in_it() throws Exception {
        String secret = "ab~._-+/=%&";
        tokenAnswers.add(tokens("app", ""));
        mock.node(registration(at(EntraId.provider(TENANT))).clientSecret(secret))
                .application()
                .forResource("https://vault.azure.net")
                .tokens();
        assertThat(sent())
                .containsEntry("client_secret", secret)
                .containsEntry("scope", "https://vault.azure.net/.default");
        assertThat(tokenRequests.get(0).getHeaders().get("Authorization")).isNull();
    }

    @ParameterizedTest
    @ValueSource(strings = {"common", "organizations", "consumers"})
    void an_application_has_tokens_of_its_own_in_one_tenant_only(String tenant) {
        assertThatIllegalStateException()
                .isThrownBy(() -> node(EntraId.provider(tenant)).application())
                .withMessageContaining("tenant's id");
        assertThat(node(EntraId.provider("contoso.com")).application()).isNotNull();
        assertThat(node(EntraId.version1(TENANT)).application()).isNotNull();
        assertThatIllegalStateException()
                .isThrownBy(() -> node(EntraId.version1("common")).application());
        assertThat(tokenRequests).isEmpty();
    }

    @Test
    void a_middle_tier_acts_on_behalf_of_its_caller_in_both_versions() throws Exception {
        TokenExchange caller = TokenExchange.onBehalfOf("incoming");
        tokenAnswers.add(tokens("two", ""));
        node(EntraId.provider(TENANT))
                .account(caller.scopes("https://graph.microsoft.com/.default"))
                .tokens();
        assertThat(sent())
                .containsEntry("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer")
                .containsEntry("requested_token_use", "on_behalf_of")
                .containsEntry("assertion", "incoming")
                .containsEntry("scope", "https://graph.microsoft.com/.default");
        tokenAnswers.add(tokens("one", ""));
        node(EntraId.version1(TENANT))
                .account(caller.resource("https://graph.microsoft.com"))
                .tokens();
        assertThat(sent())
                .containsEntry("requested_token_use", "on_behalf_of")
                .containsEntry("resource", "https://graph.microsoft.com");
    }

    // ---- Challenges -----------------------------------------------------------------------------------------------

    private static MockResponse challenged(String header) {
        return new MockResponse.Builder()
                .code(401)
                .setHeader("WWW-Authenticate", header)
                .build();
    }

    @Test
    void a_token_that_an_api_rejects_is_replaced_though_the_challenge_ends_in_a_comma() throws Exception {
        Account ada = signIn(node(EntraId.version1(TENANT)), V1);
        apiAnswers.add(challenged(
                "Bearer authorization_uri=\"https://login.microsoftonline.com/contoso.com/oauth2/authorize\","
                        + "  error=\"invalid_token\",  error_description=\"The access token is missing.\","));
        apiAnswers.add(json(200, "{}"));
        tokenAnswers.add(tokens("again", ""));
        assertThat(status(ada.wrap(mock.http), "/me")).isEqualTo(200);
        assertThat(apiRequests)
                .extracting(request -> request.getHeaders().get("Authorization"))
                .containsExactly("Bearer at-login", "Bearer at-again");
    }

    /** B.8: never let a resource choose the issuer. */
    @ParameterizedTest
    @ValueSource(strings = {"https://login.microsoftonline.com.evil.example/common/oauth2/authorize", "here"})
    void a_challenge_chooses_no_authorization_server(String named) throws Exception {
        Grantkeeper node = node(EntraId.provider(TENANT));
        Account ada = signIn(node, V2);
        List<String> before =
                new ArrayList<>(List.of(query(node.startLogin()).keySet().toArray(String[]::new)));
        String claims = "{\"access_token\":{\"nbf\":{\"essential\":true,\"value\":\"1604106651\"}}}";
        apiAnswers.add(challenged("Bearer realm=\"\", authorization_uri=\""
                + (named.equals("here") ? mock.url("/elsewhere/oauth2/authorize") : named)
                + "\", error=\"insufficient_claims\", claims=\""
                + Base64.getEncoder().encodeToString(claims.getBytes(StandardCharsets.UTF_8)) + "\""));
        assertThatThrownBy(() -> status(ada.wrap(mock.http), "/me"))
                .isInstanceOfSatisfying(LoginRequiredException.class, required -> {
                    assertThat(required.loginParameters()).containsOnlyKeys("claims");
                    PendingLogin login = start(node, required);
                    assertThat(login.url().toString())
                            .startsWith(mock.url("/" + TENANT + "/oauth2/v2.0/authorize?"))
                            .doesNotContain("evil", "elsewhere");
                    assertThat(query(login)).containsEntry("claims", claims);
                    assertThat(query(login).keySet()).containsAll(before).hasSize(before.size() + 1);
                });
        assertThat(apiRequests)
                .extracting(request -> request.getUrl().encodedPath())
                .containsExactly("/me");
    }

    private static PendingLogin start(Grantkeeper node, LoginRequiredException required) {
        try {
            return node.newLogin().inResponseTo(required).start();
        } catch (AuthorizationServerException e) {
            throw new AssertionError(e);
        }
    }

    // ---- Devices --------------------------------------------------------------------------------------------------

    @Test
    void a_terminal_shows_the_page_and_the_code_that_entra_gives_it() throws Exception {
        Provider preset = EntraId.provider("organizations");
        Consumer<DeviceLogin> shown = login -> {
            assertThat(login.verificationUri()).hasToString("https://microsoft.com/devicelogin");
            assertThat(login.userCode()).isEqualTo("ABCD-EFGH");
        };
        apiAnswers.add(json(
                200,
                "{\"user_code\":\"ABCD-EFGH\",\"device_code\":\"GMMfic\",\"verification_uri\":"
                        + "\"https://microsoft.com/devicelogin\",\"expires_in\":900,\"interval\":5,"
                        + "\"message\":\"To sign in, use a web browser\"}"));
        DeviceLogin login = mock.node(registration(at(preset)
                        .deviceAuthorizationEndpoint(
                                here(preset.deviceAuthorizationEndpoint().orElseThrow()))))
                .newLogin()
                .startOnDevice();
        shown.accept(login);
        assertThat(apiRequests)
                .singleElement()
                .satisfies(request ->
                        assertThat(request.getUrl().encodedPath()).isEqualTo("/organizations/oauth2/v2.0/devicecode"));
    }
}
