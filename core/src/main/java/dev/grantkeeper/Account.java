/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.internal.call.TokenSource;
import dev.grantkeeper.internal.protocol.ApiAddresses;
import dev.grantkeeper.internal.protocol.Resource;
import dev.grantkeeper.internal.provider.ProviderFacts;
import dev.grantkeeper.internal.refresh.Logins;
import dev.grantkeeper.internal.refresh.Refresher;
import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.internal.row.RowFormat;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import java.net.URI;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import okhttp3.Interceptor;
import okhttp3.OkHttpClient;
import org.jspecify.annotations.Nullable;

/**
 * A handle to one account's grant at one provider. The grant need not exist yet. The account is a user's, the
 * application's own ({@link Grantkeeper#application()}), or one whose tokens are exchanged for others
 * ({@link Grantkeeper#account(TokenExchange)}). Cheap to make, immutable, thread-safe.
 *
 * <p>To use one client for many users, wrap it with {@link Grantkeeper#wrap} and set an account as the tag
 * {@code Account.class} of each request.
 */
public final class Account {
    private final Registration registration;
    private final AccountKey key;
    private final Refresher refresher;
    private final Logins logins;
    private final @Nullable Api api;
    private final boolean throwsChallenges;
    private final TokenSource source;

    Account(
            Registration registration,
            AccountKey key,
            Refresher refresher,
            Logins logins,
            @Nullable Api api,
            boolean throwsChallenges) {
        this.registration = registration;
        this.key = key;
        this.refresher = refresher;
        this.logins = logins;
        this.api = api;
        this.throwsChallenges = throwsChallenges;
        ApiAddresses addresses = api == null ? registration.apiAddresses() : api.addresses();
        this.source = registration.source(TokenSource.of(refresher, key, resource(), addresses, throwsChallenges));
    }

    static Account of(Registration registration, String accountId) {
        return new Account(
                registration,
                registration.key(accountId),
                registration.engine().users(),
                registration.engine().logins(),
                null,
                true);
    }

    /**
     * The destination of an account's tokens, if it is not all of the provider's API origins.
     *
     * @param resource what the access token is for
     * @param addresses the addresses that it may be sent to
     */
    record Api(Resource resource, ApiAddresses addresses) {}

    /**
     * Returns the same account with access tokens for another API: one login, one refresh token, and an access token
     * for each API (RFC 8707; Entra ID's scopes of another resource). Each token is fetched when a call first needs it,
     * stored beside the others, refreshed when it is due, and sent to its own API only. Operations on the grant, such
     * as {@link #signOut()}, affect every resource.
     *
     * <pre>{@code
     * OkHttpClient vault = user.forResource("https://vault.azure.net").wrap(http);
     * }</pre>
     *
     * @param resource the API as the authorization server calls it; an absolute URI without fragment
     * @param apiOrigins the origins that its access token may be sent to: scheme, host and, unless it is the scheme's
     *     default, port. Default: that of the resource, which then has to be an https URL
     * @return a view of this account
     * @throws IllegalArgumentException if this is not a resource, or the origins are missing
     */
    public Account forResource(String resource, String... apiOrigins) {
        URI uri = URI.create(resource);
        if (!uri.isAbsolute() || uri.getRawFragment() != null) {
            throw new IllegalArgumentException(
                    "A resource is an absolute URI without fragment (RFC 8707 section 2): " + resource);
        }
        if (apiOrigins.length == 0 && !"https".equalsIgnoreCase(uri.getScheme())) {
            throw new IllegalArgumentException("The resource " + resource
                    + " is not an https URL of its API: call forResource(resource, \"https://api.example.com\")");
        }
        boolean hasOrigin = uri.getHost() != null && uri.getRawUserInfo() == null;
        String origin = hasOrigin ? ProviderFacts.origin(uri) : resource; // which is then refused with the reason
        Provider itsApis = registration
                .provider()
                .newBuilder()
                .apiOrigins(apiOrigins.length == 0 ? new String[] {origin} : apiOrigins)
                .build();
        return new Account(
                registration,
                key,
                refresher,
                logins,
                new Api(Resource.named(resource), ApiAddresses.of(itsApis.apiOrigins())),
                throwsChallenges);
    }

    /**
     * The key that the grant is stored under.
     *
     * @return registration and account
     */
    public AccountKey key() {
        return key;
    }

    TokenSource source() {
        return source;
    }

    private Resource resource() {
        return api == null ? Resource.OWN : api.resource();
    }

    Registration registration() {
        return registration;
    }

    boolean isOf(Registration other) {
        return registration == other;
    }

    /**
     * Wraps a client so that calls to the provider's API origins carry this account's access token. The token is
     * refreshed when it is due, stored before it is used, and replaced once when an API rejects it. Calls to other
     * hosts, and calls with their own {@code Authorization}, are sent unchanged.
     *
     * <p>The response to the repeated call is returned, whatever it is. If new tokens are rejected as well, so is a
     * second 401: for 30 s, or a tenth of their lifetime if that is shorter, no others are requested, and 401s are
     * returned as they are. The log says so once.
     *
     * <p>An API's demand for more than this grant has (scopes, a stronger authentication, claims) is a
     * {@link LoginRequiredException}, too, unless {@link #withoutChallengeExceptions()} is called. All other responses
     * are returned unchanged.
     *
     * <p>Authorized calls bypass the client's {@link okhttp3.Cache}: it would serve one user's response to another.
     * Every failure is an {@link OAuthException}. A call waits at most {@link Grantkeeper.Builder#maxWait} for tokens.
     * Under {@code enqueue} it occupies one of the dispatcher's slots meanwhile; call {@link #tokensAsync()} first to
     * avoid that.
     *
     * @param http the application's client; connections and threads stay shared with it
     * @return a client for this account
     * @throws IllegalArgumentException if the client is already wrapped for another account, or for another resource of
     *     this one, whose tokens would be sent to the same APIs
     * @throws IllegalStateException if the provider has no API origins, and no call could carry a token
     */
    public OkHttpClient wrap(OkHttpClient http) {
        return registration.wrap(http, source());
    }

    /**
     * Returns the same account for callers that handle challenges themselves. Otherwise a 401 or 403 that names what
     * another login has to request is closed, and thrown as a {@link LoginRequiredException}.
     *
     * @return an account to {@link #wrap} a client for, or to set as a request's tag
     */
    public Account withoutChallengeExceptions() {
        return new Account(registration, key, refresher, logins, api, false);
    }

    /**
     * The interceptor that {@link #wrap} installs, for callers that configure an {@code OkHttpClient.Builder}
     * themselves. Add it with {@code addInterceptor}, after other interceptors that should not see the token. With
     * {@link Grantkeeper.Builder#dpop()} that client must not follow redirects; a client that {@link #wrap} made may.
     *
     * @return an application interceptor
     * @throws IllegalStateException if the provider has no API origins, and no call could carry a token
     */
    public Interceptor interceptor() {
        return registration.interceptor(source());
    }

    /**
     * Returns valid tokens, refreshed if necessary. For protocols other than HTTP; other HTTP clients call
     * {@link #authorization}.
     *
     * @return the tokens
     * @throws LoginRequiredException if the user has to sign in
     * @throws AuthorizationServerException if the authorization server issues no tokens, or does not within
     *     {@link Grantkeeper.Builder#maxWait}
     * @throws TokenStoreException if the store failed and nothing valid is in memory
     * @throws OAuthException after {@link Grantkeeper#close}, if nothing valid is in memory
     * @throws IOException if the thread is interrupted ({@link java.io.InterruptedIOException})
     */
    public TokenSet tokens() throws IOException {
        return registration.tokenWait().tokens(source(), refresher.current(key, resource()), null);
    }

    /**
     * Asynchronous variant of {@link #tokens()}; no thread blocks.
     *
     * @return completes with the tokens, or exceptionally with a {@link java.util.concurrent.CompletionException}
     *     around what {@link #tokens()} would throw; cancelling it does not disturb the refresh
     */
    public CompletableFuture<TokenSet> tokensAsync() {
        return registration.tokenWait().tokensAsync(source(), refresher.current(key, resource()));
    }

    /**
     * Returns tokens to use in place of some that an API rejected: what the interceptor does after a 401, for protocols
     * other than HTTP. Try again once with the result.
     *
     * <p>However many callers report the same tokens, one request is made; none if they were replaced already, by
     * whichever node, and the replacement is then returned. The same tokens are returned if new ones would be of no
     * use: they were themselves requested because of a rejection, less than 30 s ago or, if shorter, a tenth of their
     * lifetime. Then the cause is something else: a missing permission, another audience, the API itself. Report the
     * API's answer as an error, and do not call this method in a loop.
     *
     * <pre>{@code
     * TokenSet tokens = account.tokens();
     * if (!mail.authenticate(user, tokens.accessToken())) {
     *     TokenSet others = account.tokensInsteadOf(tokens);
     *     if (others.equals(tokens) || !mail.authenticate(user, others.accessToken())) {
     *         throw new IOException("The mail server rejects new tokens, too");
     *     }
     * }
     * }</pre>
     *
     * @param rejected the tokens that were rejected, as {@link #tokens()} of this account returned them. For an account
     *     of {@link #forResource} these are the tokens of that resource
     * @return other tokens, or the same
     * @throws LoginRequiredException if the user has to sign in, for example because there is no refresh token
     * @throws AuthorizationServerException if the authorization server issues no tokens, or does not within
     *     {@link Grantkeeper.Builder#maxWait}
     * @throws TokenStoreException if the store failed and nothing valid is in memory
     * @throws OAuthException after {@link Grantkeeper#close}, if nothing valid is in memory
     * @throws IOException if the thread is interrupted ({@link java.io.InterruptedIOException})
     */
    public TokenSet tokensInsteadOf(TokenSet rejected) throws IOException {
        TokenSource source = source();
        return registration.tokenWait().insteadOf(source, rejected, null).tokens();
    }

    /**
     * Asynchronous variant of {@link #tokensInsteadOf}; no thread blocks.
     *
     * @param rejected the tokens that were rejected
     * @return completes with the tokens, or exceptionally with a {@link java.util.concurrent.CompletionException}
     *     around what {@link #tokensInsteadOf} would throw; cancelling it does not disturb the refresh
     */
    public CompletableFuture<TokenSet> tokensInsteadOfAsync(TokenSet rejected) {
        TokenSource source = source();
        return registration.tokenWait().tokensAsync(source, source.insteadOf(rejected.accessToken()));
    }

    /**
     * Returns what authorizes a request of another HTTP client than OkHttp: the header with a valid access token,
     * refreshed if necessary, and afterwards what its response means. Requests to URLs that are not the account's APIs
     * are to be sent as they are: the token would be disclosed there.
     *
     * @param url the URL of the request. The client must not follow redirects with the header to another origin
     * @return the authorization; empty if the token is not sent to this URL
     * @throws LoginRequiredException if the user has to sign in
     * @throws AuthorizationServerException if the authorization server issues no tokens, or does not within
     *     {@link Grantkeeper.Builder#maxWait}
     * @throws TokenStoreException if the store failed and nothing valid is in memory
     * @throws OAuthException if the token is bound to a key (DPoP) or is not an access token: a header does not
     *     authorize the request then. Also after {@link Grantkeeper#close}, if nothing valid is in memory
     * @throws IOException if the thread is interrupted ({@link java.io.InterruptedIOException})
     */
    public Optional<RequestAuthorization> authorization(URI url) throws IOException {
        return RequestAuthorization.of(registration, source(), url);
    }

    /**
     * Asynchronous variant of {@link #authorization}; no thread blocks.
     *
     * @param url the URL of the request
     * @return completes with the authorization, or exceptionally with a
     *     {@link java.util.concurrent.CompletionException} around what {@link #authorization} would throw; cancelling
     *     it does not disturb the refresh
     */
    public CompletableFuture<Optional<RequestAuthorization>> authorizationAsync(URI url) {
        return RequestAuthorization.ofAsync(registration, source(), url);
    }

    /**
     * Introspects this account's access token at the server (RFC 7662), after refreshing it if necessary. It shows what
     * {@link #grant()} cannot: that the server has revoked a token before its expiry.
     *
     * @return the server's answer
     * @throws LoginRequiredException if the user has to sign in
     * @throws AuthorizationServerException if the authorization server is unreachable, its response is malformed, or it
     *     rejects this client
     * @throws TokenStoreException if the store failed and nothing valid is in memory
     * @throws IOException if the thread is interrupted ({@link java.io.InterruptedIOException})
     * @throws IllegalStateException if the provider has no introspection endpoint
     */
    public Introspection introspect() throws IOException {
        TokenSet tokens = tokens();
        GrantRow row = row();
        if (row != null) {
            registration.checkIsFromThere(row);
        }
        return registration.introspect(tokens.accessToken());
    }

    /**
     * Reads the stored grant, without secrets: whether this user is connected, and how.
     *
     * @return the grant; empty if there is none
     * @throws TokenStoreException if the store failed
     */
    public Optional<Grant> grant() throws TokenStoreException {
        Logins.Found found = stored(() -> Optional.ofNullable(logins.look(key))).orElse(null);
        if (found == null) {
            return Optional.empty();
        }
        if (found.hasRunOut()) {
            registration.events().ranOut(key, found.row().login());
        }
        return Optional.of(new Grant(found.row(), registration.provider(), found.hasRunOut()));
    }

    @Nullable
    GrantRow row() throws TokenStoreException {
        return stored(() -> Optional.ofNullable(logins.find(key))).orElse(null);
    }

    /**
     * Imports tokens that were obtained elsewhere. It never overwrites: an account with a grant keeps it.
     *
     * @param tokens the tokens; their time of receipt counts as the time of authorization
     * @return whether they were stored; {@code false} if the account has a grant
     * @throws TokenStoreException if the store failed
     */
    public boolean importTokens(TokenSet tokens) throws TokenStoreException {
        return importTokens(tokens, tokens.receivedAt());
    }

    /**
     * Imports tokens that were obtained elsewhere, with the time of their login. It never overwrites: an account with a
     * grant keeps it.
     *
     * @param tokens the tokens
     * @param authorizedAt the time of the user's authorization, as far as it is known: {@link Grant#consentEndsAt()}
     *     may count from there
     * @return whether they were stored; {@code false} if the account has a grant
     * @throws TokenStoreException if the store failed
     */
    public boolean importTokens(TokenSet tokens, Instant authorizedAt) throws TokenStoreException {
        return stored(() ->
                logins.create(key, registration.pin(GrantRow.of(RowFormat.newName(), authorizedAt, tokens, null))));
    }

    /**
     * Clears a recorded refusal and any back-off, so that the next call tries the stored refresh token again. For
     * operators, after a provider answered {@code invalid_grant} by mistake.
     *
     * @throws TokenStoreException if the store failed
     */
    public void clearRefusal() throws TokenStoreException {
        stored(() -> logins.clearRefusal(key));
    }

    /**
     * Removes the grant, then revokes its tokens if the provider supports revocation (RFC 7009). When it returns, the
     * row is gone, whatever refresh was under way. An unreachable provider changes nothing.
     *
     * @throws TokenStoreException if the store failed; then the user is still signed in
     */
    public void signOut() throws TokenStoreException {
        stored(() -> logins.signOut(key));
        registration.events().signedOut(key);
    }

    /**
     * Removes the grant without reading it, and revokes nothing. For rows that can no longer be read because their
     * sealing key is lost ({@link TokenStoreException.Kind#UNREADABLE}): the user can then sign in again. For all
     * others use {@link #signOut()}.
     *
     * @throws TokenStoreException if the store failed
     */
    public void forget() throws TokenStoreException {
        stored(() -> logins.forget(key));
        registration.events().signedOut(key);
    }

    /**
     * Seals the stored grant under the writing key, if it is sealed under an older one. For operators who retire a key;
     * every refresh does the same. The grant is unchanged, and may be in use meanwhile.
     *
     * @return whether it was written; {@code false} if it is sealed under the writing key already, or there is no grant
     * @throws TokenStoreException if the store failed, or if the row cannot be read
     * @see dev.grantkeeper.token.SealingKeys
     */
    public boolean reseal() throws TokenStoreException {
        return stored(() -> logins.reseal(key));
    }

    private interface Query<T> {
        T run() throws IOException;
    }

    private interface Update {
        void run() throws IOException;
    }

    private static <T> T stored(Query<T> query) throws TokenStoreException {
        try {
            return query.run();
        } catch (IOException e) {
            throw Exceptions.of(e);
        }
    }

    private static void stored(Update update) throws TokenStoreException {
        boolean unused = stored(() -> {
            update.run();
            return true;
        });
    }

    @Override
    public String toString() {
        return "Account[" + key + (resource().isOwn() ? "" : " for " + resource()) + "]";
    }
}
