/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.JWSSigner;
import com.nimbusds.jose.crypto.ECDSASigner;
import com.nimbusds.jose.crypto.MACSigner;
import com.nimbusds.jose.jwk.Curve;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.gen.ECKeyGenerator;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.PlainJWT;
import com.nimbusds.jwt.SignedJWT;
import dev.grantkeeper.testkit.FakeAuthorizationServer;
import dev.grantkeeper.testkit.FakeProtectedApi;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;
import okhttp3.HttpUrl;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Metadata of APIs that is signed by somebody whom the application trusts (RFC 9728 section 2.2). */
@Timeout(60)
class SignedApiMetadataTest {
    private static final String FEDERATION = "https://federation.example";
    private static ECKey key;
    private static ECKey stranger;

    private final ApiScene scene = new ApiScene();
    private final FakeAuthorizationServer server = scene.server;
    private final FakeProtectedApi api = scene.api;

    @BeforeAll
    static void makeKeys() throws Exception {
        key = new ECKeyGenerator(Curve.P_256).keyID("k1").generate();
        stranger = new ECKeyGenerator(Curve.P_256).keyID("k1").generate();
    }

    @AfterEach
    void close() throws Exception {
        scene.close();
    }

    private ProtectedApis anchored() {
        return scene.node(scene.builder().signedMetadata(FEDERATION, new JWKSet(key.toPublicJWK()).toString()));
    }

    private JWTClaimsSet.Builder claims() {
        return new JWTClaimsSet.Builder()
                .issuer(FEDERATION)
                .issueTime(Date.from(scene.time.clock().instant()))
                .claim("resource", api.url())
                .claim("authorization_servers", List.of(server.issuer()));
    }

    private static JWSHeader.Builder header(JWSAlgorithm algorithm) {
        return new JWSHeader.Builder(algorithm).keyID("k1");
    }

    private static String sign(JWTClaimsSet claims, JWSHeader header, JWSSigner with) throws Exception {
        SignedJWT jwt = new SignedJWT(header, claims);
        jwt.sign(with);
        return jwt.serialize();
    }

    private static String sign(JWTClaimsSet claims) throws Exception {
        return sign(claims, header(JWSAlgorithm.ES256).build(), new ECDSASigner(key));
    }

    private void publish(Object signed) {
        api.metadata(document -> {
            document.put("signed_metadata", signed);
            return document;
        });
    }

    private void assertRefused(String why) {
        ProtectedApis node = anchored();
        int before = server.metadataRequests();
        assertThatExceptionOfType(AuthorizationServerException.class)
                .as(why)
                .isThrownBy(() -> scene.status(scene.account(node, "alice")))
                .withMessageContaining(why)
                .satisfies(e -> assertThat(e.kind()).isEqualTo(AuthorizationServerException.Kind.MALFORMED));
        assertThat(server.metadataRequests()).isEqualTo(before);
    }

    @Test
    void an_api_whose_metadata_is_signed_is_called() throws Exception {
        publish(sign(claims().build()));
        assertThat(scene.status(scene.signIn(anchored(), "alice"))).isEqualTo(200);
    }

    @Test
    void what_is_not_signed_does_not_count_even_where_the_signature_is_silent() throws Exception {
        FakeAuthorizationServer other = scene.newServer();
        String signed = sign(claims().build());
        api.authorizationServers(other.issuer()).scopesSupported("everything").dpopRequired(true);
        api.challengeScopes().metadata(document -> {
            document.put("resource", other.url() + "/mcp");
            document.put("signed_metadata", signed);
            return document;
        });
        ProtectedApis node = anchored();
        PendingLogin login = scene.start(node, "alice");
        HttpUrl url = HttpUrl.get(login.url().toString());
        assertThat(url.toString()).startsWith(server.authorizationEndpoint());
        assertThat(url.queryParameter("resource")).isEqualTo(api.url());
        assertThat(url.queryParameter("scope")).isEqualTo("offline_access");
        assertThat(other.metadataRequests()).isZero();
    }

    @Test
    void a_signed_document_is_needed_where_the_challenge_points_to_and_at_the_usual_places() throws Exception {
        for (boolean challenge : new boolean[] {true, false}) {
            api.challengeNamesMetadata(challenge).metadata(document -> document);
            assertRefused("is not signed");
            publish(sign(claims().build()));
            assertThat(scene.required(scene.account(anchored(), "alice")).issuer())
                    .contains(server.issuer());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "nonsense", "a.b.c"})
    void without_an_anchor_a_signature_is_ignored(String signed) throws Exception {
        publish(
                signed.isEmpty()
                        ? sign(
                                claims().claim("authorization_servers", List.of("https://evil.example"))
                                        .build(),
                                header(JWSAlgorithm.ES256).build(),
                                new ECDSASigner(stranger))
                        : signed);
        assertThat(scene.required(scene.account(scene.node(), "alice")).issuer())
                .contains(server.issuer());
    }

    /** Otherwise anybody who can change the document could remove the signature, or the document. */
    @Test
    void a_document_that_is_not_signed_is_refused_and_so_is_none() {
        assertRefused("is not signed");
        for (Object signed : List.of("", 7, List.of("x"), Map.of("a", "b"), "a.b.c", "..", "x")) {
            publish(signed);
            assertRefused("sign");
        }
        api.metadataAtPath(false).challengeNamesMetadata(false);
        assertRefused("no metadata");
        assertThatIllegalStateException()
                .isThrownBy(() -> scene.builder()
                        .signedMetadata(FEDERATION, new JWKSet(key.toPublicJWK()).toString())
                        .allowServersWithoutMetadata()
                        .build())
                .withMessageContaining("signedMetadata");
    }

    static Stream<Arguments> wrongClaims() {
        return Stream.of(
                wrong("no iss", "iss", claims -> claims.issuer(null)),
                wrong("another iss", "iss", claims -> claims.issuer("https://evil.example")),
                wrong("an iss with a slash more", "iss", claims -> claims.issuer(FEDERATION + "/")),
                wrong("an iss in capitals", "iss", claims -> claims.issuer("https://FEDERATION.example")),
                wrong("about nothing", "names no resource", claims -> claims.claim("resource", null)),
                wrong("about another", "evil.example", claims -> claims.claim("resource", "https://evil.example/mcp")),
                wrong("about a list", "names no resource", claims -> claims.claim("resource", List.of("x"))),
                wrong("no server", "no authorization server", claims -> claims.claim("authorization_servers", null)),
                wrong(
                        "a server in clear",
                        "no authorization server",
                        claims -> claims.claim("authorization_servers", List.of("http://as.example"))),
                wrong("a token", "another kind", claims -> claims.audience("client")),
                wrong("an event", "another kind", claims -> claims.claim("events", Map.of("x", "y"))),
                wrong("signed metadata", "signed_metadata itself", claims -> claims.claim("signed_metadata", "a.b.c")));
    }

    private static Arguments wrong(String name, String why, Consumer<JWTClaimsSet.Builder> change) {
        return Arguments.of(name, why, change);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("wrongClaims")
    void a_signed_claim_that_is_wrong_or_missing_refuses_the_document(
            String name, String why, Consumer<JWTClaimsSet.Builder> change) throws Exception {
        JWTClaimsSet.Builder claims = claims();
        change.accept(claims);
        publish(sign(claims.build()));
        assertRefused(why);
    }

    @Test
    void a_signature_has_its_time() throws Exception {
        Date past = Date.from(scene.time.clock().instant().minusSeconds(90));
        Date future = Date.from(scene.time.clock().instant().plusSeconds(90));
        publish(sign(claims().expirationTime(past).build()));
        assertRefused("expired");
        publish(sign(claims().notBeforeTime(future).build()));
        assertRefused("not valid yet");
        publish(sign(claims().issueTime(future).build()));
        assertRefused("in the future");
        publish(sign(claims().expirationTime(future).notBeforeTime(past).build()));
        ProtectedApis node = anchored();
        assertThat(scene.required(scene.account(node, "alice")).issuer()).contains(server.issuer());
        scene.time.pass(Duration.ofMinutes(10));
        assertThatExceptionOfType(AuthorizationServerException.class)
                .isThrownBy(() -> scene.status(scene.account(node, "alice")))
                .withMessageContaining("expired");
    }

    @Test
    void a_tenant_of_the_host_that_is_attested_is_not_another_tenant() throws Exception {
        FakeProtectedApi neighbour = server.protectedApi("/other");
        String signed = sign(claims().claim("resource", neighbour.url()).build());
        publish(signed);
        assertRefused("is for the resource " + neighbour.url());
    }

    @Test
    void what_nobody_who_is_trusted_has_signed_refuses_the_document() throws Exception {
        JWTClaimsSet claims = claims().build();
        publish(sign(claims, header(JWSAlgorithm.ES256).build(), new ECDSASigner(stranger)));
        assertRefused("none of the keys");
        publish(sign(
                claims, header(JWSAlgorithm.ES256).jwk(stranger.toPublicJWK()).build(), new ECDSASigner(stranger)));
        assertRefused("none of the keys");
        byte[] known = key.toPublicJWK().toJSONString().getBytes(StandardCharsets.UTF_8);
        publish(sign(claims, header(JWSAlgorithm.HS256).build(), new MACSigner(known)));
        assertRefused("algorithm");
        publish(new PlainJWT(claims).serialize());
        assertRefused("not a signed JWT");
        publish(sign(
                claims,
                header(JWSAlgorithm.ES256).type(new JOSEObjectType("at+jwt")).build(),
                new ECDSASigner(key)));
        assertRefused("another kind");
        String good = sign(claims);
        String other = sign(claims().claim("x", "y").build());
        publish(good.substring(0, good.lastIndexOf('.')) + other.substring(other.lastIndexOf('.')));
        assertRefused("none of the keys");
        publish(good.substring(0, good.lastIndexOf('.') + 1));
        assertRefused("sign");
        Map<String, Object> flattened = new LinkedHashMap<>();
        flattened.put("payload", good.split("\\.")[1]);
        publish(flattened);
        assertRefused("is not signed");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "{}", "{\"keys\":[]}", "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}", "x"})
    void an_anchor_is_a_set_of_public_keys(String keys) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> scene.builder().signedMetadata(FEDERATION, keys))
                .withMessageContaining(FEDERATION);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", " "})
    void an_anchor_has_a_name(String signer) {
        String keys = new JWKSet(key.toPublicJWK()).toString();
        assertThatIllegalArgumentException()
                .isThrownBy(() -> scene.builder().signedMetadata(signer, keys))
                .withMessageContaining("iss");
    }
}
