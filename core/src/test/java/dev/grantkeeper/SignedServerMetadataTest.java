/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import com.nimbusds.jwt.JWTClaimsSet;
import dev.grantkeeper.AuthorizationServerException.Kind;
import dev.grantkeeper.testkit.FakeAuthorizationServer;
import dev.grantkeeper.testkit.Fault;
import java.time.Duration;
import java.util.Date;
import okhttp3.HttpUrl;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Metadata of the servers of APIs that is signed by somebody whom the application trusts (RFC 8414 section 2.1), and
 * metadata that was stored before the application trusted somebody.
 */
@Timeout(300)
class SignedServerMetadataTest {
    private static final String FEDERATION = "https://federation.example";
    private static final Jwe.Signer KEY = new Jwe.Signer();
    private static final Jwe.Signer STRANGER = new Jwe.Signer();

    private final ApiScene scene = new ApiScene();
    private final FakeAuthorizationServer server = scene.server;

    @AfterEach
    void close() throws Exception {
        scene.close();
    }

    private ProtectedApis anchored() {
        return anchored(FEDERATION, KEY);
    }

    private ProtectedApis anchored(String signer, Jwe.Signer keys) {
        return scene.node(scene.builder().signedServerMetadata(signer, keys.jwks()));
    }

    private JWTClaimsSet.Builder claims() {
        return new JWTClaimsSet.Builder()
                .issuer(FEDERATION)
                .issueTime(Date.from(scene.time.clock().instant()))
                .claim("issuer", server.issuer());
    }

    private void publish(String signed) {
        server.metadata(metadata -> {
            metadata.put("signed_metadata", signed);
            return metadata;
        });
    }

    private void assertRefused(ProtectedApis node, String why) {
        assertThatExceptionOfType(AuthorizationServerException.class)
                .isThrownBy(() -> scene.start(node, "alice"))
                .withMessageContaining(why)
                .satisfies(e -> assertThat(e.kind()).isEqualTo(Kind.MALFORMED));
        scene.time.pass(Duration.ofHours(1)); // until the next try
    }

    /** Lets the access token of a user expire, so that the next call refreshes it. */
    private void expire() {
        scene.time.pass(Duration.ofMinutes(11));
    }

    @Test
    void a_user_signs_in_at_a_server_whose_metadata_is_signed() throws Exception {
        publish(KEY.sign(claims().build()));
        Account alice = scene.signIn(anchored(), "alice");
        assertThat(scene.status(alice)).isEqualTo(200);
        expire();
        assertThat(scene.status(alice)).isEqualTo(200);
        assertThat(server.refreshRequests()).isEqualTo(1);
    }

    @Test
    void what_is_signed_counts_more_than_what_is_not() throws Exception {
        FakeAuthorizationServer real = scene.newServer();
        publish(KEY.sign(claims().claim("authorization_endpoint", real.authorizationEndpoint())
                .build()));
        HttpUrl url = HttpUrl.get(scene.start(anchored(), "alice").url().toString());
        assertThat(url.toString()).startsWith(real.authorizationEndpoint());
    }

    @Test
    void metadata_that_is_not_signed_or_wrongly_is_refused_and_nobody_registers() throws Exception {
        assertRefused(anchored(), "is not signed");
        publish(STRANGER.sign(claims().build()));
        assertRefused(anchored(), "none of the keys");
        publish(KEY.sign(claims().claim("issuer", "https://evil.example").build()));
        assertRefused(anchored(), "another server");
        server.metadataAt();
        assertThatExceptionOfType(AuthorizationServerException.class)
                .isThrownBy(() -> scene.start(
                        scene.node(scene.builder()
                                .allowServersWithoutMetadata()
                                .signedServerMetadata(FEDERATION, KEY.jwks())),
                        "alice"))
                .withMessageContaining("is not signed");
        assertThat(server.registrationRequests()).isZero();
        assertThat(server.tokenRequests()).isZero();
    }

    @Test
    void without_an_anchor_a_signature_is_ignored() throws Exception {
        publish(STRANGER.sign(
                claims().claim("token_endpoint", "https://evil.example").build()));
        assertThat(scene.status(scene.signIn(scene.node(), "alice"))).isEqualTo(200);
    }

    // ---- Rows of a time before ------------------------------------------------------------------------------------

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void metadata_that_was_stored_before_is_fetched_again_and_client_and_users_stay(boolean managed) throws Exception {
        server.registrationManagement(managed);
        try (ProtectedApis before = scene.builder().build()) {
            scene.signIn(before, "alice");
        }
        publish(KEY.sign(claims().build()));
        int documents = server.metadataRequests();
        expire();
        ProtectedApis node = anchored();
        Account alice = scene.account(node, "alice");
        assertThat(scene.status(alice)).isEqualTo(200);
        assertThat(server.metadataRequests()).isEqualTo(documents + 1);
        expire();
        assertThat(scene.status(alice)).isEqualTo(200);
        assertThat(scene.status(scene.signIn(node, "bob"))).isEqualTo(200);
        assertThat(server.metadataRequests()).isEqualTo(documents + 1);
        assertThat(server.registrations()).isEqualTo(1);
        assertThat(server.registrationReads()).isZero();
    }

    @Test
    void a_signature_that_was_stored_before_anybody_demanded_it_need_not_be_fetched_again() throws Exception {
        publish(KEY.sign(claims().build()));
        try (ProtectedApis before = scene.builder().build()) {
            scene.signIn(before, "alice");
        }
        int documents = server.metadataRequests();
        expire();
        assertThat(scene.status(scene.account(anchored(), "alice"))).isEqualTo(200);
        assertThat(server.metadataRequests()).isEqualTo(documents);
    }

    @Test
    void what_was_stored_is_not_used_while_the_server_does_not_sign() throws Exception {
        try (ProtectedApis before = scene.builder().build()) {
            scene.signIn(before, "alice");
        }
        expire();
        int documents = server.metadataRequests();
        Account alice = scene.account(anchored(), "alice");
        for (int i = 0; i < 5; i++) {
            assertThatExceptionOfType(AuthorizationServerException.class)
                    .isThrownBy(() -> scene.status(alice))
                    .withMessageContaining("is not signed");
        }
        assertThat(server.refreshRequests()).isZero();
        assertThat(server.metadataRequests() - documents).isLessThan(4); // no storm, and both places at most

        publish(KEY.sign(claims().build()));
        scene.time.pass(Duration.ofHours(1));
        assertThat(scene.status(alice)).isEqualTo(200);
        assertThat(server.registrations()).isEqualTo(1);
    }

    @Test
    void what_was_stored_is_not_used_while_the_metadata_cannot_be_fetched() throws Exception {
        try (ProtectedApis before = scene.builder().build()) {
            scene.signIn(before, "alice");
        }
        publish(KEY.sign(claims().build()));
        server.onEveryMetadataRequest(Fault.status(503));
        expire();
        Account alice = scene.account(anchored(), "alice");
        assertThatExceptionOfType(AuthorizationServerException.class)
                .isThrownBy(() -> scene.status(alice))
                .satisfies(e -> assertThat(e.kind()).isEqualTo(Kind.TEMPORARY));
        assertThat(server.refreshRequests()).isZero();
        server.noFaults();
        scene.time.pass(Duration.ofHours(1));
        assertThat(scene.status(alice)).isEqualTo(200);

        server.onEveryMetadataRequest(Fault.status(503)); // what was verified serves while they are away
        scene.time.pass(Duration.ofHours(25));
        assertThat(scene.status(alice)).isEqualTo(200);
        assertThat(scene.status(scene.account(anchored(), "alice"))).isEqualTo(200);
    }

    @Test
    void another_anchor_verifies_again() throws Exception {
        publish(KEY.sign(claims().build()));
        try (ProtectedApis before =
                scene.builder().signedServerMetadata(FEDERATION, KEY.jwks()).build()) {
            scene.signIn(before, "alice");
        }
        expire();
        ProtectedApis node = anchored("https://other.example", STRANGER);
        assertThatExceptionOfType(AuthorizationServerException.class)
                .isThrownBy(() -> scene.status(scene.account(node, "alice")));
        assertThat(server.refreshRequests()).isZero();
        publish(STRANGER.sign(claims().issuer("https://other.example").build()));
        scene.time.pass(Duration.ofHours(1));
        assertThat(scene.status(scene.account(node, "alice"))).isEqualTo(200);
        assertThat(server.registrations()).isEqualTo(1);
    }

    /** As while a deployment rolls. */
    @Test
    void a_node_without_the_anchor_and_one_with_it_use_one_row() throws Exception {
        ProtectedApis old = scene.node();
        scene.signIn(old, "alice");
        publish(KEY.sign(claims().build()));
        int documents = server.metadataRequests();
        ProtectedApis fresh = anchored();
        for (int i = 0; i < 6; i++) {
            expire();
            assertThat(scene.status(scene.account(i % 2 == 0 ? fresh : old, "alice")))
                    .isEqualTo(200);
        }
        assertThat(server.refreshRequests()).isEqualTo(6);
        assertThat(server.metadataRequests()).isEqualTo(documents + 1);
        scene.time.pass(Duration.ofHours(25));
        assertThat(scene.status(scene.account(old, "alice"))).isEqualTo(200);
        expire();
        assertThat(scene.status(scene.account(fresh, "alice"))).isEqualTo(200);
        assertThat(server.metadataRequests()).isEqualTo(documents + 2);
        assertThat(server.registrations()).isEqualTo(1);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "{\"keys\":[]}", "x"})
    void an_anchor_is_a_set_of_public_keys(String keys) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> scene.builder().signedServerMetadata(FEDERATION, keys))
                .withMessageContaining(FEDERATION);
    }
}
