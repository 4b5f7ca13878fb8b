/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.util.Base64URL;
import com.nimbusds.jwt.SignedJWT;
import com.nimbusds.oauth2.sdk.dpop.JWKThumbprintConfirmation;
import com.nimbusds.oauth2.sdk.dpop.verifiers.DPoPIssuer;
import com.nimbusds.oauth2.sdk.dpop.verifiers.DPoPProtectedResourceRequestVerifier;
import com.nimbusds.oauth2.sdk.dpop.verifiers.DPoPTokenRequestVerifier;
import com.nimbusds.oauth2.sdk.token.DPoPAccessToken;
import com.nimbusds.openid.connect.sdk.Nonce;
import dev.grantkeeper.provider.Provider;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import mockwebserver3.Dispatcher;
import mockwebserver3.MockResponse;
import mockwebserver3.MockWebServer;
import mockwebserver3.RecordedRequest;
import okhttp3.HttpUrl;
import org.jspecify.annotations.Nullable;

/**
 * An authorization server and an API, each with an origin of its own, that hold RFC 9449 against whoever talks to them:
 * proofs are checked by somebody else's code, each works once, and tokens are of no use without the key that they were
 * issued to.
 */
final class DPoPServer implements AutoCloseable {
    private static final Set<JWSAlgorithm> ES256 = Set.of(JWSAlgorithm.ES256);
    private static final DPoPIssuer CLIENT = new DPoPIssuer(Scene.CLIENT);
    /** In seconds: when a proof was made is compared with this server's clock, which Nimbus cannot be given. */
    private static final long ANY = Duration.ofDays(36_500).toSeconds();

    final MockWebServer authorization = new MockWebServer();
    final MockWebServer api = new MockWebServer();
    final List<RecordedRequest> tokenRequests = new CopyOnWriteArrayList<>();
    final List<RecordedRequest> pushedRequests = new CopyOnWriteArrayList<>();
    final List<RecordedRequest> apiRequests = new CopyOnWriteArrayList<>();
    /** Why requests were refused. */
    final List<String> refusals = new CopyOnWriteArrayList<>();

    volatile @Nullable String tokenNonce;
    volatile @Nullable String apiNonce;
    /** Sent along with whatever the API answers. */
    volatile @Nullable String nextApiNonce;

    volatile String tokenType = "DPoP";
    volatile String scheme = "DPoP";
    /** A new nonce with every refusal, and never satisfied. */
    volatile boolean neverSatisfied;
    /** The lead of this clock, and the difference that it tolerates. */
    volatile Duration ahead = Duration.ZERO;

    volatile Function<RecordedRequest, @Nullable MockResponse> beforeApi = request -> null;
    volatile Function<RecordedRequest, @Nullable MockResponse> beforeToken = request -> null;

    private final InstantSource clock;
    private final AtomicInteger number = new AtomicInteger();
    private final Map<String, String> codes = new ConcurrentHashMap<>();
    /** From the reference of a pushed request to what it said. */
    private final Map<String, Map<String, String>> pushed = new ConcurrentHashMap<>();

    /** From token to thumbprint, or to nothing for bearer tokens. */
    private final Map<String, String> tokens = new ConcurrentHashMap<>();

    private final Set<String> proofs = new HashSet<>(); // guarded by itself

    DPoPServer(InstantSource clock) throws IOException {
        this.clock = clock;
        authorization.setDispatcher(dispatcher(this::authorizationServer));
        api.setDispatcher(dispatcher(this::resourceServer));
        authorization.start();
        api.start();
    }

    private static Dispatcher dispatcher(Function<RecordedRequest, MockResponse> answers) {
        return new Dispatcher() {
            @Override
            public MockResponse dispatch(RecordedRequest request) {
                return answers.apply(request);
            }
        };
    }

    Provider.Builder provider() {
        return Provider.builder("bound")
                .allowHttpOnLoopback()
                .authorizationEndpoint(authorization.url("/authorize").toString())
                .tokenEndpoint(authorization.url("/token?tenant=x").toString())
                .pushedAuthorizationRequestEndpoint(authorization.url("/par").toString())
                .deviceAuthorizationEndpoint(authorization.url("/device").toString())
                .profileEndpoint(api.url("/me").toString(), Map.of("sub", "id"))
                .apiOrigins(api.url("/").toString());
    }

    /** The query that the browser brings back of an authorization request. */
    String approve(PendingLogin login) {
        HttpUrl url = HttpUrl.get(login.url().toString());
        Map<String, String> parameters = pushed.get(Objects.requireNonNullElse(url.queryParameter("request_uri"), ""));
        if (parameters == null) {
            parameters = parameters(url);
        }
        String code = "code-canary-" + number.incrementAndGet();
        codes.put(code, parameters.getOrDefault("dpop_jkt", ""));
        return "code=" + code + "&state=" + parameters.get("state");
    }

    /** Every proof that came, in this order. */
    static List<SignedJWT> proofs(List<RecordedRequest> requests) {
        return requests.stream().map(DPoPServer::proof).toList();
    }

    static SignedJWT proof(RecordedRequest request) {
        try {
            return SignedJWT.parse(request.getHeaders().get("DPoP"));
        } catch (java.text.ParseException e) {
            throw new AssertionError(e);
        }
    }

    static String thumbprint(SignedJWT proof) {
        try {
            return proof.getHeader().getJWK().computeThumbprint().toString();
        } catch (com.nimbusds.jose.JOSEException e) {
            throw new AssertionError(e);
        }
    }

    private static final class Refused extends Exception {
        private static final long serialVersionUID = 1L;
        private final String error;

        Refused(String error, String why) {
            super(why);
            this.error = error;
        }
    }

    // ---- Token endpoint --------------------------------------------------------------------------------------------

    private MockResponse authorizationServer(RecordedRequest request) {
        boolean pushing = request.getUrl().encodedPath().equals("/par");
        if (request.getUrl().encodedPath().equals("/device")) {
            return json(
                    200,
                    "{\"device_code\":\"device-canary\",\"user_code\":\"ABCD\",\"verification_uri\":"
                            + "\"https://example.com/device\",\"expires_in\":600,\"interval\":1}");
        }
        (pushing ? pushedRequests : tokenRequests).add(request);
        MockResponse early = beforeToken.apply(request);
        if (early != null) {
            return early;
        }
        try {
            Map<String, String> form = form(request);
            String jkt = "";
            if (request.getHeaders().get("DPoP") != null) {
                SignedJWT proof = checked(request, tokenNonce);
                jkt = new DPoPTokenRequestVerifier(ES256, withoutQuery(request), ANY, ANY, null)
                        .verify(CLIENT, proof, nonces(tokenNonce))
                        .getValue()
                        .toString();
            }
            if (pushing) {
                if (!jkt.equals(form.getOrDefault("dpop_jkt", ""))) {
                    throw new Refused("invalid_dpop_proof", "not the key that is announced");
                }
                String reference = "urn:pushed:" + number.incrementAndGet();
                pushed.put(reference, form);
                return json(201, "{\"request_uri\":\"" + reference + "\",\"expires_in\":60}");
            }
            String bound = switch (form.getOrDefault("grant_type", "")) {
                case "authorization_code" -> codes.remove(form.get("code"));
                case "refresh_token" -> tokens.remove(form.get("refresh_token"));
                default -> "";
            };
            if (bound == null || (!bound.isEmpty() && !bound.equals(jkt))) {
                throw new Refused("invalid_grant", "issued to another key, or used before");
            }
            String type = jkt.isEmpty() ? "Bearer" : tokenType;
            String to = type.equalsIgnoreCase("DPoP") ? jkt : "";
            int n = number.incrementAndGet();
            tokens.put("access-canary-" + n, to);
            tokens.put("refresh-canary-" + n, to);
            return json(
                    200,
                    "{\"access_token\":\"access-canary-" + n + "\",\"token_type\":\"" + type
                            + "\",\"expires_in\":600,\"refresh_token\":\"refresh-canary-" + n + "\"}");
        } catch (Refused e) {
            refusals.add(e.error + ": " + e.getMessage());
            MockResponse.Builder answer =
                    json(400, "{\"error\":\"" + e.error + "\"}").newBuilder();
            if (neverSatisfied) {
                tokenNonce = "token-nonce-" + number.incrementAndGet();
            }
            if (tokenNonce != null) {
                answer.addHeader("DPoP-Nonce", tokenNonce);
            }
            return dated(answer);
        } catch (Exception e) {
            refusals.add(e.toString());
            return json(400, "{\"error\":\"invalid_dpop_proof\"}");
        }
    }

    private static Map<String, String> form(RecordedRequest request) {
        return parameters(HttpUrl.get("http://localhost/?" + request.getBody().utf8()));
    }

    private static Map<String, String> parameters(HttpUrl url) {
        Map<String, String> parameters = new HashMap<>();
        url.queryParameterNames().forEach(name -> parameters.put(name, url.queryParameter(name)));
        return parameters;
    }

    // ---- API -------------------------------------------------------------------------------------------------------

    private MockResponse resourceServer(RecordedRequest request) {
        apiRequests.add(request);
        MockResponse early = beforeApi.apply(request);
        if (early != null) {
            return early;
        }
        try {
            String header = Objects.requireNonNullElse(request.getHeaders().get("Authorization"), "");
            String token = header.substring(header.indexOf(' ') + 1);
            String jkt = tokens.get(token);
            if (jkt == null) {
                throw new Refused("invalid_token", "unknown");
            }
            if (!header.startsWith(jkt.isEmpty() ? "Bearer " : "DPoP ")) {
                throw new Refused("invalid_token", "another scheme");
            }
            if (!jkt.isEmpty()) {
                SignedJWT proof = checked(request, apiNonce);
                new DPoPProtectedResourceRequestVerifier(ES256, ANY, ANY, null)
                        .verify(
                                request.getMethod(),
                                withoutQuery(request),
                                CLIENT,
                                proof,
                                new DPoPAccessToken(token),
                                new JWKThumbprintConfirmation(new Base64URL(jkt)),
                                nonces(apiNonce),
                                null);
            }
            MockResponse.Builder answer = json(
                            200, "{\"id\":\"alice\",\"token\":\"" + token.replace("canary", "x") + "\"}")
                    .newBuilder();
            if (nextApiNonce != null) {
                apiNonce = nextApiNonce;
                answer.addHeader("DPoP-Nonce", nextApiNonce);
            }
            return answer.build();
        } catch (Refused e) {
            refusals.add(e.error + ": " + e.getMessage());
            MockResponse.Builder answer = new MockResponse.Builder()
                    .code(401)
                    .addHeader("WWW-Authenticate", scheme + " realm=\"x\", error=\"" + e.error + "\", algs=\"ES256\"");
            if (neverSatisfied) {
                apiNonce = "api-nonce-" + number.incrementAndGet();
            }
            if (apiNonce != null) {
                answer.addHeader("DPoP-Nonce", apiNonce);
            }
            return dated(answer);
        } catch (Exception e) {
            refusals.add(e.toString());
            return new MockResponse.Builder()
                    .code(401)
                    .addHeader("WWW-Authenticate", scheme + " error=\"invalid_dpop_proof\"")
                    .build();
        }
    }

    /** Forgets the access tokens, so that the API rejects them. */
    void rejectAccessTokens() {
        tokens.keySet().removeIf(token -> token.startsWith("access"));
    }

    // ---- Both ------------------------------------------------------------------------------------------------------

    /** Checks that Nimbus leaves to its caller, or cannot make. */
    private SignedJWT checked(RecordedRequest request, @Nullable String nonce) throws Exception {
        List<String> headers = request.getHeaders().values("DPoP");
        if (headers.size() != 1) {
            throw new Refused("invalid_dpop_proof", headers.size() + " proofs");
        }
        SignedJWT proof = SignedJWT.parse(headers.get(0));
        if (!(proof.getHeader().getJWK() instanceof ECKey key) || key.isPrivate()) {
            throw new Refused("invalid_dpop_proof", "not the public key");
        }
        Instant now = clock.instant().plus(ahead);
        Instant at = proof.getJWTClaimsSet().getIssueTime().toInstant();
        if (Duration.between(at, now).abs().compareTo(Duration.ofSeconds(30)) > 0) {
            throw new Refused("invalid_dpop_proof", "made at " + at + ", now it is " + now);
        }
        synchronized (proofs) {
            if (!proofs.add(proof.getJWTClaimsSet().getJWTID())) {
                throw new Refused("invalid_dpop_proof", "used before");
            }
        }
        String sent = proof.getJWTClaimsSet().getStringClaim("nonce");
        if (neverSatisfied || (nonce != null && !nonce.equals(sent))) {
            throw new Refused("use_dpop_nonce", "nonce " + sent + " and not " + nonce);
        }
        return proof;
    }

    private static @Nullable Set<Nonce> nonces(@Nullable String nonce) {
        return nonce == null ? null : Set.of(new Nonce(nonce));
    }

    private static URI withoutQuery(RecordedRequest request) {
        return request.getUrl().newBuilder().query(null).build().uri();
    }

    private MockResponse dated(MockResponse.Builder answer) {
        return answer.setHeader(
                        "Date",
                        DateTimeFormatter.RFC_1123_DATE_TIME.format(
                                clock.instant().plus(ahead).atOffset(ZoneOffset.UTC)))
                .build();
    }

    static MockResponse json(int status, String body) {
        return new MockResponse.Builder()
                .code(status)
                .addHeader("Content-Type", "application/json")
                .body(body)
                .build();
    }

    @Override
    public void close() {
        authorization.close();
        api.close();
    }
}
