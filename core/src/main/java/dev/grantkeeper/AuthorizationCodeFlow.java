/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.internal.openid.IdTokens;
import dev.grantkeeper.internal.openid.IdentityException;
import dev.grantkeeper.internal.openid.Profiles;
import dev.grantkeeper.internal.openid.SignedResponses;
import dev.grantkeeper.internal.refresh.Time;
import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.internal.row.RowFormat;
import dev.grantkeeper.internal.wire.Answer;
import dev.grantkeeper.internal.wire.AuthorizationEndpoint;
import dev.grantkeeper.internal.wire.Callback;
import dev.grantkeeper.internal.wire.DPoP;
import dev.grantkeeper.internal.wire.Origins;
import dev.grantkeeper.internal.wire.RequestFailedException;
import dev.grantkeeper.internal.wire.ServerText;
import dev.grantkeeper.internal.wire.TokenEndpoint;
import dev.grantkeeper.internal.wire.TokenResponse;
import dev.grantkeeper.internal.wire.Wanted;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.token.Identity;
import dev.grantkeeper.token.TokenSet;
import java.security.KeyPair;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import okhttp3.HttpUrl;
import org.jspecify.annotations.Nullable;

/**
 * The authorization code flow (RFC 6749 section 4.1) with {@code state}, PKCE (RFC 7636) and OpenID Connect, from the
 * redirect to the tokens. What comes back through the browser is checked in this order: is it readable, is there a
 * login, is it this browser's, this registration's, recent, unused, from this server; only then it is looked at. Stores
 * nothing. Thread-safe.
 */
final class AuthorizationCodeFlow {
    /** How long a user may take to sign in. */
    private static final Duration LOGIN_LIVES = Duration.ofMinutes(10);

    private final Provider provider;
    private final String registration;
    private final boolean formPost;
    private final AuthorizationEndpoint authorizationEndpoint;
    private final TokenEndpoint tokenEndpoint;
    private final @Nullable SignedResponses signedResponses;
    private final DPoP dpop;
    private final @Nullable IdTokens idTokens;
    private final @Nullable Profiles profiles;
    private final Time time;
    private final UsedLogins usedLogins;

    AuthorizationCodeFlow(
            Provider provider,
            String registration,
            boolean formPost,
            AuthorizationEndpoint authorizationEndpoint,
            TokenEndpoint tokenEndpoint,
            @Nullable SignedResponses signedResponses,
            DPoP dpop,
            @Nullable IdTokens idTokens,
            @Nullable Profiles profiles,
            Time time) {
        this.provider = provider;
        this.registration = registration;
        this.authorizationEndpoint = authorizationEndpoint;
        this.formPost = formPost;
        this.tokenEndpoint = tokenEndpoint;
        this.signedResponses = signedResponses;
        this.dpop = dpop;
        this.idTokens = idTokens;
        this.profiles = profiles;
        this.time = time;
        this.usedLogins = new UsedLogins(time.clock(), LOGIN_LIVES);
    }

    PendingLogin start(
            Set<String> wanted,
            Map<String, String> parameters,
            @Nullable String appState,
            @Nullable Duration maxAge,
            @Nullable String comesBackTo)
            throws AuthorizationServerException {
        if (comesBackTo == null) {
            throw new IllegalStateException("A login needs a redirect URI: say redirectUri(…) when building");
        }
        if (wanted.contains("openid") && idTokens == null) {
            throw new IllegalStateException("The scope openid needs a provider that speaks OpenID Connect, and "
                    + provider.name() + " is not known to: say openId(issuer, jwksUri) when describing it");
        }
        if (!wanted.contains("openid")
                && profiles != null
                && provider.profileEndpoint().isEmpty()
                && provider.dialect().identityMembers().isEmpty()) {
            throw new IllegalStateException(provider.name() + " tells who the user is only where openid is asked for:"
                    + " add the scope, or leave fetchProfile() out");
        }
        Map<String, String> all = new LinkedHashMap<>(parameters);
        if (formPost) {
            all.put("response_mode", signedResponses == null ? "form_post" : "form_post.jwt");
        }
        if (maxAge != null) {
            all.put("max_age", Long.toString(maxAge.toSeconds()));
        }
        KeyPair key = dpop.keyForNewGrant();
        AuthorizationEndpoint.Request request;
        try {
            request = authorizationEndpoint.request(comesBackTo, wanted, all, key);
        } catch (RequestFailedException e) {
            throw Failures.of(e.failure());
        }
        return new PendingLogin(
                registration,
                request.state(),
                request.codeVerifier(),
                request.nonce(),
                key,
                comesBackTo,
                request.url(),
                request.urlExpiresAt(),
                wanted,
                parameters.get(Wanted.AUTHORIZATION_DETAILS),
                parameters.get(Wanted.RESOURCE),
                appState,
                time.now(),
                maxAge);
    }

    LoginResult finish(Registration owner, @Nullable PendingLogin login, @Nullable String query)
            throws AuthorizationServerException {
        Callback callback = opened(login, Callback.parse(query));
        LoginResult.Mismatched mismatch = mismatch(login, callback);
        if (mismatch == null && query != null && !authorizationEndpoint.vouchesFor(query)) {
            mismatch = mismatched(
                    LoginResult.Mismatched.Reason.FORGED,
                    "The callback does not carry the provider's own signature, made with the client secret. If none does, the"
                            + " secret is not the one that the provider has");
        }
        if (mismatch != null || login == null) {
            return mismatch != null
                    ? mismatch
                    : mismatched(LoginResult.Mismatched.Reason.NO_LOGIN, "There is no login");
        }
        String appState = login.appState();
        String error = callback.error();
        if (error != null && callback.code() != null) {
            return mismatched(LoginResult.Mismatched.Reason.FORGED, "The callback holds both an error and a code");
        }
        if (error != null) {
            usedLogins.use(login.sessionKey());
            return new LoginResult.Declined(
                    Objects.requireNonNullElse(ServerText.harmless(error), "error"),
                    ServerText.harmless(callback.errorDescription()),
                    appState);
        }
        String code = callback.code();
        if (code == null || !callback.hasCode()) {
            return mismatched(LoginResult.Mismatched.Reason.FORGED, "The callback holds no code");
        }
        if (!usedLogins.use(login.sessionKey())) {
            return mismatched(LoginResult.Mismatched.Reason.REPLAYED, "This login was finished before");
        }
        return redeem(owner, login, callback, code, appState);
    }

    /**
     * The callback, out of its signature where the login demands one. That the state in it is this login's is looked at
     * before anything is verified or fetched: nobody else gets that far.
     */
    private Callback opened(@Nullable PendingLogin login, Callback callback) throws AuthorizationServerException {
        String response = callback.response();
        if (callback.problem() != null || (signedResponses == null && response == null)) {
            return callback;
        }
        if (signedResponses == null) {
            return Callback.junk("The callback holds response, which was not asked for");
        }
        if (response == null) {
            return Callback.junk("The callback is not signed, and this registration demands that it is");
        }
        String state = callback.stateToLookFor();
        if (login == null || state == null || !login.hasState(state)) {
            return callback;
        }
        try {
            return signedResponses.verify(response);
        } catch (IdentityException e) {
            if (e.kind() == IdentityException.Kind.UNAVAILABLE) {
                throw Failures.of(e);
            }
            return Callback.junk(String.valueOf(e.getMessage()));
        }
    }

    /**
     * State first: until it is known that the callback belongs to this browser's login, nothing in it means anything.
     */
    static LoginResult.@Nullable Mismatched foreign(
            String registration, @Nullable PendingLogin login, Callback callback, Instant now) {
        if (callback.problem() != null) {
            return mismatched(LoginResult.Mismatched.Reason.FORGED, callback.problem());
        }
        if (login == null) {
            return mismatched(
                    LoginResult.Mismatched.Reason.NO_LOGIN,
                    "This browser has not begun the login that it came back from");
        }
        String state = callback.stateToLookFor();
        if (state == null || !login.hasState(state)) {
            return mismatched(LoginResult.Mismatched.Reason.FORGED, "The callback's state is not this login's");
        }
        if (!login.registration().equals(registration)) {
            return mismatched(LoginResult.Mismatched.Reason.MIXED_UP, "The login began at another registration");
        }
        return now.isAfter(login.startedAt().plus(LOGIN_LIVES))
                ? mismatched(LoginResult.Mismatched.Reason.STALE, "The login began too long ago")
                : null;
    }

    private LoginResult.@Nullable Mismatched mismatch(@Nullable PendingLogin login, Callback callback) {
        LoginResult.Mismatched foreign = foreign(registration, login, callback, time.now());
        if (foreign != null || login == null) {
            return foreign;
        }
        if (usedLogins.isUsed(login.sessionKey())) {
            return mismatched(LoginResult.Mismatched.Reason.REPLAYED, "This login was finished before");
        }
        String server =
                provider.dialect().serverParameter().map(callback.others()::get).orElse(null);
        if (server != null && !isTokenServer(server)) {
            return mismatched(
                    LoginResult.Mismatched.Reason.MIXED_UP,
                    "The user's data is at another of the provider's servers, " + ServerText.harmless(server)
                            + ": begin again with a registration at that one");
        }
        if (!isFromThisServer(callback.issuer())) {
            return mismatched(
                    LoginResult.Mismatched.Reason.MIXED_UP, "The callback comes from another authorization server");
        }
        return null;
    }

    private boolean isTokenServer(String server) {
        HttpUrl url = HttpUrl.parse(server);
        HttpUrl own = HttpUrl.get(provider.tokenEndpoint().toString());
        return url != null && Origins.of(url).equals(Origins.of(own));
    }

    /** RFC 9207: an answer from another server must not be taken to this one's token endpoint. */
    private boolean isFromThisServer(@Nullable String issuer) {
        String expected = provider.issuer().orElse(null);
        if (issuer == null || expected == null) {
            return issuer != null || !provider.issuerInCallback();
        }
        return IdTokens.isIssuer(expected, issuer); // which tenant it is, the ID token will tell
    }

    private static LoginResult.Mismatched mismatched(LoginResult.Mismatched.Reason reason, String explanation) {
        Log.debug("A callback was not accepted: {}", explanation);
        return new LoginResult.Mismatched(reason, explanation);
    }

    private LoginResult redeem(
            Registration owner, PendingLogin login, Callback callback, String code, @Nullable String appState)
            throws AuthorizationServerException {
        Answer answer = tokenEndpoint.redeem(
                code, login.redirectUri(), login.codeVerifier(), login.resources(), login.proofKey());
        if (answer instanceof Answer.Lost lost) {
            throw Failures.of(lost.failure());
        }
        if (answer instanceof Answer.Failure failure) {
            if (failure.isAboutTheGrant()) {
                // The code is the browser's, so this is no failure of ours.
                return new LoginResult.Declined(
                        Objects.requireNonNullElse(failure.error(), "invalid_grant"), failure.description(), appState);
            }
            throw Failures.of(failure);
        }
        Instant now = time.now();
        TokenResponse response = ((Answer.Tokens) answer).response();
        Set<String> granted = callback.grantedScopes(provider);
        TokenSet tokens = response.toTokenSet(
                        null, granted == null ? login.scopes() : granted, now, provider.defaultLifetime())
                .newBuilder()
                .resources(login.resources())
                .build();
        try {
            Identity identity = identity(login, callback.issuer(), code, response, tokens);
            return new LoginResult.SignedIn(
                    owner,
                    GrantRow.of(RowFormat.newName(), now, tokens, identity),
                    tokens,
                    AuthorizationDetails.areAsRequested(login.authorizationDetails(), tokens),
                    callback.others(),
                    login.appState());
        } catch (IdentityException e) {
            if (e.kind() == IdentityException.Kind.OTHER_LOGIN) {
                return mismatched(LoginResult.Mismatched.Reason.FORGED, String.valueOf(e.getMessage()));
            }
            if (e.kind() == IdentityException.Kind.OTHER_TENANT) {
                return LoginResult.Declined.of(e, appState);
            }
            throw Failures.of(e);
        }
    }

    private @Nullable Identity identity(
            PendingLogin login, @Nullable String issuer, String code, TokenResponse response, TokenSet tokens)
            throws IdentityException, AuthorizationServerException {
        String nonce = login.nonce();
        if (nonce != null && idTokens != null) {
            String idToken = tokens.idToken().orElse(null);
            if (idToken == null) {
                throw new AuthorizationServerException(
                        AuthorizationServerException.Kind.MALFORMED,
                        0,
                        null,
                        "openid was asked for, and there is no ID token in the answer",
                        null,
                        null);
            }
            Identity identity = idTokens.verify(
                    idToken,
                    new IdTokens.Expected(nonce, issuer, code, tokens.accessToken(), login.authenticatedAfter()));
            return profiles == null ? identity : profiles.complete(identity, tokens);
        }
        Identity identity = profiles == null ? null : profiles.fetch(tokens);
        return identity == null ? Identities.told(provider.name(), response) : identity;
    }
}
