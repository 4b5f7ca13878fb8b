/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;

import dev.grantkeeper.testkit.FakeAuthorizationServer;
import java.io.IOException;
import java.net.InetAddress;
import java.util.List;
import mockwebserver3.MockResponse;
import mockwebserver3.MockWebServer;
import mockwebserver3.RecordedRequest;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import okhttp3.tls.HandshakeCertificates;
import okhttp3.tls.HeldCertificate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** APIs behind https: what a redirect to http takes along, and what hosts that share a connection share with it. */
@Timeout(300)
class HttpsTest {
    private final Scene scene = new Scene();
    private final MockWebServer secure = new MockWebServer();
    private final MockWebServer plain = new MockWebServer();
    private OkHttpClient http = scene.http;

    @BeforeEach
    void start() throws IOException {
        HeldCertificate certificate = new HeldCertificate.Builder()
                .addSubjectAlternativeName("localhost")
                .addSubjectAlternativeName("api.good.example")
                .addSubjectAlternativeName("other.good.example")
                .build();
        HandshakeCertificates certificates = new HandshakeCertificates.Builder()
                .heldCertificate(certificate)
                .addTrustedCertificate(certificate.certificate())
                .build();
        secure.useHttps(certificates.sslSocketFactory());
        secure.start(InetAddress.getLoopbackAddress(), 0);
        plain.start(InetAddress.getLoopbackAddress(), 0);
        http = scene.http
                .newBuilder()
                .sslSocketFactory(certificates.sslSocketFactory(), certificates.trustManager())
                .dns(host -> List.of(InetAddress.getLoopbackAddress()))
                .build();
    }

    @AfterEach
    void close() {
        http.connectionPool().evictAll();
        secure.close();
        plain.close();
        scene.close();
    }

    /** A client whose token belongs to the secure server, under this name. */
    private OkHttpClient alice(String host) throws IOException {
        FakeAuthorizationServer server = scene.server;
        return scene.signIn(
                        scene.node(scene.registration(scene.provider()
                                .apiOrigins(server.url(), "https://" + host + ":" + secure.getPort())
                                .build())),
                        "alice")
                .wrap(http);
    }

    private static MockResponse ok() {
        return new MockResponse.Builder().code(200).body("{}").build();
    }

    private int status(OkHttpClient client, String host) throws IOException {
        Request request = new Request.Builder()
                .url("https://" + host + ":" + secure.getPort() + "/")
                .build();
        try (Response response = client.newCall(request).execute()) {
            return response.code();
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {301, 302, 303, 307, 308})
    void a_redirect_from_https_to_http_on_the_same_host_loses_the_token(int status) throws Exception {
        OkHttpClient alice = alice("localhost");
        secure.enqueue(new MockResponse.Builder()
                .code(status)
                .setHeader("Location", "http://localhost:" + plain.getPort() + "/")
                .build());
        plain.enqueue(ok());
        assertThat(status(alice, "localhost")).isEqualTo(200);
        assertThat(secure.takeRequest().getHeaders().get("Authorization")).startsWith("Bearer ");
        assertThat(plain.takeRequest().getHeaders().get("Authorization")).isNull();
    }

    /** Connections are shared between hosts that one certificate names (RFC 9113 section 9.1.1); tokens are not. */
    @Test
    void a_host_that_shares_the_connection_does_not_share_the_token() throws Exception {
        OkHttpClient alice = alice("api.good.example");
        for (int i = 0; i < 3; i++) {
            secure.enqueue(ok());
        }
        assertThat(status(alice, "api.good.example")).isEqualTo(200);
        assertThat(status(alice, "other.good.example")).isEqualTo(200);
        assertThat(status(alice, "api.good.example")).isEqualTo(200);
        RecordedRequest first = secure.takeRequest();
        RecordedRequest other = secure.takeRequest();
        RecordedRequest again = secure.takeRequest();
        assertThat(List.of(first.getConnectionIndex(), other.getConnectionIndex(), again.getConnectionIndex()))
                .containsOnly(0);
        assertThat(first.getVersion()).isEqualTo("HTTP/2");
        assertThat(first.getHeaders().get("Authorization")).startsWith("Bearer ");
        assertThat(other.getHeaders().get("Authorization")).isNull();
        assertThat(again.getHeaders().get("Authorization"))
                .isEqualTo(first.getHeaders().get("Authorization"));
    }

    @Test
    void a_misdirected_request_is_repeated_on_a_connection_of_its_own_and_still_without_token() throws Exception {
        OkHttpClient alice = alice("api.good.example");
        secure.enqueue(ok());
        secure.enqueue(new MockResponse.Builder().code(421).build());
        secure.enqueue(ok());
        assertThat(status(alice, "api.good.example")).isEqualTo(200);
        assertThat(status(alice, "other.good.example")).isEqualTo(200);
        assertThat(secure.takeRequest().getHeaders().get("Authorization")).startsWith("Bearer ");
        assertThat(secure.takeRequest().getHeaders().get("Authorization")).isNull();
        assertThat(secure.takeRequest().getHeaders().get("Authorization")).isNull();
    }
}
