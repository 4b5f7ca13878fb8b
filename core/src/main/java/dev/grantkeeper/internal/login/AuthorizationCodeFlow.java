/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.login;

import dev.grantkeeper.internal.answer.Answer;
import dev.grantkeeper.internal.answer.Callback;
import dev.grantkeeper.internal.answer.RequestFailedException;
import dev.grantkeeper.internal.answer.ServerText;
import dev.grantkeeper.internal.answer.TokenResponse;
import dev.grantkeeper.internal.log.Log;
import dev.grantkeeper.internal.login.LoginOutcome.Mismatched.Reason;
import dev.grantkeeper.internal.openid.Decryption;
import dev.grantkeeper.internal.openid.IdTokens;
import dev.grantkeeper.internal.openid.Identities;
import dev.grantkeeper.internal.openid.IdentityException;
import dev.grantkeeper.internal.openid.SignedResponses;
import dev.grantkeeper.internal.protocol.Origins;
import dev.grantkeeper.internal.protocol.Requested;
import dev.grantkeeper.internal.provider.Facts;
import dev.grantkeeper.internal.refresh.Clocks;
import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.internal.row.RowFormat;
import dev.grantkeeper.internal.server.AuthorizationServer;
import dev.grantkeeper.internal.server.Endpoints;
import dev.grantkeeper.internal.server.Revocation;
import dev.grantkeeper.internal.wire.AuthorizationEndpoint;
import dev.grantkeeper.internal.wire.DPoP;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.token.Identity;
import dev.grantkeeper.token.TokenSet;
import java.nio.charset.StandardCharsets;
import java.security.KeyPair;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Stream;
import okhttp3.HttpUrl;
import org.jspecify.annotations.Nullable;

/**
 * The authorization code flow (RFC 6749 section 4.1) with {@code state}, PKCE (RFC 7636) and OpenID Connect, from the
 * redirect to the tokens. A callback is checked in this order: can it be read, is there a login, does it belong to this
 * browser and this registration, is it recent, is it unused, does it come from this server. Only then its content
 * counts. Stores nothing; tokens of a login that is refused are revoked. Thread-safe.
 */
public final class AuthorizationCodeFlow {
    /** The time that a user has to sign in. */
    private static final Duration LIFETIME = Duration.ofMinutes(10);

    private final AuthorizationServer server;
    private final Revocation revocation;
    private final String registration;
    private final @Nullable String redirectUri;
    private final Decryption decryption;
    private final DPoP dpop;
    private final Clocks time;
    private final UsedLogins usedLogins;

    /** Logins of one registration at a server. */
    public AuthorizationCodeFlow(
            AuthorizationServer server,
            Revocation revocation,
            String registration,
            @Nullable String redirectUri,
            Decryption decryption,
            DPoP dpop,
            UsedLogins usedLogins,
            Clocks time) {
        this.server = server;
        this.revocation = revocation;
        this.registration = registration;
        this.redirectUri = redirectUri;
        this.decryption = decryption;
        this.dpop = dpop;
        this.time = time;
        this.usedLogins = usedLogins;
    }

    /** The logins that were finished, for all flows of one application. */
    public static UsedLogins usedLogins(Clocks time) {
        return new UsedLogins(time.clock(), LIFETIME);
    }

    /**
     * Starts a login.
     *
     * @param scopes exactly what is requested
     * @param parameters everything else that is sent, authorization details and resources included
     * @param appState the application's own data
     * @param maxAge how long before now the user may have authenticated; {@code null} for any time
     * @param port the registered redirect URI with the port of a receiver on this machine; {@code null} for the
     *     registered one
     * @param bound whether the grant is bound to a key in any case
     * @throws RequestFailedException if metadata was needed and could not be fetched, or the request was to be pushed
     *     or signed and could not be
     */
    public LoginAttempt start(
            Set<String> scopes,
            Map<String, String> parameters,
            @Nullable String appState,
            @Nullable Duration maxAge,
            @Nullable String port,
            boolean bound)
            throws RequestFailedException {
        String comesBackTo = port == null ? redirectUri : port;
        if (comesBackTo == null) {
            Provider known = server.known();
            String noLogins = Facts.of(known).noLogins;
            if (noLogins != null) {
                throw new IllegalStateException(known.name() + " signs no users in: " + noLogins);
            }
            throw new IllegalStateException("A login needs a redirect URI: call redirectUri(…) on the builder");
        }
        Endpoints endpoints = server.endpoints();
        check(scopes, endpoints);
        Map<String, String> all = new LinkedHashMap<>(parameters);
        if (maxAge != null) {
            all.put("max_age", Long.toString(maxAge.toSeconds()));
        }
        KeyPair key = bound ? DPoP.newKey() : dpop.keyForNewGrant();
        AuthorizationEndpoint.Request request = endpoints.authorization().request(comesBackTo, scopes, all, key);
        return new LoginAttempt(
                registration,
                request.state(),
                request.codeVerifier(),
                request.nonce(),
                key,
                comesBackTo,
                request.url(),
                request.urlExpiresAt(),
                scopes,
                parameters.get(Requested.AUTHORIZATION_DETAILS),
                Requested.split(parameters.get(Requested.RESOURCE)),
                appState,
                time.now(),
                maxAge,
                null);
    }

    private static void check(Set<String> scopes, Endpoints endpoints) throws RequestFailedException {
        Provider provider = endpoints.provider();
        if (scopes.contains("openid") && endpoints.idTokens() == null) {
            if (Facts.of(provider).fromMetadata) {
                throw endpoints.missing("jwks_uri, which the scope openid needs", "openId(issuer, jwksUri)");
            }
            throw new IllegalStateException("The scope openid needs a provider that supports OpenID Connect, and "
                    + provider.name() + " is not known to: call openId(issuer, jwksUri) on its builder");
        }
        if (!scopes.contains("openid") && endpoints.authorization().bringsIdToken()) {
            throw new IllegalStateException("DETACHED_SIGNATURE is an ID token: request the scope openid");
        }
        if (!scopes.contains("openid")
                && endpoints.profiles() != null
                && Facts.of(provider).profileEndpoint == null
                && Facts.of(provider).dialect.identityMembers.isEmpty()) {
            throw new IllegalStateException(provider.name() + " identifies the user only with the scope openid:"
                    + " add it, or leave fetchProfile() out");
        }
    }

    /** Reads a callback, out of its encryption if that can be removed. It proves nothing yet. */
    public Callback read(@Nullable String query) {
        Callback parsed = Callback.parse(query);
        try {
            return decrypted(parsed);
        } catch (IdentityException e) {
            return parsed;
        }
    }

    /**
     * Finishes a login. Nothing that a browser can send makes it throw.
     *
     * @param login the login that this browser started, as far as the application found one
     * @param query the callback as the browser sent it
     * @throws RequestFailedException if the server could not be reached, or its answer cannot be used
     */
    public LoginOutcome finish(@Nullable LoginAttempt login, @Nullable String query) throws RequestFailedException {
        Callback parsed = Callback.parse(query);
        if (parsed.problem() != null) {
            return mismatched(Reason.FORGED, parsed.problem());
        }
        if (login == null || query == null) {
            return mismatched(Reason.NO_LOGIN, "This browser has not started the login that it came back from");
        }
        Callback received;
        try {
            received = decrypted(parsed); // its state, too
        } catch (IdentityException e) {
            return refused(e, login);
        }
        // Before the server's metadata may have to be fetched: a forged callback must not make us send anything.
        LoginOutcome.Mismatched foreign = foreign(login, received);
        if (foreign != null) {
            return foreign;
        }
        Endpoints endpoints = server.endpoints();
        LoginAttempt.Discovered there = login.discovered();
        if (there != null && !there.clientId().equals(endpoints.clientId())) {
            return mismatched(
                    Reason.STALE,
                    "The application has another client at " + there.issuer() + " than the login was started for");
        }
        if (endpoints.authorization().demandsEncryption() && received.equals(parsed)) {
            return mismatched(Reason.FORGED, "The callback is not encrypted, and this registration demands that it is");
        }
        Callback callback =
                opened(received, endpoints).withCodeFrom(Facts.of(endpoints.provider()).dialect.codeParameter);
        if (callback.problem() != null) {
            return mismatched(Reason.FORGED, callback.problem());
        }
        LoginOutcome.Mismatched mismatch = mismatch(login, callback, query, endpoints);
        if (mismatch != null) {
            return mismatch;
        }
        String error = callback.error();
        if (error != null && callback.code() != null) {
            return mismatched(Reason.FORGED, "The callback holds both an error and a code");
        }
        if (error != null) {
            usedLogins.use(login.state());
            List<String> secrets = Stream.of(login.state(), login.codeVerifier(), login.nonce())
                    .filter(Objects::nonNull)
                    .toList();
            return new LoginOutcome.Declined(
                    Objects.requireNonNullElse(ServerText.harmless(error, secrets), "error"),
                    ServerText.harmless(callback.errorDescription(), secrets),
                    login.appState());
        }
        String code = callback.code();
        if (code == null || !callback.hasCode()) {
            return mismatched(Reason.FORGED, "The callback holds no code");
        }
        Identity named = null;
        if (endpoints.authorization().bringsIdToken()) {
            String idToken = callback.idToken();
            if (idToken == null || login.nonce() == null) {
                return mismatched(
                        Reason.FORGED,
                        "The callback holds no ID token for this login, and this registration demands one");
            }
            try {
                named = signer(login, callback, code, idToken, endpoints);
            } catch (IdentityException e) {
                return refused(e, login);
            }
        }
        if (!usedLogins.use(login.state())) {
            return mismatched(Reason.REPLAYED, "This login was finished before");
        }
        return redeem(login, callback, code, named, endpoints);
    }

    /**
     * The user of the ID token that signs the response (FAPI 1.0 Advanced section 5.2.2.1). Until it is verified, the
     * code may be a stranger's, and is sent nowhere.
     */
    private static Identity signer(
            LoginAttempt login, Callback callback, String code, String idToken, Endpoints endpoints)
            throws IdentityException {
        IdTokens idTokens = Objects.requireNonNull(endpoints.idTokens()); // or the login would not have started
        return idTokens.verify(
                        idToken,
                        new IdTokens.Expected(
                                login.nonce(),
                                callback.issuer(),
                                code,
                                null,
                                null,
                                new IdTokens.Response(login.state(), login.startedAt())))
                .identity();
    }

    private LoginOutcome refused(IdentityException e, LoginAttempt login) throws RequestFailedException {
        return switch (e.kind()) {
            case UNAVAILABLE -> throw new RequestFailedException(e.failure());
            case OTHER_TENANT -> {
                usedLogins.use(login.state());
                yield LoginOutcome.Declined.of(e, login.appState());
            }
            case INVALID, OTHER_LOGIN -> mismatched(Reason.FORGED, String.valueOf(e.getMessage()));
        };
    }

    /** State first: until the callback is known to belong to this browser's login, nothing in it means anything. */
    private LoginOutcome.@Nullable Mismatched foreign(LoginAttempt login, Callback callback) {
        if (!isStateOf(login, callback.stateToLookFor())) {
            return mismatched(Reason.FORGED, "The callback's state is not this login's");
        }
        if (!login.registration().equals(registration)) {
            return mismatched(Reason.MIXED_UP, "The login was started at another registration");
        }
        if (time.now().isAfter(login.startedAt().plus(LIFETIME))) {
            return mismatched(Reason.STALE, "The login was started too long ago");
        }
        return usedLogins.isUsed(login.state()) ? mismatched(Reason.REPLAYED, "This login was finished before") : null;
    }

    private static boolean isStateOf(LoginAttempt login, @Nullable String state) {
        return state != null
                && MessageDigest.isEqual(
                        state.getBytes(StandardCharsets.UTF_8), login.state().getBytes(StandardCharsets.UTF_8));
    }

    private Callback decrypted(Callback callback) throws IdentityException {
        String response = callback.response();
        return response == null || !Decryption.isEncrypted(response)
                ? callback
                : callback.withResponse(decryption.open("authorization response", response));
    }

    /** The callback; out of its signature, where this registration demands one. */
    private static Callback opened(Callback callback, Endpoints endpoints) throws RequestFailedException {
        SignedResponses signedResponses = endpoints.signedResponses();
        String response = callback.response();
        if (callback.idToken() != null && !endpoints.authorization().bringsIdToken()) {
            return Callback.notRequested("id_token");
        }
        if (signedResponses == null) {
            return response == null ? callback : Callback.notRequested("response");
        }
        if (response == null) {
            return Callback.junk("The callback is not signed, and this registration demands that it is");
        }
        try {
            return signedResponses.verify(response);
        } catch (IdentityException e) {
            if (e.kind() == IdentityException.Kind.UNAVAILABLE) {
                throw new RequestFailedException(e.failure());
            }
            return Callback.junk(String.valueOf(e.getMessage()));
        }
    }

    /** Whether the callback comes from this server, as far as the server has a way to show it. */
    private static LoginOutcome.@Nullable Mismatched mismatch(
            LoginAttempt login, Callback callback, String query, Endpoints endpoints) {
        if (!isStateOf(login, callback.state())) { // what a signature holds may differ from what it seemed to hold
            return mismatched(Reason.FORGED, "The callback's state is not this login's");
        }
        Provider provider = endpoints.provider();
        String parameter = Facts.of(provider).dialect.serverParameter;
        String data = parameter == null ? null : callback.others().get(parameter);
        if (data != null && !isTokenServer(data, provider)) {
            return mismatched(
                    Reason.MIXED_UP,
                    "The user's data is at another of the provider's servers, " + ServerText.harmless(data)
                            + ": start again with a registration at that one");
        }
        if (!isFromThisServer(callback.issuer(), provider)) {
            return mismatched(Reason.MIXED_UP, "The callback comes from another authorization server");
        }
        if (!endpoints.authorization().vouchesFor(query)) {
            return mismatched(
                    Reason.FORGED,
                    "The callback does not carry the provider's own signature, made with the client secret. If none does,"
                            + " the secret is not the one that the provider has");
        }
        return null;
    }

    private static boolean isTokenServer(String server, Provider provider) {
        HttpUrl url = HttpUrl.parse(server);
        HttpUrl own = HttpUrl.get(provider.tokenEndpoint().toString());
        return url != null && Origins.same(url, own);
    }

    /** RFC 9207: an answer from another server must not be taken to this one's token endpoint. */
    private static boolean isFromThisServer(@Nullable String issuer, Provider provider) {
        String expected = provider.issuer().orElse(null);
        if (issuer == null || expected == null) {
            return issuer != null || !Facts.of(provider).issuerInCallback;
        }
        return IdTokens.isIssuer(expected, issuer); // the ID token will tell which tenant it is
    }

    private static LoginOutcome.Mismatched mismatched(Reason reason, String explanation) {
        Log.debug("A callback was not accepted: {}", explanation);
        return new LoginOutcome.Mismatched(reason, explanation);
    }

    private LoginOutcome redeem(
            LoginAttempt login, Callback callback, String code, @Nullable Identity named, Endpoints endpoints)
            throws RequestFailedException {
        Answer answer = endpoints
                .token()
                .redeem(code, login.redirectUri(), login.codeVerifier(), login.resources(), login.proofKey());
        if (answer instanceof Answer.Lost lost) {
            revocation.revokeLater(lost.failure());
            throw new RequestFailedException(lost.failure());
        }
        if (answer instanceof Answer.Failure failure) {
            revocation.revokeLater(failure);
            if (failure.isAboutTheGrant()) {
                // The code is the browser's, so this is not a failure of ours.
                return LoginOutcome.Declined.of(failure, login.appState());
            }
            throw new RequestFailedException(failure);
        }
        Provider provider = endpoints.provider();
        TokenResponse response = ((Answer.Tokens) answer).response();
        Set<String> granted = callback.grantedScopes(provider);
        TokenSet tokens = response.toTokenSet(
                        null,
                        granted == null ? login.scopes() : granted,
                        time.now(),
                        Facts.of(provider).defaultLifetime())
                .newBuilder()
                .resources(login.resources())
                .build();
        LoginOutcome outcome = null;
        try {
            outcome = identified(login, callback, code, named, response, tokens, endpoints);
            return outcome;
        } finally {
            if (!(outcome instanceof LoginOutcome.SignedIn)) {
                revocation.revokeLater(tokens);
            }
        }
    }

    private LoginOutcome identified(
            LoginAttempt login,
            Callback callback,
            String code,
            @Nullable Identity named,
            TokenResponse response,
            TokenSet tokens,
            Endpoints endpoints)
            throws RequestFailedException {
        try {
            Identities.Identified user = identity(login, callback.issuer(), code, named, response, tokens, endpoints);
            return new LoginOutcome.SignedIn(
                    GrantRow.of(RowFormat.newName(), tokens.receivedAt(), user.tokens(), user.identity()),
                    user.tokens(),
                    AuthorizationDetails.areAsRequested(login.authorizationDetails(), tokens),
                    callback.others(),
                    login.appState());
        } catch (IdentityException e) {
            return switch (e.kind()) {
                case OTHER_LOGIN -> mismatched(Reason.FORGED, String.valueOf(e.getMessage()));
                case OTHER_TENANT -> LoginOutcome.Declined.of(e, login.appState());
                case INVALID, UNAVAILABLE -> throw new RequestFailedException(e.failure());
            };
        }
    }

    private static Identities.Identified identity(
            LoginAttempt login,
            @Nullable String issuer,
            String code,
            @Nullable Identity named,
            TokenResponse response,
            TokenSet tokens,
            Endpoints endpoints)
            throws IdentityException, RequestFailedException {
        IdTokens idTokens = endpoints.idTokens();
        String nonce = login.nonce();
        if (nonce == null || idTokens == null) {
            return endpoints.identities().unverified(response, tokens);
        }
        String idToken = tokens.idToken().orElse(null);
        if (idToken == null) {
            throw new RequestFailedException(new Answer.Failure(
                    Answer.Kind.MALFORMED,
                    0,
                    null,
                    "openid was requested, and there is no ID token in the answer",
                    null,
                    null));
        }
        IdTokens.Verified verified = idTokens.verify(
                idToken,
                new IdTokens.Expected(nonce, issuer, code, tokens.accessToken(), login.authenticatedAfter(), null));
        verified.checkIsOf(named);
        return endpoints.identities().of(verified, tokens);
    }
}
