/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.nimbusds.jwt.JWTClaimsSet;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.testkit.Fault;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Metadata that is signed by somebody whom the application trusts (RFC 8414 section 2.1). */
@Timeout(300)
class SignedMetadataTest {
    private static final String FEDERATION = "https://federation.example";
    private static final Jwe.Signer KEY = new Jwe.Signer();
    private static final Jwe.Signer STRANGER = new Jwe.Signer();

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

    private Discovery anchored() {
        return discovery().signedMetadata(FEDERATION, KEY.jwks());
    }

    private JWTClaimsSet.Builder claims() {
        return new JWTClaimsSet.Builder()
                .issuer(FEDERATION)
                .issueTime(new Date())
                .claim("issuer", scene.server.issuer())
                .claim("token_endpoint", scene.server.url() + "/signed/token");
    }

    private void publish(Object signed) {
        scene.server.metadata(metadata -> {
            metadata.put("signed_metadata", signed);
            return metadata;
        });
    }

    private void assertRefused(String why) {
        assertThatExceptionOfType(IOException.class)
                .isThrownBy(() -> anchored().fetch())
                .withMessageContaining(why)
                .withCauseInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void what_is_signed_counts_more_than_what_is_not() throws Exception {
        publish(KEY.sign(claims().claim("introspection_endpoint", scene.server.url() + "/signed/introspect")
                .build()));
        Provider provider = anchored().fetch();
        assertThat(provider.tokenEndpoint()).hasToString(scene.server.url() + "/signed/token");
        assertThat(provider.introspectionEndpoint().orElseThrow())
                .hasToString(scene.server.url() + "/signed/introspect");
        assertThat(provider.authorizationEndpoint()).hasToString(scene.server.authorizationEndpoint());
    }

    @Test
    void a_server_may_sign_for_itself_and_then_need_not_name_itself_twice() throws Exception {
        String issuer = scene.server.issuer();
        publish(KEY.sign(claims().issuer(issuer).claim("issuer", null).build()));
        Discovery itself = discovery().signedMetadata(issuer, KEY.jwks());
        assertThat(itself.fetch().tokenEndpoint()).hasToString(scene.server.url() + "/signed/token");
    }

    /**
     * Anybody can get an ID token or another JWT of a server that signs for itself. None of them may stand for signed
     * metadata that is silent, beside which the plain members would count.
     */
    @ParameterizedTest
    @ValueSource(strings = {"ID token", "access token", "user", "event", "request", "signed metadata"})
    void another_jwt_of_the_signer_is_not_signed_metadata(String kind) throws Exception {
        String issuer = scene.server.issuer();
        JWTClaimsSet.Builder claims = new JWTClaimsSet.Builder().issuer(issuer).issueTime(new Date());
        String type = null;
        switch (kind) {
            case "ID token" -> claims.audience("some-client").subject("mallory");
            case "access token" -> type = "at+jwt";
            case "user" -> claims.subject("mallory").claim("email", "mallory@example.com");
            case "event" -> claims.claim("events", Map.of("https://schemas.example/event", Map.of()));
            case "request" -> type = "OAUTH-AUTHZ-REQ+JWT";
            default -> claims.claim("signed_metadata", "a.b.c");
        }
        publish(KEY.sign(claims.build(), type));
        Discovery itself = discovery().signedMetadata(issuer, KEY.jwks());
        assertThatExceptionOfType(IOException.class)
                .isThrownBy(itself::fetch)
                .withMessageContaining("The signed metadata is not valid")
                .withCauseInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void a_signature_for_metadata_may_say_so_and_name_the_server_as_its_subject() throws Exception {
        for (String type : List.of("JWT", "openidvci-issuer-metadata+jwt", "application/jwt")) {
            publish(KEY.sign(claims().subject(scene.server.issuer()).build(), type));
            assertThat(anchored().fetch().tokenEndpoint()).hasToString(scene.server.url() + "/signed/token");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "nonsense", "a.b.c"})
    void without_an_anchor_a_signature_is_ignored(String signed) throws Exception {
        publish(signed.isEmpty() ? STRANGER.sign(claims().build()) : signed);
        assertThat(discovery().fetch().tokenEndpoint()).hasToString(scene.server.tokenEndpoint());
    }

    /** Otherwise anybody who can change the document could remove the signature. */
    @Test
    void a_document_that_is_not_signed_is_refused() {
        assertRefused("is not signed");
        for (Object signed : List.of("", 7, List.of("x"), Map.of("a", "b"))) {
            publish(signed);
            assertThatThrownBy(() -> anchored().fetch()).as("%s", signed).isInstanceOf(IOException.class);
        }
    }

    static Stream<Arguments> wrongClaims() {
        Date past = Date.from(Instant.now().minusSeconds(90));
        Date future = Date.from(Instant.now().plusSeconds(90));
        return Stream.of(
                wrong("no iss", "iss", claims -> claims.issuer(null)),
                wrong("another iss", "iss", claims -> claims.issuer("https://evil.example")),
                wrong("about nobody", "another server", claims -> claims.claim("issuer", null)),
                wrong("about another", "another server", claims -> claims.claim("issuer", "https://evil.example")),
                wrong("about a list", "another server", claims -> claims.claim("issuer", List.of("x"))),
                wrong("expired", "expired", claims -> claims.expirationTime(past)),
                wrong("issued in the future", "in the future", claims -> claims.issueTime(future)),
                wrong("not yet", "not valid yet", claims -> claims.notBeforeTime(future)),
                // What is signed is vetted as what is not.
                wrong(
                        "in clear",
                        "token endpoint",
                        claims -> claims.claim("token_endpoint", "http://as.example/token")),
                wrong(
                        "plain PKCE",
                        "S256",
                        claims -> claims.claim("code_challenge_methods_supported", List.of("plain"))));
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
    void what_nobody_who_is_trusted_has_signed_refuses_the_document() throws Exception {
        for (Map.Entry<String, String> forged :
                KEY.forged(claims().build(), null, "none of the keys").entrySet()) {
            publish(forged.getKey());
            assertRefused(forged.getValue());
        }
    }

    @Test
    void a_document_in_a_file_is_verified_again() throws Exception {
        Path file = folder.resolve("metadata.json");
        publish(KEY.sign(claims().build()));
        anchored().cacheFile(file).fetch();
        scene.server.onEveryMetadataRequest(Fault.status(503));
        assertThat(anchored().cacheFile(file).fetch().tokenEndpoint())
                .hasToString(scene.server.url() + "/signed/token");
        Files.writeString(
                file,
                Files.readString(file)
                        .replaceAll(
                                "\"signed_metadata\":\"[^\"]*\"",
                                "\"signed_metadata\":\""
                                        + KEY.sign(claims().issuer("https://evil.example")
                                                .build()) + "\""));
        assertThatThrownBy(() -> anchored().cacheFile(file).fetch())
                .isInstanceOf(IOException.class)
                .hasMessageContaining("iss");
    }

    @Test
    void a_registration_at_such_a_server_sends_nothing_before_it_is_attested() {
        Grantkeeper node = scene.node(scene.registration(anchored()));
        assertThatExceptionOfType(AuthorizationServerException.class)
                .isThrownBy(node::startLogin)
                .satisfies(e -> assertThat(e.kind()).isEqualTo(AuthorizationServerException.Kind.MALFORMED))
                .withMessageContaining("is not signed");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "{}", "{\"keys\":[]}", "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}", "x"})
    void an_anchor_is_a_set_of_public_keys(String keys) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> discovery().signedMetadata(FEDERATION, keys))
                .withMessageContaining(FEDERATION);
    }
}
