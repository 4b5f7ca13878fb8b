/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.crypto.RSASSASigner;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.jwk.RSAKey;
import com.nimbusds.jose.jwk.gen.RSAKeyGenerator;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.SignedJWT;
import dev.grantkeeper.provider.Provider;
import java.io.IOException;
import java.time.Instant;
import java.time.InstantSource;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import mockwebserver3.Dispatcher;
import mockwebserver3.MockResponse;
import mockwebserver3.RecordedRequest;
import okhttp3.HttpUrl;
import org.jspecify.annotations.Nullable;

/**
 * An OpenID provider with a backchannel authentication endpoint, whose user decides when a test says so. Each
 * {@code auth_req_id} is good for one token response.
 */
final class BackchannelServer implements AutoCloseable {
    private static final RSAKey KEY = newKey();
    private static final JsonMapper JSON = new JsonMapper();

    /** A token request, and the time of its arrival. */
    record Poll(Instant at, RecordedRequest request) {
        Map<String, String> form() {
            return MockProvider.form(request);
        }
    }

    /** The answers of the user. */
    enum Decision {
        NONE,
        YES,
        NO
    }

    final MockProvider mock = new MockProvider();
    final List<RecordedRequest> authentications = new CopyOnWriteArrayList<>();
    final List<Poll> polls = new CopyOnWriteArrayList<>();
    /** Sent in place of the next answers of the backchannel authentication endpoint. */
    final Queue<MockResponse> nextAuthentications = new ConcurrentLinkedQueue<>();
    /** The same for the token endpoint. */
    final Queue<MockResponse> nextTokens = new ConcurrentLinkedQueue<>();

    volatile Decision decision = Decision.NONE;
    volatile int interval = 5;
    volatile int lifetime = 600;
    volatile UnaryOperator<Map<String, Object>> authentication = UnaryOperator.identity();
    volatile UnaryOperator<Map<String, Object>> claims = UnaryOperator.identity();
    volatile UnaryOperator<Map<String, Object>> tokens = UnaryOperator.identity();
    volatile RSAKey signingKey = KEY;
    volatile InstantSource clock = mock.time.clock();
    /** Holds answers of the token endpoint back, if there are no permits. */
    final Semaphore answers = new Semaphore(Integer.MAX_VALUE / 2);

    /** Counts token requests as they arrive. */
    final Semaphore arrived = new Semaphore(0);

    private final AtomicInteger number = new AtomicInteger();
    private volatile @Nullable String open;

    BackchannelServer() {
        mock.server.setDispatcher(new Dispatcher() {
            @Override
            public MockResponse dispatch(RecordedRequest request) throws InterruptedException {
                return switch (request.getUrl().encodedPath()) {
                    case "/bc-authorize" -> authenticate(request);
                    case "/token" -> token(request);
                    case "/jwks" -> MockProvider.json(200, new JWKSet(KEY.toPublicJWK()).toString());
                    default -> new MockResponse.Builder().code(404).build();
                };
            }
        });
    }

    static RSAKey newKey() {
        try {
            return new RSAKeyGenerator(2048).keyID("k1").generate();
        } catch (JOSEException e) {
            throw new IllegalStateException(e);
        }
    }

    Provider.Builder provider() {
        return mock.provider().backchannelAuthenticationEndpoint(mock.url("/bc-authorize"));
    }

    Grantkeeper.Builder registration(Provider.Builder provider) {
        return mock.registration(provider).scopes("openid", "a");
    }

    private MockResponse authenticate(RecordedRequest request) {
        authentications.add(request);
        MockResponse other = nextAuthentications.poll();
        if (other != null) {
            return other;
        }
        String id = "auth-req-canary-" + number.incrementAndGet();
        open = id;
        Map<String, Object> response = new LinkedHashMap<>();
        response.put("auth_req_id", id);
        response.put("expires_in", lifetime);
        response.put("interval", interval);
        return json(200, authentication.apply(response));
    }

    private MockResponse token(RecordedRequest request) throws InterruptedException {
        polls.add(new Poll(clock.instant(), request));
        MockResponse other = nextTokens.poll();
        Decision now = decision;
        arrived.release();
        answers.acquire();
        answers.release();
        if (other != null) {
            return other;
        }
        HttpUrl form = HttpUrl.get("http://x/?" + request.getBody().utf8());
        if (!"urn:openid:params:grant-type:ciba".equals(form.queryParameter("grant_type"))) {
            return MockProvider.tokens();
        }
        String id = form.queryParameter("auth_req_id");
        if (id == null || !id.equals(open)) {
            return error("invalid_grant");
        }
        if (now == Decision.NONE) {
            return error("authorization_pending");
        }
        open = null;
        return now == Decision.NO ? error("access_denied") : json(200, tokens(id));
    }

    private Map<String, Object> tokens(String id) {
        Map<String, Object> idToken = new LinkedHashMap<>();
        long now = clock.instant().getEpochSecond();
        idToken.put("iss", MockProvider.ISSUER);
        idToken.put("sub", "alice");
        idToken.put("aud", MockProvider.CLIENT);
        idToken.put("iat", now);
        idToken.put("exp", now + 300);
        idToken.put("auth_time", now);
        idToken.put("acr", "gold");
        Map<String, Object> response = new LinkedHashMap<>();
        response.put("access_token", "access-canary-" + id);
        response.put("token_type", "Bearer");
        response.put("expires_in", 60);
        response.put("refresh_token", "refresh-canary-" + id);
        response.put("id_token", sign(claims.apply(idToken)));
        return tokens.apply(response);
    }

    String sign(Map<String, Object> claims) {
        try {
            SignedJWT jwt = new SignedJWT(
                    new JWSHeader.Builder(JWSAlgorithm.RS256)
                            .keyID(KEY.getKeyID())
                            .build(),
                    JWTClaimsSet.parse(claims));
            jwt.sign(new RSASSASigner(signingKey));
            return jwt.serialize();
        } catch (JOSEException | java.text.ParseException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Takes a login for its own that it never started. */
    void open(String authReqId) {
        open = authReqId;
    }

    /** The parameters of the last authentication request. */
    Map<String, String> authentication() {
        return MockProvider.form(authentications.get(authentications.size() - 1));
    }

    static MockResponse error(String error) {
        return MockProvider.json(400, "{\"error\":\"" + error + "\"}");
    }

    private static MockResponse json(int status, Map<String, Object> json) {
        try {
            return MockProvider.json(status, JSON.writeValueAsString(json));
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void close() {
        answers.release(Integer.MAX_VALUE / 2);
        mock.close();
    }
}
