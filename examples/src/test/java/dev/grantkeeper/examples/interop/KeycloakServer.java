/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.interop;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.grantkeeper.provider.Provider;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import okhttp3.FormBody;
import okhttp3.HttpUrl;
import okhttp3.MediaType;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;
import okhttp3.tls.HandshakeCertificates;
import okhttp3.tls.HeldCertificate;

/**
 * A Keycloak in a process of its own, on a free port of 127.0.0.1 and with a database in memory, in development mode
 * with the realm {@code itest}: access tokens end after 60 seconds (those of the client {@code brief} after 5), and a
 * refresh token is good for one refresh.
 */
final class KeycloakServer implements AutoCloseable {
    private static final String REALM = "itest";
    private static final String ADMIN = "admin";
    private static final Duration MAY_START = Duration.ofMinutes(3);
    private static final int LOG_TAIL = 40;
    private static final String STORE_PASSWORD = "only certificates";
    private static final JsonMapper JSON = new JsonMapper();

    private final OkHttpClient http = new OkHttpClient();
    private final String adminPassword = UUID.randomUUID().toString();
    private final Path log;
    /** Shown by Keycloak over https. */
    private final HeldCertificate certificate =
            new HeldCertificate.Builder().addSubjectAlternativeName("localhost").build();

    /** Whoever this has signed may show a certificate to Keycloak. */
    private final HeldCertificate authority = new HeldCertificate.Builder()
            .certificateAuthority(0)
            .commonName("itest")
            .build();

    private final Phone phone = new Phone();
    private final HttpUrl base;
    private final HttpUrl secure;
    private final Process process;
    private final Thread hook = new Thread(this::kill, "kill-keycloak");
    private final JsonNode metadata;

    private KeycloakServer(Path home) throws IOException, InterruptedException {
        this.log = home.resolveSibling("keycloak.log");
        int port = freePort();
        int httpsPort = freePort();
        this.secure = HttpUrl.get("https://localhost:" + httpsPort);
        this.base = HttpUrl.get("http://127.0.0.1:" + port);
        try (InputStream realm = KeycloakServer.class.getResourceAsStream("/interop/realm-" + REALM + ".json")) {
            Path imports = Files.createDirectories(home.resolve("data/import"));
            Files.copy(realm, imports.resolve(REALM + ".json"), StandardCopyOption.REPLACE_EXISTING);
        }
        ProcessBuilder builder = new ProcessBuilder(
                home.resolve("bin/kc.sh").toString(),
                "start-dev",
                "--import-realm",
                "--db=dev-mem",
                "--http-host=127.0.0.1",
                "--http-port=" + port,
                "--https-port=" + httpsPort,
                "--https-certificate-file=" + write(home, "server.crt", certificate.certificatePem()),
                "--https-certificate-key-file=" + write(home, "server.key", certificate.privateKeyPkcs8Pem()),
                "--https-client-auth=request",
                "--https-trust-store-file=" + trustStore(home),
                "--https-trust-store-password=" + STORE_PASSWORD,
                "--spi-ciba-auth-channel--ciba-http-auth-channel--http-authentication-channel-uri=" + phone.channel());
        builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
        builder.environment().put("JAVA_OPTS_KC_HEAP", "-Xms64m -Xmx512m");
        builder.environment().put("KC_BOOTSTRAP_ADMIN_USERNAME", ADMIN);
        builder.environment().put("KC_BOOTSTRAP_ADMIN_PASSWORD", adminPassword);
        builder.redirectErrorStream(true).redirectOutput(log.toFile());
        this.process = builder.start();
        Runtime.getRuntime().addShutdownHook(hook);
        try {
            this.metadata = whenReady();
        } catch (IOException | InterruptedException e) {
            close();
            throw e;
        }
    }

    /** Starts the Keycloak that Maven has unpacked there. Its log is {@code keycloak.log} beside that folder. */
    static KeycloakServer start(Path home) throws IOException, InterruptedException {
        return new KeycloakServer(home);
    }

    private static Path write(Path home, String name, String text) throws IOException {
        return Files.writeString(home.resolveSibling(name), text);
    }

    private Path trustStore(Path home) throws IOException {
        Path file = home.resolveSibling("clients.p12");
        try (OutputStream out = Files.newOutputStream(file)) {
            KeyStore store = KeyStore.getInstance("PKCS12");
            store.load(null, null);
            store.setCertificateEntry("itest", authority.certificate());
            store.store(out, STORE_PASSWORD.toCharArray());
            return file;
        } catch (GeneralSecurityException e) {
            throw new IOException(e);
        }
    }

    /** The device on which it asks users about backchannel logins. */
    Phone phone() {
        return phone;
    }

    /**
     * Tells Keycloak what a user has decided.
     *
     * @param question what Keycloak had asked
     * @param status {@code SUCCEED}, {@code UNAUTHORIZED} or {@code CANCELLED}
     */
    void decide(Phone.Post question, String status) throws IOException {
        send(new Request.Builder()
                .url(base.newBuilder()
                        .addPathSegments("realms/" + REALM + "/protocol/openid-connect/ext/ciba/auth/callback")
                        .build())
                .header("Authorization", question.authorization())
                .post(RequestBody.create(
                        JSON.createObjectNode().put("status", status).toString(), MediaType.get("application/json")))
                .build());
    }

    /** The token endpoint over https, where Keycloak asks for a certificate. */
    String secureTokenEndpoint() {
        return secure.newBuilder()
                .addPathSegments("realms/" + REALM + "/protocol/openid-connect/token")
                .build()
                .toString();
    }

    /** A client that shows Keycloak a certificate with the given name. */
    OkHttpClient showing(String commonName) {
        HandshakeCertificates certificates = new HandshakeCertificates.Builder()
                .addTrustedCertificate(certificate.certificate())
                .heldCertificate(new HeldCertificate.Builder()
                        .commonName(commonName)
                        .signedBy(authority)
                        .build())
                .build();
        return new OkHttpClient.Builder()
                .sslSocketFactory(certificates.sslSocketFactory(), certificates.trustManager())
                .build();
    }

    /** Registers one more client. */
    void register(ObjectNode client) throws IOException {
        manage(new Request.Builder()
                .url(admin("clients").build())
                .post(RequestBody.create(client.toString(), MediaType.get("application/json"))));
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
            return socket.getLocalPort();
        }
    }

    private JsonNode whenReady() throws IOException, InterruptedException {
        Request request = new Request.Builder()
                .url(base.newBuilder()
                        .addPathSegments("realms/" + REALM + "/.well-known/openid-configuration")
                        .build())
                .build();
        long began = System.nanoTime();
        while (process.isAlive() && System.nanoTime() - began < MAY_START.toNanos()) {
            try (Response response = http.newCall(request).execute()) {
                if (response.isSuccessful()) {
                    return JSON.readTree(response.body().string());
                }
            } catch (IOException e) {
                // not listening yet
            }
            TimeUnit.MILLISECONDS.sleep(200);
        }
        List<String> lines = Files.readAllLines(log);
        throw new IOException("Keycloak did not start; the end of " + log + ":\n"
                + String.join("\n", lines.subList(Math.max(0, lines.size() - LOG_TAIL), lines.size())));
    }

    /** Keycloak as a provider, from what it says of itself. */
    Provider provider() {
        return Provider.builder("keycloak")
                .documentation("https://www.keycloak.org/securing-apps/oidc-layers")
                .allowHttpOnLoopback()
                .authorizationEndpoint(said("authorization_endpoint"))
                .tokenEndpoint(said("token_endpoint"))
                .revocationEndpoint(said("revocation_endpoint"))
                .pushedAuthorizationRequestEndpoint(said("pushed_authorization_request_endpoint"))
                .deviceAuthorizationEndpoint(said("device_authorization_endpoint"))
                .backchannelAuthenticationEndpoint(said("backchannel_authentication_endpoint"))
                .introspectionEndpoint(said("introspection_endpoint"))
                .openId(said("issuer"), said("jwks_uri"))
                .apiOrigins(base.toString())
                // it spends a refresh token with each request, and ends the session when one comes back
                .replay(Provider.Replay.NEVER)
                .build();
    }

    String issuer() {
        return said("issuer");
    }

    /** An API that takes the realm's access tokens. */
    String userinfo() {
        return said("userinfo_endpoint");
    }

    private String said(String name) {
        return metadata.required(name).textValue();
    }

    /** The number of times that something has happened, by Keycloak's own records, since {@link #forgetEvents()}. */
    int count(String eventType) throws IOException {
        HttpUrl events = admin("events")
                .addQueryParameter("type", eventType)
                .addQueryParameter("max", "1000")
                .build();
        return JSON.readTree(manage(new Request.Builder().url(events))).size();
    }

    void forgetEvents() throws IOException {
        manage(new Request.Builder().url(admin("events").build()).delete());
    }

    /** Signs a user out everywhere, as an administrator does. */
    void endSessions(String userId) throws IOException {
        manage(new Request.Builder()
                .url(admin("users")
                        .addPathSegment(userId)
                        .addPathSegment("logout")
                        .build())
                .post(RequestBody.EMPTY));
    }

    private HttpUrl.Builder admin(String resource) {
        return base.newBuilder().addPathSegments("admin/realms/" + REALM).addPathSegment(resource);
    }

    private String manage(Request.Builder request) throws IOException {
        Request login = new Request.Builder()
                .url(base.newBuilder()
                        .addPathSegments("realms/master/protocol/openid-connect/token")
                        .build())
                .post(new FormBody.Builder()
                        .add("grant_type", "password")
                        .add("client_id", "admin-cli")
                        .add("username", ADMIN)
                        .add("password", adminPassword)
                        .build())
                .build();
        String token = JSON.readTree(send(login)).required("access_token").textValue();
        return send(request.header("Authorization", "Bearer " + token).build());
    }

    private String send(Request request) throws IOException {
        try (Response response = http.newCall(request).execute()) {
            if (!response.isSuccessful()) {
                throw new IOException(
                        "Keycloak answered " + response.code() + " to " + request.method() + " " + request.url());
            }
            return response.body().string();
        }
    }

    @Override
    public void close() throws InterruptedException {
        Runtime.getRuntime().removeShutdownHook(hook);
        kill();
        phone.close();
        process.waitFor(10, TimeUnit.SECONDS);
    }

    /** The script and the Java under it. */
    private void kill() {
        List<ProcessHandle> below = process.descendants().toList();
        process.destroyForcibly();
        below.forEach(ProcessHandle::destroyForcibly);
    }
}
