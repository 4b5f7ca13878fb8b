/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.AppenderBase;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.net.InetAddress;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CountDownLatch;
import mockwebserver3.MockResponse;
import mockwebserver3.MockWebServer;
import okhttp3.OkHttpClient;
import okhttp3.tls.HandshakeCertificates;
import okhttp3.tls.HeldCertificate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;

/** An application, as it introduces itself to servers that do not know it. */
@Timeout(300)
class ClientMetadataTest {
    private static final ClientMetadata ACME = ClientMetadata.named("Acme Assistant")
            .redirectUri("https://app.acme.example/callback")
            .documentAt("https://app.acme.example/oauth-client.json");

    private static JsonNode json(String text) throws Exception {
        return new JsonMapper().readTree(text);
    }

    @Test
    void the_document_names_its_own_url_and_no_secret() throws Exception {
        JsonNode json = json(ACME.clientUri("https://acme.example")
                .softwareStatement("a.b.c")
                .json());

        assertThat(json.path("client_id").asText()).isEqualTo("https://app.acme.example/oauth-client.json");
        assertThat(json.path("client_name").asText()).isEqualTo("Acme Assistant");
        assertThat(json.path("redirect_uris")).hasSize(1);
        assertThat(json.path("token_endpoint_auth_method").asText()).isEqualTo("none");
        assertThat(json.path("application_type").asText()).isEqualTo("web");
        assertThat(json.path("client_uri").asText()).isEqualTo("https://acme.example");
        assertThat(json.has("software_statement")).isFalse();
        assertThat(json.has("client_secret")).isFalse();
    }

    @Test
    void a_program_on_the_users_machine_is_native_and_comes_back_to_any_of_a_few_ports() throws Exception {
        JsonNode json = json(ClientMetadata.named("Acme")
                .redirectUri("http://127.0.0.1/callback")
                .documentAt("https://app.acme.example/oauth-client.json")
                .json());

        assertThat(json.path("application_type").asText()).isEqualTo("native");
        assertThat(json.path("redirect_uris"))
                .hasSize(1 + ClientMetadata.LOOPBACK_PORTS.size())
                .allSatisfy(uri -> assertThat(uri.asText()).matches("http://127\\.0\\.0\\.1(:\\d+)?/callback"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "http://app.example/client.json",
                "https://app.example",
                "https://app.example/",
                "https://app.example/a/../client.json",
                "https://app.example/./client.json",
                "https://app.example/client.json?a=b",
                "https://app.example/client.json#a",
                "https://user@app.example/client.json"
            })
    void a_client_id_is_a_url_that_can_be_read_in_one_way_only(String url) {
        assertThatThrownBy(() -> ClientMetadata.named("Acme").documentAt(url))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"http://app.example/callback", "/callback", "https://app.example/#a", "urn:a:b"})
    void a_redirect_uri_is_absolute_and_encrypted_or_on_this_machine(String uri) {
        assertThatThrownBy(() -> ClientMetadata.named("Acme").redirectUri(uri))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void without_a_url_there_is_no_document() {
        assertThatThrownBy(() -> ClientMetadata.named("Acme").json())
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("documentAt");
    }

    /** Hears of the first line that contains a text. */
    private static final class Line extends AppenderBase<ILoggingEvent> {
        private final String text;
        private final CountDownLatch heard = new CountDownLatch(1);

        Line(String text) {
            this.text = text;
        }

        @Override
        protected void append(ILoggingEvent line) {
            if (line.getFormattedMessage().toLowerCase(Locale.ROOT).contains(text)) {
                heard.countDown();
            }
        }
    }

    @Test
    void a_document_that_is_not_served_as_it_is_written_is_told_of() throws Exception {
        HeldCertificate certificate = new HeldCertificate.Builder()
                .addSubjectAlternativeName("localhost")
                .build();
        HandshakeCertificates certificates = new HandshakeCertificates.Builder()
                .heldCertificate(certificate)
                .addTrustedCertificate(certificate.certificate())
                .build();
        Logger log = (Logger) LoggerFactory.getLogger(Grantkeeper.class);
        Line told = new Line("is not what clientmetadata().json() returns");
        told.start();
        log.addAppender(told);
        try (MockWebServer page = new MockWebServer();
                ApiScene scene = new ApiScene()) {
            page.useHttps(certificates.sslSocketFactory());
            page.start(InetAddress.getLoopbackAddress(), 0);
            OkHttpClient http = scene.http
                    .newBuilder()
                    .sslSocketFactory(certificates.sslSocketFactory(), certificates.trustManager())
                    .build();
            String url = "https://localhost:" + page.getPort() + "/client.json";
            ClientMetadata acme =
                    ClientMetadata.named("Acme").redirectUri(ApiScene.CALLBACK).documentAt(url);
            page.enqueue(new MockResponse.Builder()
                    .body(acme.json().replace("Acme", "Acne"))
                    .build());
            scene.server.clientIdMetadataDocuments(true).clientIdMetadataDocument(url, acme.json());

            scene.signIn(scene.node(scene.builder(acme).httpClient(http)), "alice");

            assertThat(page.takeRequest().getTarget()).isEqualTo("/client.json");
            told.heard.await();
        } finally {
            log.detachAppender(told);
        }
    }

    @Test
    void members_that_the_application_adds_to_its_document_are_its_own_business() throws Exception {
        ObjectNode served = (ObjectNode) json(ACME.json());
        served.put("policy_uri", "https://acme.example/policy");

        assertThat(ACME.isDocument(served)).isTrue();
        for (String member : List.of("client_id", "redirect_uris")) {
            ObjectNode less = served.deepCopy();
            less.remove(member);
            assertThat(ACME.isDocument(less)).isFalse();
        }
    }
}
