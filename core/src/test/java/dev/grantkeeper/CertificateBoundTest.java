/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.grantkeeper.provider.ClientAuthentication;
import dev.grantkeeper.provider.Provider;
import java.io.IOException;
import java.net.InetAddress;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import mockwebserver3.Dispatcher;
import mockwebserver3.MockResponse;
import mockwebserver3.MockWebServer;
import mockwebserver3.RecordedRequest;
import okhttp3.HttpUrl;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import okhttp3.tls.HandshakeCertificates;
import okhttp3.tls.HeldCertificate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Tokens that are bound to the application's certificate (RFC 8705 section 3). The application's own client presents
 * the certificate, at the token endpoint and at the API; at a server without aliases there is nothing else to do.
 */
@Timeout(300)
class CertificateBoundTest {
    private final HeldCertificate authority =
            new HeldCertificate.Builder().certificateAuthority(0).build();
    private final Scene scene = new Scene();
    private final MockWebServer server = new MockWebServer();
    /** From token to the certificate that it was issued to. */
    private final Map<String, X509Certificate> bound = new ConcurrentHashMap<>();

    private final AtomicInteger number = new AtomicInteger();

    @BeforeEach
    void start() throws IOException {
        HeldCertificate certificate = new HeldCertificate.Builder()
                .signedBy(authority)
                .addSubjectAlternativeName("localhost")
                .build();
        server.useHttps(new HandshakeCertificates.Builder()
                .heldCertificate(certificate)
                .addTrustedCertificate(authority.certificate())
                .build()
                .sslSocketFactory());
        server.requireClientAuth();
        server.setDispatcher(new Dispatcher() {
            @Override
            public MockResponse dispatch(RecordedRequest request) {
                X509Certificate presented = (X509Certificate)
                        request.getHandshake().peerCertificates().get(0);
                if (request.getUrl().encodedPath().equals("/token")) {
                    String body = request.getBody().utf8();
                    X509Certificate owner = bound.get(body.contains("refresh_token=") ? "refresh-" + number.get() : "");
                    if (owner != null && !owner.equals(presented)) {
                        return DPoPServer.json(400, "{\"error\":\"invalid_grant\"}");
                    }
                    int n = number.incrementAndGet();
                    bound.put("access-" + n, presented);
                    bound.put("refresh-" + n, presented);
                    return DPoPServer.json(
                            200,
                            "{\"access_token\":\"access-" + n + "\",\"token_type\":\"Bearer\",\"expires_in\":600,"
                                    + "\"refresh_token\":\"refresh-" + n + "\"}");
                }
                String header = request.getHeaders().get("Authorization");
                X509Certificate owner = header == null ? null : bound.get(header.replace("Bearer ", ""));
                return new MockResponse.Builder()
                        .code(presented.equals(owner) ? 200 : 401)
                        .build();
            }
        });
        server.start(InetAddress.getLoopbackAddress(), 0);
    }

    @AfterEach
    void close() {
        scene.close();
        server.close();
    }

    /** The application's client, with a certificate of its own. */
    private OkHttpClient presenting(String name) {
        HeldCertificate certificate = new HeldCertificate.Builder()
                .signedBy(authority)
                .commonName(name)
                .build();
        HandshakeCertificates certificates = new HandshakeCertificates.Builder()
                .heldCertificate(certificate)
                .addTrustedCertificate(authority.certificate())
                .build();
        return scene.http
                .newBuilder()
                .sslSocketFactory(certificates.sslSocketFactory(), certificates.trustManager())
                .dns(host -> List.of(InetAddress.getLoopbackAddress()))
                .build();
    }

    private int status(OkHttpClient client) throws IOException {
        Request request = new Request.Builder().url(url("/things")).build();
        try (Response response = client.newCall(request).execute()) {
            return response.code();
        }
    }

    private String url(String path) {
        return "https://localhost:" + server.getPort() + path;
    }

    @Test
    void a_client_that_presents_the_certificate_at_both_ends_is_all_there_is_to_do() throws Exception {
        OkHttpClient http = presenting("application");
        Provider provider = Provider.builder("certificates")
                .authorizationEndpoint(url("/authorize"))
                .tokenEndpoint(url("/token"))
                .apiOrigins(url("/"))
                .build();
        Grantkeeper node = scene.node(scene.registration(provider)
                .clientSecret(null)
                .clientAuthentication(ClientAuthentication.NONE)
                .httpClient(http));
        PendingLogin login = node.startLogin();
        String state = HttpUrl.get(login.url().toString()).queryParameter("state");
        Account alice = ((LoginResult.SignedIn) node.finishLogin(login, "code=c&state=" + state)).keepAs("alice");

        assertThat(status(alice.wrap(http))).isEqualTo(200);
        scene.expire();
        assertThat(status(alice.wrap(http))).isEqualTo(200);
        assertThat(bound).hasSize(4);

        // Whoever has copied the token has no use for it.
        String stolen = alice.tokens().accessToken();
        Request request = new Request.Builder()
                .url(url("/things"))
                .header("Authorization", "Bearer " + stolen)
                .build();
        try (Response response = presenting("thief").newCall(request).execute()) {
            assertThat(response.code()).isEqualTo(401);
        }
    }

    @Test
    void a_client_without_a_certificate_does_not_reach_the_token_endpoint() throws Exception {
        HandshakeCertificates trusting = new HandshakeCertificates.Builder()
                .addTrustedCertificate(authority.certificate())
                .build();
        OkHttpClient http = scene.http
                .newBuilder()
                .sslSocketFactory(trusting.sslSocketFactory(), trusting.trustManager())
                .dns(host -> List.of(InetAddress.getLoopbackAddress()))
                .build();
        Grantkeeper node = scene.node(scene.registration(Provider.builder("certificates")
                        .authorizationEndpoint(url("/authorize"))
                        .tokenEndpoint(url("/token"))
                        .apiOrigins(url("/"))
                        .build())
                .httpClient(http));
        PendingLogin login = node.startLogin();
        String state = HttpUrl.get(login.url().toString()).queryParameter("state");
        assertThatThrownBy(() -> node.finishLogin(login, "code=c&state=" + state))
                .isInstanceOf(AuthorizationServerException.class);
        assertThat(bound).isEmpty();
    }
}
