/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;

import dev.grantkeeper.provider.Provider;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.spec.ECGenParameterSpec;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import mockwebserver3.MockResponse;
import mockwebserver3.MockWebServer;
import mockwebserver3.RecordedRequest;
import okhttp3.HttpUrl;
import okhttp3.OkHttpClient;

/** An authorization server whose every answer a test writes, and nodes that are registered there. */
final class MockProvider implements AutoCloseable {
    static final String CLIENT = "app 1";
    static final String ISSUER = "https://issuer.example";
    static final String REDIRECT = "http://127.0.0.1:8888/callback";

    final MovingTime time = new MovingTime();
    final MockWebServer server = new MockWebServer();
    final OkHttpClient http = new OkHttpClient();
    final MapStore store = new MapStore();
    private final List<Grantkeeper> nodes = new ArrayList<>();

    MockProvider() {
        try {
            server.start(InetAddress.getLoopbackAddress(), 0);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    String url(String path) {
        return server.url(path).toString();
    }

    Provider.Builder provider() {
        return Provider.builder("mock")
                .allowHttpOnLoopback()
                .authorizationEndpoint(url("/authorize"))
                .tokenEndpoint(url("/token"))
                .revocationEndpoint(url("/revoke"))
                .pushedAuthorizationRequestEndpoint(url("/par"))
                .openId(ISSUER, url("/jwks"));
    }

    /** A public client, complete but for what a test adds. */
    Grantkeeper.Builder registration(Provider.Builder provider) {
        return Grantkeeper.builder(provider.build())
                .clientId(CLIENT)
                .redirectUri(REDIRECT)
                .scopes("a", "b")
                .tokenStore(store)
                .allowPlaintextTokens()
                .httpClient(http)
                .tokenCallTimeout(Duration.ofSeconds(5))
                .time(time.clock(), time::ticks);
    }

    Grantkeeper node(Grantkeeper.Builder registration) {
        Grantkeeper node = registration.build();
        nodes.add(node);
        return node;
    }

    static MockResponse json(int status, String json) {
        return new MockResponse.Builder()
                .code(status)
                .setHeader("Content-Type", "application/json")
                .body(json)
                .build();
    }

    static MockResponse tokens() {
        return json(200, "{\"access_token\":\"at\",\"token_type\":\"Bearer\",\"expires_in\":60}");
    }

    /** The parameters in the body, each name once. */
    static Map<String, String> form(RecordedRequest request) {
        return parameters("http://x/?" + request.getBody().utf8());
    }

    static Map<String, String> parameters(String text) {
        HttpUrl url = HttpUrl.get(text);
        Map<String, String> parameters = new TreeMap<>();
        url.queryParameterNames().forEach(name -> {
            assertThat(url.queryParameterValues(name)).as(name).hasSize(1);
            parameters.put(name, url.queryParameter(name));
        });
        return parameters;
    }

    static KeyPair curve(String name) {
        try {
            KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
            generator.initialize(new ECGenParameterSpec(name));
            return generator.generateKeyPair();
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void close() {
        nodes.forEach(Grantkeeper::close);
        http.connectionPool().evictAll();
        server.close();
    }
}
