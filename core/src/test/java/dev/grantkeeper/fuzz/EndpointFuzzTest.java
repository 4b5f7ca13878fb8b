/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.fuzz;

import dev.grantkeeper.internal.answer.RequestFailedException;
import dev.grantkeeper.internal.openid.IdentityException;
import dev.grantkeeper.internal.openid.Profiles;
import dev.grantkeeper.internal.wire.AuthorizationEndpoint;
import dev.grantkeeper.internal.wire.BackchannelEndpoint;
import dev.grantkeeper.internal.wire.Client;
import dev.grantkeeper.internal.wire.DPoP;
import dev.grantkeeper.internal.wire.DeviceEndpoint;
import dev.grantkeeper.internal.wire.Http;
import dev.grantkeeper.internal.wire.IntrospectionEndpoint;
import dev.grantkeeper.provider.ClientAuthentication;
import dev.grantkeeper.provider.LoginProtection;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import java.net.InetAddress;
import java.net.URI;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Set;
import mockwebserver3.Dispatcher;
import mockwebserver3.MockResponse;
import mockwebserver3.MockWebServer;
import mockwebserver3.RecordedRequest;
import okhttp3.OkHttpClient;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The answers of endpoints that are read where they are asked: texts that are almost right, over HTTP. */
@Timeout(3600)
class EndpointFuzzTest {
    private static final int MANY = Math.max(1, Integer.getInteger("grantkeeper.fuzz", 1_500) / 10);
    private static final long SEED = Long.getLong("grantkeeper.seed", 1);

    private final MockWebServer server = new MockWebServer();
    private final InstantSource clock = () -> Parsers.NOW;
    private volatile String body = "";
    private Http http;
    private Provider provider;
    private Client client;

    @BeforeEach
    void start() throws IOException {
        server.setDispatcher(new Dispatcher() {
            @Override
            public MockResponse dispatch(RecordedRequest request) {
                return new MockResponse.Builder()
                        .setHeader("Content-Type", "application/json")
                        .body(body)
                        .build();
            }
        });
        server.start(InetAddress.getLoopbackAddress(), 0);
        http = new Http(new OkHttpClient(), Duration.ofSeconds(30), new DPoP(clock, false));
        provider = Provider.builder("any")
                .allowHttpOnLoopback()
                .authorizationEndpoint(url())
                .tokenEndpoint(url())
                .pushedAuthorizationRequestEndpoint(url())
                .profileEndpoint(url(), Map.of("sub", "id", "name", "/data/0/name"))
                .build();
        client = new Client(
                "client", "the-client-secret", ClientAuthentication.SECRET_BASIC, null, false, provider, clock);
    }

    @AfterEach
    void close() {
        http.close();
        server.close();
    }

    private String url() {
        return server.url("/").toString();
    }

    private interface Asker {
        void ask() throws RequestFailedException, IdentityException;
    }

    private void fuzz(String kind, Asker asker) {
        List<String> corpus = Corpus.named(kind);
        Mutations mutations = new Mutations(SEED, corpus);
        for (int i = 0; i < corpus.size() + MANY; i++) {
            body = i < corpus.size() ? corpus.get(i) : mutations.next();
            try {
                asker.ask();
            } catch (RequestFailedException e) {
                Parsers.ensure(
                        Parsers.isHarmless(String.valueOf(e.failure().description())), "a description not harmless");
            } catch (IdentityException e) {
                Parsers.ensure(Parsers.isHarmless(String.valueOf(e.getMessage())), "a message not harmless");
            } catch (Throwable e) {
                throw new AssertionError(kind + ", seed " + SEED + ", text: " + body, e);
            }
        }
    }

    @Test
    void the_codes_of_a_device_login_are_codes_or_a_failure() {
        DeviceEndpoint device = new DeviceEndpoint(http, provider, client, URI.create(url()), clock);
        fuzz("device", () -> {
            DeviceEndpoint.Codes codes = device.authorize(Map.of());
            Parsers.ensure(codes.lifetime().toSeconds() > 0, "codes that have expired");
            Parsers.ensure(codes.interval().compareTo(Duration.ofMinutes(1)) <= 0, "a poll too late");
            Parsers.ensure(
                    codes.verificationUri().getScheme().equalsIgnoreCase("https")
                            || "127.0.0.1".equals(codes.verificationUri().getHost())
                            || "localhost".equals(codes.verificationUri().getHost())
                            || "[::1]".equals(codes.verificationUri().getHost()),
                    "a page of another scheme");
        });
    }

    @Test
    void a_backchannel_login_is_started_or_a_failure() {
        BackchannelEndpoint endpoint = new BackchannelEndpoint(http, client, URI.create(url()), false, clock);
        fuzz("backchannel", () -> {
            BackchannelEndpoint.Accepted accepted = endpoint.authenticate(Map.of());
            Parsers.ensure(!accepted.authReqId().isBlank(), "a login without a name");
            Parsers.ensure(accepted.lifetime().toSeconds() > 0, "a login that has expired");
            Parsers.ensure(accepted.interval().compareTo(Duration.ofMinutes(1)) <= 0, "a poll too late");
        });
    }

    @Test
    void a_pushed_request_is_taken_or_a_failure() {
        AuthorizationEndpoint endpoint = new AuthorizationEndpoint(
                provider, client, Set.of(LoginProtection.PUSHED_REQUEST), false, null, null, http, clock);
        fuzz("pushed", () -> {
            AuthorizationEndpoint.Request request =
                    endpoint.request("http://127.0.0.1/callback", Set.of("a"), Map.of(), null);
            Parsers.ensure(request.url().contains("request_uri="), "a login without its request");
        });
    }

    @Test
    void an_introspection_tells_whether_a_token_is_active_or_fails() {
        IntrospectionEndpoint endpoint = new IntrospectionEndpoint(http, client, URI.create(url()), null, clock);
        fuzz(
                "introspection",
                () -> Parsers.ensure(
                        endpoint.introspect("the-token").get("active") instanceof Boolean, "neither active nor not"));
    }

    @Test
    void a_profile_is_somebodys_or_fails() {
        Profiles profiles = new Profiles(provider, null, http, null);
        TokenSet tokens = TokenSet.builder("a").build();
        fuzz(
                "profiles",
                () -> Parsers.ensure(!String.valueOf(profiles.fetch(tokens)).isEmpty(), "nobody"));
    }
}
