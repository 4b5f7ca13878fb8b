/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.internal.openid.Decryption;
import dev.grantkeeper.internal.protocol.ApiAddresses;
import dev.grantkeeper.internal.protocol.Origins;
import dev.grantkeeper.internal.provider.Facts;
import dev.grantkeeper.internal.provider.ProviderFacts;
import dev.grantkeeper.provider.ClientAuthentication;
import dev.grantkeeper.provider.DecryptionKey;
import dev.grantkeeper.provider.LoginProtection;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.provider.SigningKey;
import dev.grantkeeper.token.SealingKeys;
import dev.grantkeeper.token.TokenStore;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Collections;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.LongSupplier;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import okhttp3.HttpUrl;
import okhttp3.OkHttpClient;
import org.jspecify.annotations.Nullable;

/**
 * The settings of a registration, and the rules about them. To add a builder option, edit this class and the builder.
 * Filled by one builder, and never changed after {@link #copy()}. Not thread-safe before that.
 */
final class Settings {
    private static final int LEAST_SECRET_BYTES = 32;

    final Provider provider;
    final @Nullable Discovery discovery;

    @Nullable
    String registration;

    @Nullable
    String clientId;

    @Nullable
    String clientSecret;

    boolean secretIsMissing;

    @Nullable
    SigningKey signingKey;

    @Nullable
    ClientAuthentication clientAuthentication;

    @Nullable
    String redirectUri;

    Set<LoginProtection> loginProtections = Set.of();
    Set<String> scopes = Set.of();
    Set<String> resources = Set.of();

    @Nullable
    TokenStore tokenStore;

    @Nullable
    SealingKeys sealingKeys;

    boolean plaintextTokens;
    Set<String> signingAlgorithms = Set.of();
    List<DecryptionKey> decryptionKeys = List.of();
    Set<String> encryptionAlgorithms = Set.of();
    Set<String> trustedAudiences = Set.of();
    boolean fetchProfile;
    boolean dpop;
    boolean certificateBoundTokens;
    boolean formPost;
    boolean signedIntrospection;

    @Nullable
    UnaryOperator<String> requestUri;

    Map<String, ClaimsProvider> claimsProviders = Map.of();

    @Nullable
    OkHttpClient httpClient;

    GrantListener listener = GrantListener.NONE;
    Duration maxWait = Duration.ofSeconds(10);
    Duration tokenCallTimeout = Duration.ofSeconds(10);
    Duration storeCacheTime = Duration.ofMinutes(1);
    int storeCacheSize = 10_000;
    InstantSource clock = InstantSource.system();
    LongSupplier ticker = System::nanoTime;

    Settings(Provider provider, @Nullable Discovery discovery) {
        this.provider = Objects.requireNonNull(provider);
        this.discovery = discovery;
    }

    private Settings(Settings other) {
        this.provider = other.provider;
        this.discovery = other.discovery;
        this.registration = other.registration;
        this.clientId = other.clientId;
        this.clientSecret = other.clientSecret;
        this.secretIsMissing = other.secretIsMissing;
        this.signingKey = other.signingKey;
        this.clientAuthentication = other.clientAuthentication;
        this.redirectUri = other.redirectUri;
        this.loginProtections = other.loginProtections;
        this.scopes = other.scopes;
        this.resources = other.resources;
        this.tokenStore = other.tokenStore;
        this.sealingKeys = other.sealingKeys;
        this.plaintextTokens = other.plaintextTokens;
        this.signingAlgorithms = other.signingAlgorithms;
        this.decryptionKeys = other.decryptionKeys;
        this.encryptionAlgorithms = other.encryptionAlgorithms;
        this.trustedAudiences = other.trustedAudiences;
        this.fetchProfile = other.fetchProfile;
        this.dpop = other.dpop;
        this.certificateBoundTokens = other.certificateBoundTokens;
        this.formPost = other.formPost;
        this.signedIntrospection = other.signedIntrospection;
        this.requestUri = other.requestUri;
        this.claimsProviders = other.claimsProviders;
        this.httpClient = other.httpClient;
        this.listener = other.listener;
        this.maxWait = other.maxWait;
        this.tokenCallTimeout = other.tokenCallTimeout;
        this.storeCacheTime = other.storeCacheTime;
        this.storeCacheSize = other.storeCacheSize;
        this.clock = other.clock;
        this.ticker = other.ticker;
    }

    /** The same settings, for a client of a server that was discovered. */
    Settings as(
            String id,
            @Nullable String secret,
            @Nullable SigningKey key,
            ClientAuthentication way,
            @Nullable String firstRedirectUri) {
        Settings copy = new Settings(this);
        copy.clientId = id;
        copy.clientSecret = secret;
        copy.signingKey = key;
        copy.clientAuthentication = way;
        copy.redirectUri = firstRedirectUri;
        return copy;
    }

    /** A copy that later calls of the builder do not affect. */
    Settings copy() {
        return new Settings(this);
    }

    /**
     * A provider of claims about other providers' users.
     *
     * @param keys the URL of its keys
     * @param endpoints the URLs at and below which it may serve claims
     */
    record ClaimsProvider(URI keys, List<ApiAddresses> endpoints) {
        boolean serves(String url) {
            HttpUrl parsed = HttpUrl.parse(url);
            return parsed != null
                    && parsed.username().isEmpty()
                    && parsed.password().isEmpty()
                    && endpoints.stream().anyMatch(endpoint -> endpoint.cover(parsed));
        }
    }

    void claimsProvider(String issuer, String jwksUri, String... endpoints) {
        Map<String, ClaimsProvider> all = new LinkedHashMap<>(claimsProviders);
        all.put(
                issuer,
                new ClaimsProvider(
                        ofClaims(jwksUri).uri(),
                        Stream.of(endpoints)
                                .map(endpoint -> ApiAddresses.below(ofClaims(endpoint)))
                                .toList()));
        claimsProviders = Collections.unmodifiableMap(all);
    }

    private HttpUrl ofClaims(String text) {
        HttpUrl url = HttpUrl.parse(text);
        if (url == null
                || !url.username().isEmpty()
                || !url.password().isEmpty()
                || !(url.isHttps() || (Facts.of(provider).httpOnLoopback && Origins.isLoopback(url.host())))) {
            throw new IllegalArgumentException("The URLs of a claims provider are https and have no user, not " + text);
        }
        return url;
    }

    /** Checks everything that can be checked without metadata. */
    void check() {
        OkHttpVersion.check();
        if (clientId == null || clientId.isBlank()) {
            throw new IllegalStateException("There is no client id. The provider shows it where the application is"
                    + " registered: " + provider.documentation());
        }
        checkStore();
        if (certificateBoundTokens && httpClient == null) {
            throw new IllegalStateException("certificateBoundTokens() needs a certificate in the TLS handshake: call"
                    + " httpClient(…) with an OkHttpClient whose sslSocketFactory has the key and the certificate");
        }
        if (redirectUri != null) {
            checkRedirectUri(redirectUri, provider);
        }
        if (discovery == null) {
            check(provider);
        } else {
            if (secretIsMissing || clientAuthentication != null) {
                checkAuthentication(authentication(provider));
            }
            checkSigning(protections(provider));
        }
        if (isPosted(provider)
                && redirectUri != null
                && !redirectUri.toLowerCase(Locale.ROOT).startsWith("https://")) {
            // The cookie with the login has to be Secure, and no browser can post to an application's own scheme.
            throw new IllegalStateException((formPost ? "formPost()" : "A response that is posted")
                    + " needs a redirect URI that is https, not " + redirectUri);
        }
        if (!encryptionAlgorithms.isEmpty() && !decryption().isPossible()) {
            throw new IllegalStateException(
                    "encryptionAlgorithms(…) demands encryption to a key of the application: call"
                            + " decryptionKeys(…) with a key for these algorithms");
        }
    }

    /** Decrypts for this client. */
    Decryption decryption() {
        return new Decryption(decryptionKeys, encryptionAlgorithms);
    }

    /** Whether the browser posts authorization responses. */
    boolean isPosted(Provider provider) {
        return formPost
                || Facts.of(provider).dialect.formPost
                || protections(provider).contains(LoginProtection.DETACHED_SIGNATURE);
    }

    /** Checks what keeps the grants. */
    void checkStore() {
        if (tokenStore == null) {
            throw new IllegalStateException(
                    "There is no token store. Call tokenStore(JdbcTokenStore.create(dataSource)),"
                            + " or for a test tokenStore(MemoryTokenStore.create())");
        }
        if ((sealingKeys == null) == !plaintextTokens) {
            throw new IllegalStateException(
                    sealingKeys == null
                            ? "Call sealingKeys(SealingKeys.of(secret)), or allowPlaintextTokens() if tokens may be stored in plaintext"
                            : "sealingKeys(…) and allowPlaintextTokens() contradict each other");
        }
    }

    ClientAuthentication authentication(Provider provider) {
        if (clientAuthentication != null) {
            return clientAuthentication;
        }
        if (clientSecret != null || secretIsMissing) {
            // A call of clientSecret(…) means a secret: a missing variable must not make a public client.
            return provider.clientAuthentication();
        }
        if (signingKey != null) {
            return provider.clientAuthentication() == ClientAuthentication.SIGNED_SECRET
                    ? ClientAuthentication.SIGNED_SECRET
                    : ClientAuthentication.PRIVATE_KEY_JWT;
        }
        return provider.clientAuthentication() == ClientAuthentication.MUTUAL_TLS
                ? ClientAuthentication.MUTUAL_TLS
                : ClientAuthentication.NONE;
    }

    /** The protections of logins; none if there is no redirect URI. */
    Set<LoginProtection> protections(Provider provider) {
        EnumSet<LoginProtection> all = EnumSet.noneOf(LoginProtection.class);
        if (redirectUri != null) {
            all.addAll(loginProtections);
            all.addAll(provider.loginProtections());
            if (signsRequests(all)) {
                all.add(LoginProtection.SIGNED_REQUEST);
            }
            if (all.contains(LoginProtection.ENCRYPTED_RESPONSE)) {
                all.add(LoginProtection.SIGNED_RESPONSE);
            }
        }
        return Collections.unmodifiableSet(all);
    }

    /**
     * Whether backchannel authentication requests are signed (CIBA Core section 7.1.1), also without a redirect URI.
     * Metadata that requires signed requests means logins through a browser: it has a list of algorithms of its own for
     * these.
     */
    boolean signsBackchannelRequests(Provider provider) {
        ProviderFacts facts = Facts.of(provider);
        return signsRequests(loginProtections)
                || (signingKey != null
                        && signsRequests(provider.loginProtections())
                        && !(facts.fromMetadata && facts.backchannelSigningAlgorithms.isEmpty()));
    }

    private static boolean signsRequests(Set<LoginProtection> protections) {
        return protections.contains(LoginProtection.SIGNED_REQUEST)
                || protections.contains(LoginProtection.ENCRYPTED_REQUEST);
    }

    static Duration positive(String what, Duration time) {
        if (time.isNegative() || time.isZero()) {
            throw new IllegalArgumentException(what + " is not positive: " + time);
        }
        return time;
    }

    /** Checks the settings against a provider that is known completely. */
    void check(Provider provider) {
        checkAuthentication(authentication(provider));
        boolean certificate = authentication(provider) == ClientAuthentication.MUTUAL_TLS;
        if ((certificate || certificateBoundTokens) && !isHttps(provider)) {
            throw new IllegalStateException((certificate ? "MUTUAL_TLS needs" : "certificateBoundTokens() needs")
                    + " a token endpoint, or an alias of it, that is https");
        }
        if (fetchProfile
                && Facts.of(provider).profileEndpoint == null
                && provider.userInfoEndpoint().isEmpty()
                && Facts.of(provider).dialect.identityMembers.isEmpty()) {
            throw new IllegalStateException(
                    provider.name()
                            + " has neither a UserInfo endpoint nor a profile endpoint; leave fetchProfile() out, or request openid");
        }
        checkProtections(protections(provider), provider);
        if (signedIntrospection) {
            checkKeys("signedIntrospection()", provider);
        }
    }

    private void checkAuthentication(ClientAuthentication way) {
        boolean withSecret = way == ClientAuthentication.SECRET_BASIC
                || way == ClientAuthentication.SECRET_POST
                || way == ClientAuthentication.SECRET_JWT;
        if (withSecret && (clientSecret == null || clientSecret.isBlank())) {
            throw new IllegalStateException("There is no client secret, and " + way
                    + " needs one. Is the environment variable set? A public client calls"
                    + " clientAuthentication(ClientAuthentication.NONE)");
        }
        if (way == ClientAuthentication.SECRET_JWT && clientSecret != null && tooShort(clientSecret)) {
            throw new IllegalStateException("The client secret is shorter than " + LEAST_SECRET_BYTES
                    + " bytes, and SECRET_JWT would let it be guessed (RFC 7518 section 3.2). Have the provider make"
                    + " a longer one");
        }
        boolean signed = way == ClientAuthentication.PRIVATE_KEY_JWT || way == ClientAuthentication.SIGNED_SECRET;
        if (signed && signingKey == null) {
            throw new IllegalStateException(
                    way + " signs with the application's key: call signingKey(SigningKey.of(privateKey).keyId(…))");
        }
        if (way == ClientAuthentication.MUTUAL_TLS && httpClient == null) {
            throw new IllegalStateException(
                    "MUTUAL_TLS presents a certificate in the TLS handshake: call httpClient(…) with"
                            + " an OkHttpClient whose sslSocketFactory has the key and the certificate");
        }
        if (!withSecret && way != ClientAuthentication.NONE && clientSecret != null) {
            throw new IllegalStateException("clientSecret(…) and " + way
                    + " contradict each other: a client authenticates in one way. Leave the secret out");
        }
    }

    private void checkProtections(Set<LoginProtection> protections, Provider provider) {
        if (protections.contains(LoginProtection.PUSHED_REQUEST)
                && provider.pushedAuthorizationRequestEndpoint().isEmpty()) {
            throw new IllegalStateException("PUSHED_REQUEST needs an endpoint for pushed requests: call"
                    + " pushedAuthorizationRequestEndpoint(…) on the builder of " + provider.name());
        }
        checkSigning(protections);
        boolean published = requestUri != null && redirectUri != null;
        if (published && !protections.contains(LoginProtection.SIGNED_REQUEST)) {
            throw new IllegalStateException(
                    "requestUri(…) publishes signed requests: call loginProtections(SIGNED_REQUEST), too");
        }
        if (published && protections.contains(LoginProtection.PUSHED_REQUEST)) {
            throw new IllegalStateException("requestUri(…) and PUSHED_REQUEST contradict each other (RFC 9126 section"
                    + " 2.1): the server has a request that is pushed, and need not fetch it");
        }
        for (LoginProtection one : List.of(LoginProtection.ENCRYPTED_REQUEST, LoginProtection.DETACHED_SIGNATURE)) {
            if (protections.contains(one) && provider.jwksUri().isEmpty()) {
                throw new IllegalStateException(one + " needs the provider's keys: call openId(issuer, jwksUri) on the"
                        + " builder of " + provider.name());
            }
        }
        if (protections.contains(LoginProtection.SIGNED_RESPONSE)) {
            checkKeys("SIGNED_RESPONSE", provider);
        }
    }

    private static void checkKeys(String what, Provider provider) {
        if (provider.jwksUri().isEmpty()
                || provider.issuer().filter(issuer -> !issuer.contains("{")).isEmpty()) {
            throw new IllegalStateException(what + " is verified with the provider's keys: call"
                    + " openId(issuer, jwksUri) on the builder of " + provider.name());
        }
    }

    private void checkSigning(Set<LoginProtection> protections) {
        if (protections.contains(LoginProtection.SIGNED_REQUEST) && signingKey == null) {
            throw new IllegalStateException("SIGNED_REQUEST signs with the application's key: call"
                    + " signingKey(SigningKey.of(privateKey).keyId(…))");
        }
        if (protections.contains(LoginProtection.ENCRYPTED_RESPONSE)
                && !decryption().isPossible()) {
            throw new IllegalStateException("ENCRYPTED_RESPONSE is encrypted to a key of the application: call"
                    + " decryptionKeys(DecryptionKey.of(keyPair).keyId(…))");
        }
        if (protections.contains(LoginProtection.DETACHED_SIGNATURE)
                && protections.contains(LoginProtection.SIGNED_RESPONSE)) {
            throw new IllegalStateException(
                    "DETACHED_SIGNATURE and SIGNED_RESPONSE contradict each other: a response is"
                            + " signed by its ID token, or as a whole");
        }
    }

    private static boolean tooShort(String secret) {
        return secret.getBytes(StandardCharsets.UTF_8).length < LEAST_SECRET_BYTES;
    }

    private static boolean isHttps(Provider provider) {
        URI endpoint = Facts.of(provider).mtlsEndpointAliases.getOrDefault("token_endpoint", provider.tokenEndpoint());
        return "https".equalsIgnoreCase(endpoint.getScheme());
    }

    private static void checkRedirectUri(String redirectUri, Provider provider) {
        String noLogins = Facts.of(provider).noLogins;
        if (noLogins != null) {
            throw new IllegalStateException(
                    provider.name() + " signs no users in: " + noLogins + ". Leave redirectUri(…) out");
        }
        URI uri;
        try {
            uri = new URI(redirectUri);
        } catch (URISyntaxException e) {
            throw new IllegalArgumentException("The redirect URI is not a URI: " + e.getReason(), e);
        }
        if (uri.getScheme() == null || uri.getRawFragment() != null) {
            throw new IllegalArgumentException(
                    "The redirect URI is absolute and has no fragment (RFC 6749 section 3.1.2): " + redirectUri);
        }
        String scheme = uri.getScheme().toLowerCase(Locale.ROOT);
        if (!scheme.equals("http") && !scheme.equals("https")) {
            if (uri.isOpaque()) {
                throw new IllegalArgumentException(
                        "The redirect URI has no slash after its scheme; is http:// missing? " + redirectUri);
            }
            return; // an application's own scheme, RFC 8252 section 7.1
        }
        HttpUrl url = HttpUrl.parse(redirectUri);
        if (url == null || uri.getRawAuthority() == null) {
            throw new IllegalArgumentException("The redirect URI is not a URL: " + redirectUri);
        }
        ProviderFacts facts = Facts.of(provider);
        boolean name = url.host().equals("localhost");
        boolean address = url.host().equals("127.0.0.1") || url.host().equals("::1");
        if (scheme.equals("http") && !name && !address) {
            throw new IllegalArgumentException(
                    "The redirect URI is http. Only https is accepted, and http on this machine ("
                            + (facts.loopbackByAddress ? "127.0.0.1" : "localhost") + "): "
                            + redirectUri);
        }
        if (name && !facts.loopbackByName) {
            throw new IllegalArgumentException(
                    provider.name() + " rejects localhost in redirect URIs. Register and use "
                            + redirectUri.replaceFirst("(?i)localhost", "127.0.0.1") + " instead; see "
                            + provider.documentation());
        }
        if (address && scheme.equals("http") && !facts.loopbackByAddress) {
            throw new IllegalArgumentException(
                    provider.name() + " accepts http on this machine under the name localhost"
                            + " only. Register and use http://localhost… instead; see " + provider.documentation());
        }
    }
}
