/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.wire;

import com.nimbusds.jose.util.JSONArrayUtils;
import com.nimbusds.jose.util.JSONObjectUtils;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.oauth2.sdk.auth.ClientSecretBasic;
import com.nimbusds.oauth2.sdk.auth.Secret;
import com.nimbusds.oauth2.sdk.id.ClientID;
import com.nimbusds.oauth2.sdk.id.JWTID;
import com.nimbusds.oauth2.sdk.util.URLUtils;
import dev.grantkeeper.internal.answer.Answer;
import dev.grantkeeper.internal.answer.Callback;
import dev.grantkeeper.internal.answer.RequestFailedException;
import dev.grantkeeper.internal.provider.DialectFacts;
import dev.grantkeeper.internal.provider.Facts;
import dev.grantkeeper.internal.provider.ProviderFacts;
import dev.grantkeeper.provider.ClientAuthentication;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.provider.SigningKey;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.text.ParseException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Date;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import okhttp3.MediaType;
import okhttp3.Request;
import okhttp3.RequestBody;
import okio.BufferedSink;
import org.jspecify.annotations.Nullable;

/**
 * The client as the authorization server knows it: its id and its authentication (RFC 6749 section 2.3). Makes the
 * requests that go to the server directly. Thread-safe; {@code toString} shows no secret.
 */
public final class Client {
    /** Made with the first request, and not when an application starts. */
    private static final class BodyType {
        static final MediaType FORM = MediaType.get("application/x-www-form-urlencoded");
        static final MediaType JSON = MediaType.get("application/json");
    }

    private static final String ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    // Long enough for clocks that differ a little. Some servers accept no longer ones.
    private static final Duration ASSERTION_LIVES = Duration.ofMinutes(1);

    // Time enough for a browser to get there; RFC 9101 section 10.2 asks for a short one.
    private static final Duration REQUEST_LIVES = Duration.ofMinutes(5);

    private final String id;
    private final @Nullable String secret;
    private final ClientAuthentication authentication;
    private final @Nullable JwtSigner assertionSigner;
    private final @Nullable JwtSigner requestSigner;
    private final String assertionIssuer;
    private final String audience;
    private final String issuer;
    private final Map<URI, URI> aliases;
    private final Provider provider;
    private final DialectFacts dialect;
    private final InstantSource clock;

    /**
     * A client with the secret or key that its authentication needs.
     *
     * @param certificate whether it presents a certificate, however it authenticates
     */
    public Client(
            String id,
            @Nullable String secret,
            ClientAuthentication authentication,
            @Nullable SigningKey key,
            boolean certificate,
            Provider provider,
            InstantSource clock) {
        this.id = id;
        this.secret = secret;
        this.authentication = authentication;
        this.requestSigner = key == null ? null : JwtSigner.of(key);
        this.assertionSigner = authentication == ClientAuthentication.SECRET_JWT && secret != null
                ? JwtSigner.of(secret)
                : requestSigner;
        ProviderFacts facts = Facts.of(provider);
        this.assertionIssuer = facts.assertionIssuer == null ? id : facts.assertionIssuer;
        this.audience = facts.assertionAudience();
        this.issuer = facts.issuer == null ? audience : facts.issuer;
        this.aliases = certificate || authentication == ClientAuthentication.MUTUAL_TLS ? aliases(facts) : Map.of();
        this.provider = provider;
        this.dialect = facts.dialect;
        this.clock = clock;
    }

    /** The client id. */
    public String id() {
        return id;
    }

    /** The provider that knows this client. */
    Provider provider() {
        return provider;
    }

    /** Whether one parameter of a callback is the HMAC of all others under the secret. */
    boolean hasHmac(String query, String name) {
        return secret != null && Callback.hasHmac(query, name, secret);
    }

    /** The URL at which this client calls an endpoint: its alias, if the endpoint has one for clients like this. */
    public URI at(URI endpoint) {
        return aliases.getOrDefault(endpoint, endpoint);
    }

    /** The secrets that must not appear in any message. */
    List<String> secrets() {
        if (secret == null) {
            return List.of();
        }
        return authentication == ClientAuthentication.SECRET_BASIC
                ? List.of(secret, basic(secret).substring("Basic ".length()))
                : List.of(secret);
    }

    /**
     * An authenticated request to one of the provider's own endpoints.
     *
     * @throws Http.CallFailedException if the assertion cannot be signed now; nothing was sent
     */
    Request post(URI endpoint, Map<String, String> form) throws Http.CallFailedException {
        return post(endpoint, form, false);
    }

    /** A request for tokens, which some servers expect as JSON. Throws like {@link #post}. */
    Request askForTokens(URI endpoint, Map<String, String> form) throws Http.CallFailedException {
        return post(endpoint, form, dialect.jsonRequests);
    }

    private Request post(URI endpoint, Map<String, String> form, boolean json) throws Http.CallFailedException {
        Request.Builder request =
                new Request.Builder().url(at(endpoint).toString()).header("Accept", "application/json");
        dialect.requestHeaders.forEach(request::header);
        Map<String, List<String>> parameters = new LinkedHashMap<>();
        form.forEach((name, value) -> parameters.put(name, values(name, value)));
        if (authentication != ClientAuthentication.SECRET_BASIC) {
            parameters.put(dialect.parameterName("client_id"), List.of(id));
        }
        switch (authentication) {
            case SECRET_BASIC -> request.header("Authorization", basic(needed(secret)));
            case SECRET_POST -> parameters.put(dialect.parameterName("client_secret"), List.of(needed(secret)));
            case SECRET_JWT, PRIVATE_KEY_JWT -> {
                parameters.put("client_assertion_type", List.of(ASSERTION_TYPE));
                parameters.put("client_assertion", List.of(assertion()));
            }
            case SIGNED_SECRET -> parameters.put("client_secret", List.of(assertion()));
            case MUTUAL_TLS, NONE -> {
                // The TLS handshake authenticates the client, or nothing does.
            }
        }
        return request.post(
                        json
                                ? once(BodyType.JSON, json(parameters))
                                : once(BodyType.FORM, URLUtils.serializeParameters(parameters)))
                .build();
    }

    private String basic(String of) {
        return new ClientSecretBasic(new ClientID(id), new Secret(of)).toHTTPAuthorizationHeader();
    }

    private static String json(Map<String, List<String>> parameters) {
        Map<String, Object> json = new LinkedHashMap<>();
        parameters.forEach((name, values) -> json.put(name, values.size() == 1 ? values.get(0) : values));
        return JSONObjectUtils.toJSONString(json);
    }

    /**
     * The values of a parameter, as they are sent. {@code resource} may be repeated (RFC 8707 section 2): it is kept as
     * URIs with blanks between them.
     */
    static List<String> values(String name, String value) {
        return name.equals("resource") ? List.of(value.split(" ")) : List.of(value);
    }

    /** The algorithm of signed requests; {@code null} if there is no key to sign them. */
    @Nullable
    String requestAlgorithm() {
        return requestSigner == null ? null : requestSigner.algorithm();
    }

    /**
     * An authorization request that this client has signed. {@code toString} shows nothing of it.
     *
     * @param jwt the request
     * @param until the time of its expiry
     */
    record SignedRequest(String jwt, Instant until) {
        @Override
        public String toString() {
            return "SignedRequest[until " + until + "]";
        }
    }

    /**
     * Signs an authorization request (RFC 9101 section 4): texts as texts, JSON and numbers as such.
     *
     * @throws RequestFailedException if the key cannot sign now
     */
    SignedRequest sign(Map<String, String> parameters) throws RequestFailedException {
        Instant now = clock.instant();
        Instant until = now.plus(REQUEST_LIVES);
        JWTClaimsSet.Builder claims = new JWTClaimsSet.Builder();
        parameters.forEach((name, value) -> claims.claim(name, claim(name, value)));
        claims.issuer(id)
                .audience(issuer)
                .issueTime(Date.from(now))
                .notBeforeTime(Date.from(now))
                .expirationTime(Date.from(until))
                .jwtID(new JWTID().getValue());
        try {
            return new SignedRequest(needed(requestSigner).sign("oauth-authz-req+jwt", claims.build()), until);
        } catch (JwtSigner.FailedException e) {
            throw new RequestFailedException(
                    new Answer.Failure(Answer.Kind.TEMPORARY, 0, null, e.getMessage(), null, e));
        }
    }

    private static Object claim(String name, String value) {
        try {
            return switch (name) {
                case "claims" -> JSONObjectUtils.parse(value);
                case "authorization_details" -> JSONArrayUtils.parse(value);
                case "max_age" -> Long.valueOf(value);
                default -> {
                    List<String> values = values(name, value);
                    yield values.size() == 1 ? value : values;
                }
            };
        } catch (ParseException | NumberFormatException e) {
            return value; // the application's own text, which the server will judge
        }
    }

    /**
     * RFC 7523 section 3. The audience is the issuer alone: an assertion that names one endpoint's URL as well could be
     * replayed to another server that claims the same URL.
     */
    private String assertion() throws Http.CallFailedException {
        Instant now = clock.instant();
        JWTClaimsSet claims = new JWTClaimsSet.Builder()
                .issuer(assertionIssuer)
                .subject(id)
                .audience(audience)
                .issueTime(Date.from(now))
                .expirationTime(Date.from(now.plus(ASSERTION_LIVES)))
                .jwtID(new JWTID().getValue())
                .build();
        try {
            return needed(assertionSigner).sign("JWT", claims);
        } catch (JwtSigner.FailedException e) {
            throw new Http.CallFailedException(e, false, false);
        }
    }

    /** RFC 8705 section 5: the endpoints that ask for a certificate, if they have other URLs. */
    private static Map<URI, URI> aliases(ProviderFacts facts) {
        Map<URI, URI> aliases = new HashMap<>();
        Map<String, @Nullable URI> endpoints = new HashMap<>();
        endpoints.put("token_endpoint", facts.tokenEndpoint);
        endpoints.put("revocation_endpoint", facts.revocationEndpoint);
        endpoints.put("introspection_endpoint", facts.introspectionEndpoint);
        endpoints.put("device_authorization_endpoint", facts.deviceAuthorizationEndpoint);
        endpoints.put("backchannel_authentication_endpoint", facts.backchannelAuthenticationEndpoint);
        endpoints.put("userinfo_endpoint", facts.userInfoEndpoint);
        endpoints.put("pushed_authorization_request_endpoint", facts.pushedAuthorizationRequestEndpoint);
        endpoints.forEach((name, endpoint) -> {
            URI alias = facts.mtlsEndpointAliases.get(name);
            if (endpoint != null && alias != null) {
                aliases.put(endpoint, alias);
            }
        });
        return Map.copyOf(aliases);
    }

    private static <T> T needed(@Nullable T value) {
        if (value == null) {
            throw new IllegalStateException("Checked when the Grantkeeper was built");
        }
        return value;
    }

    /** A body that cannot be sent twice: OkHttp then does not try to, after a 408 or a 421. */
    private static RequestBody once(MediaType type, String content) {
        byte[] bytes = content.getBytes(StandardCharsets.UTF_8);
        return new RequestBody() {
            @Override
            public MediaType contentType() {
                return type;
            }

            @Override
            public long contentLength() {
                return bytes.length;
            }

            @Override
            public boolean isOneShot() {
                return true;
            }

            @Override
            public void writeTo(BufferedSink sink) throws IOException {
                sink.write(bytes);
            }
        };
    }

    @Override
    public String toString() {
        return "Client[" + id + ", " + authentication + "]";
    }
}
