/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.internal.call.TokenSource;
import dev.grantkeeper.internal.refresh.Logins;
import dev.grantkeeper.internal.refresh.Refresher;
import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.internal.row.RowFormat;
import dev.grantkeeper.internal.wire.Origins;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import java.net.URI;
import java.time.Instant;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import okhttp3.Interceptor;
import okhttp3.OkHttpClient;
import org.jspecify.annotations.Nullable;

/**
 * One user's grant at one provider, whether it exists or not; or the application's own, see
 * {@link Grantkeeper#application()}; or what comes in exchange for a token, see
 * {@link Grantkeeper#account(TokenExchange)}. Cheap to make, immutable, thread-safe.
 *
 * <p>To use one client for many users, wrap it with {@link Grantkeeper#wrap} and set an account as the tag
 * {@code Account.class} of each request.
 */
public final class Account {
    private final Registration registration;
    private final AccountKey key;
    private final Refresher refresher;
    private final Logins logins;
    private final @Nullable Resource resource;
    private final boolean throwsChallenges;

    Account(
            Registration registration,
            AccountKey key,
            Refresher refresher,
            Logins logins,
            @Nullable Resource resource,
            boolean throwsChallenges) {
        this.registration = registration;
        this.key = key;
        this.refresher = refresher;
        this.logins = logins;
        this.resource = resource;
        this.throwsChallenges = throwsChallenges;
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
     * Where an account's tokens go, if not to all of the provider's API origins.
     *
     * @param name one of several APIs that this account has tokens for, as the authorization server calls it;
     *     {@code null} if it has one token only
     * @param origins where its access token may go
     */
    record Resource(@Nullable String name, Set<String> origins) {}

    /**
     * The same account with access tokens for another API: one login, one refresh token, and an access token for each
     * (RFC 8707; Entra ID's scopes of another resource). Each is fetched when it is needed first, stored beside the
     * others, refreshed when it is due, and goes to its own API and nowhere else. What is said of the grant, like
     * {@link #signOut()}, is said of all.
     *
     * <pre>{@code
     * OkHttpClient vault = user.forResource("https://vault.azure.net").wrap(http);
     * }</pre>
     *
     * @param resource the API as the authorization server calls it; an absolute URI without fragment
     * @param apiOrigins where its access token may go: scheme, host and, if it is not the scheme's own, port. Default:
     *     the resource itself, which then has to be an https URL
     * @return a view of this account
     * @throws IllegalArgumentException if that is no resource, or nothing says where its tokens may go
     */
    public Account forResource(String resource, String... apiOrigins) {
        URI uri = URI.create(resource);
        if (!uri.isAbsolute() || uri.getRawFragment() != null) {
            throw new IllegalArgumentException(
                    "A resource is an absolute URI without fragment (RFC 8707 section 2): " + resource);
        }
        if (apiOrigins.length == 0 && !"https".equalsIgnoreCase(uri.getScheme())) {
            throw new IllegalArgumentException("The resource " + resource
                    + " does not tell where its API is: say forResource(resource, \"https://api.example.com\")");
        }
        Provider itsApis = registration
                .provider()
                .newBuilder()
                .apiOrigins(apiOrigins.length == 0 ? new String[] {resource} : apiOrigins)
                .build();
        return new Account(
                registration,
                key,
                refresher,
                logins,
                new Resource(resource, Origins.of(itsApis.apiOrigins())),
                throwsChallenges);
    }

    /**
     * Under which key the grant is stored.
     *
     * @return registration and account
     */
    public AccountKey key() {
        return key;
    }

    TokenSource source() {
        return TokenSource.of(
                refresher,
                key,
                name(),
                resource == null ? registration.apiOrigins() : resource.origins(),
                throwsChallenges);
    }

    private @Nullable String name() {
        return resource == null ? null : resource.name();
    }

    boolean isOf(Registration other) {
        return registration == other;
    }

    /**
     * Wraps a client so that calls to the provider's API origins carry this account's access token. It is refreshed
     * when it is due, stored before it is used, and replaced once when an API rejects it. Calls to other hosts go out
     * as they are, and so do calls that carry their own {@code Authorization}.
     *
     * <p>An API that wants more than this grant gives, and says what, is a {@link LoginRequiredException}, too;
     * {@link #withoutChallengeExceptions()} avoids that. All other answers are returned as they are.
     *
     * <p>Authorised calls bypass the client's {@link okhttp3.Cache}: it would hand one user's answer to another. What
     * goes wrong is an {@link OAuthException}. A call waits at most {@link Grantkeeper.Builder#maxWait} for tokens;
     * under {@code enqueue} it occupies one of the dispatcher's slots meanwhile, {@link #tokensAsync()} first avoids
     * that.
     *
     * @param http the application's client; connections and threads stay shared with it
     * @return a client for this account
     * @throws IllegalArgumentException if it is wrapped for another account already, whose tokens would go to the same
     *     APIs
     */
    public OkHttpClient wrap(OkHttpClient http) {
        return registration.wrap(http, source());
    }

    /**
     * The same account for calls whose answers the caller wants to see as they are. Otherwise a 401 or 403 that names
     * what another login has to ask for is closed, and thrown as a {@link LoginRequiredException}.
     *
     * @return an account to {@link #wrap} a client for, or to set as a request's tag
     */
    public Account withoutChallengeExceptions() {
        return new Account(registration, key, refresher, logins, resource, false);
    }

    /**
     * What {@link #wrap} adds, for who holds a builder. Add it with {@code addInterceptor}, after other interceptors
     * that should not see the token. With {@link Grantkeeper.Builder#dpop()} that client must not follow redirects; one
     * that {@link #wrap} made may.
     *
     * @return an application interceptor
     */
    public Interceptor interceptor() {
        return registration.interceptor(source());
    }

    /**
     * Tokens that are valid now, refreshed if they have to be. For protocols that OkHttp does not speak.
     *
     * @return the tokens
     * @throws LoginRequiredException if the user has to sign in
     * @throws AuthorizationServerException if the authorization server gives no tokens, or does not within
     *     {@link Grantkeeper.Builder#maxWait}
     * @throws TokenStoreException if the store failed and nothing valid is in memory
     * @throws IOException if the thread is interrupted ({@link java.io.InterruptedIOException})
     */
    public TokenSet tokens() throws IOException {
        return registration.tokenWait().tokens(source(), refresher.current(key, name()), null);
    }

    /**
     * The same without waiting.
     *
     * @return completes with the tokens, or with a {@link java.util.concurrent.CompletionException} around what
     *     {@link #tokens()} would throw; cancelling it does not disturb the refresh
     */
    public CompletableFuture<TokenSet> tokensAsync() {
        return registration.tokenWait().tokensAsync(source(), refresher.current(key, name()));
    }

    /**
     * Asks the server about this account's access token (RFC 7662), refreshed if it has to be. Sees what
     * {@link #grant()} cannot: that the server has ended a token before its time.
     *
     * @return what the server says
     * @throws LoginRequiredException if the user has to sign in
     * @throws AuthorizationServerException if the server could not be asked, or does not accept this application, or
     *     makes no sense
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
     * Reads what is stored, without secrets. Answers whether this user is connected, and how.
     *
     * @return the grant, empty if there is none
     * @throws TokenStoreException if the store failed
     */
    public Optional<Grant> grant() throws TokenStoreException {
        return Optional.ofNullable(row()).map(row -> new Grant(row, registration.provider()));
    }

    @Nullable
    GrantRow row() throws TokenStoreException {
        return stored(() -> Optional.ofNullable(logins.find(key))).orElse(null);
    }

    /**
     * Takes over tokens that were obtained elsewhere. Never overwrites: an account that has a grant keeps it.
     *
     * @param tokens the tokens; their time of receipt counts as the time of authorisation
     * @return whether they were stored; {@code false} if the account has a grant
     * @throws TokenStoreException if the store failed
     */
    public boolean importTokens(TokenSet tokens) throws TokenStoreException {
        return importTokens(tokens, tokens.receivedAt());
    }

    /**
     * Takes over tokens that were obtained elsewhere, with the time of the login that they came from. Never overwrites:
     * an account that has a grant keeps it.
     *
     * @param tokens the tokens
     * @param authorizedAt when the user authorised the application, as far as that is known:
     *     {@link Grant#consentEndsAt()} may count from there
     * @return whether they were stored; {@code false} if the account has a grant
     * @throws TokenStoreException if the store failed
     */
    public boolean importTokens(TokenSet tokens, Instant authorizedAt) throws TokenStoreException {
        return stored(() ->
                logins.create(key, registration.pin(GrantRow.of(RowFormat.newName(), authorizedAt, tokens, null))));
    }

    /**
     * Forgets a refusal, and the pause after failures. For operators, after a provider answered {@code invalid_grant}
     * by mistake: the next call tries the stored refresh token again.
     *
     * @throws TokenStoreException if the store failed
     */
    public void clearRefusal() throws TokenStoreException {
        stored(() -> logins.clearRefusal(key));
    }

    /**
     * Removes the grant, then gives its tokens back to the provider, where the provider can take them back (RFC 7009).
     * When it returns, the row is gone, whatever was refreshing meanwhile; that the provider cannot be reached changes
     * nothing.
     *
     * @throws TokenStoreException if the store failed; then the user is still signed in
     */
    public void signOut() throws TokenStoreException {
        stored(() -> logins.signOut(key));
        registration.events().signedOut(key);
    }

    /**
     * Removes the grant without reading it, and gives nothing back to the provider. For rows that cannot be read any
     * more because their sealing key is lost ({@link TokenStoreException.Kind#UNREADABLE}): the user can then sign in
     * again. For all others there is {@link #signOut()}.
     *
     * @throws TokenStoreException if the store failed
     */
    public void forget() throws TokenStoreException {
        stored(() -> logins.forget(key));
        registration.events().signedOut(key);
    }

    /**
     * Seals what is stored under the writing key, if it is under an older one. For operators who retire a key; every
     * refresh does it, too. The grant stays as it is, and may be in use meanwhile.
     *
     * @return whether it was written; {@code false} if it is under the writing key already, or there is no grant
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
        return "Account[" + key + (name() == null ? "" : " for " + name()) + "]";
    }
}
