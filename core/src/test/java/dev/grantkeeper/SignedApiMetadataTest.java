/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jwt.JWTClaimsSet;
import dev.grantkeeper.testkit.FakeAuthorizationServer;
import dev.grantkeeper.testkit.FakeProtectedApi;
import java.time.Duration;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;
import okhttp3.HttpUrl;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Metadata of APIs that is signed by somebody whom the application trusts (RFC 9728 section 2.2). */
@Timeout(300)
class SignedApiMetadataTest {
    private static final String FEDERATION = "https://federation.example";
    private static final Jwe.Signer KEY = new Jwe.Signer();
    private static final Jwe.Signer STRANGER = new Jwe.Signer();

    private final ApiScene scene = new ApiScene();
    private final FakeAuthorizationServer server = scene.server;
    private final FakeProtectedApi api = scene.api;

    @AfterEach
    void close() throws Exception {
        scene.close();
    }

    private ProtectedApis anchored() {
        return scene.node(scene.builder().signedMetadata(FEDERATION, KEY.jwks()));
    }

    private JWTClaimsSet.Builder claims() {
        return new JWTClaimsSet.Builder()
                .issuer(FEDERATION)
                .issueTime(Date.from(scene.time.clock().instant()))
                .claim("resource", api.url())
                .claim("authorization_servers", List.of(server.issuer()));
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
        publish(KEY.sign(claims().build()));
        assertThat(scene.status(scene.signIn(anchored(), "alice"))).isEqualTo(200);
    }

    @Test
    void what_is_not_signed_does_not_count_even_where_the_signature_is_silent() throws Exception {
        FakeAuthorizationServer other = scene.newServer();
        String signed = KEY.sign(claims().build());
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
            publish(KEY.sign(claims().build()));
            assertThat(scene.required(scene.account(anchored(), "alice")).issuer())
                    .contains(server.issuer());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "nonsense", "a.b.c"})
    void without_an_anchor_a_signature_is_ignored(String signed) throws Exception {
        publish(
                signed.isEmpty()
                        ? STRANGER.sign(claims().claim("authorization_servers", List.of("https://evil.example"))
                                .build())
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
                        .signedMetadata(FEDERATION, KEY.jwks())
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
        publish(KEY.sign(claims.build()));
        assertRefused(why);
    }

    @Test
    void a_signature_has_its_time() throws Exception {
        Date past = Date.from(scene.time.clock().instant().minusSeconds(90));
        Date future = Date.from(scene.time.clock().instant().plusSeconds(90));
        publish(KEY.sign(claims().expirationTime(past).build()));
        assertRefused("expired");
        publish(KEY.sign(claims().notBeforeTime(future).build()));
        assertRefused("not valid yet");
        publish(KEY.sign(claims().issueTime(future).build()));
        assertRefused("in the future");
        publish(KEY.sign(claims().expirationTime(future).notBeforeTime(past).build()));
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
        String signed = KEY.sign(claims().claim("resource", neighbour.url()).build());
        publish(signed);
        assertRefused("is for the resource " + neighbour.url());
    }

    @Test
    void what_nobody_who_is_trusted_has_signed_refuses_the_document() throws Exception {
        JWTClaimsSet claims = claims().build();
        for (Map.Entry<String, String> forged :
                KEY.forged(claims, null, "none of the keys").entrySet()) {
            publish(forged.getKey());
            assertRefused(forged.getValue());
        }
        publish(STRANGER.sign(claims.toString(), new JWSHeader.Builder(JWSAlgorithm.ES256).jwk(STRANGER.publicKey())));
        assertRefused("none of the keys");
        publish(KEY.sign(claims, "at+jwt"));
        assertRefused("another kind");
        publish(Jwe.withoutSignature(KEY.sign(claims)));
        assertRefused("not a signed JWT");
        Map<String, Object> flattened = new LinkedHashMap<>();
        flattened.put("payload", KEY.sign(claims).split("\\.")[1]);
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
        String keys = KEY.jwks();
        assertThatIllegalArgumentException()
                .isThrownBy(() -> scene.builder().signedMetadata(signer, keys))
                .withMessageContaining("iss");
    }
}
