/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.testkit.FakeAuthorizationServer;
import dev.grantkeeper.token.SealingKeys;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Future;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;

/** An authorization server with an API, a store, movable time, and as many nodes as a test wants. */
final class Scene implements AutoCloseable {
    static final String CLIENT = "test-client";
    static final String SECRET = "test-client-secret";
    static final String REDIRECT = "http://127.0.0.1:8888/callback";
    static final SealingKeys KEYS = SealingKeys.of("kP3v9Zq7LxW2mT8sRb5nYc4dHf6gJa1e");

    /** Longer than any machine is slow. Tests that wait for the end of a call set a shorter one. */
    static final Duration TOKEN_CALL = Duration.ofSeconds(20);

    final MovingTime time = new MovingTime();
    final MapStore store = new MapStore();
    final OkHttpClient http = new OkHttpClient();
    final List<GrantListener.Event> events = new CopyOnWriteArrayList<>();
    final FakeAuthorizationServer server = FakeAuthorizationServer.start()
            .client(CLIENT, SECRET, REDIRECT)
            .accessTokenLifetime(Duration.ofMinutes(10))
            .time(time.clock());
    private final List<Grantkeeper> nodes = new ArrayList<>();

    private void hear(GrantListener.Event event) {
        synchronized (events) {
            events.add(event);
            events.notifyAll();
        }
    }

    /** Waits for the first event of a kind: some are reported after the callers have been answered. */
    GrantListener.Event await(GrantListener.Kind kind) throws InterruptedException {
        synchronized (events) {
            Optional<GrantListener.Event> found = first(kind);
            while (found.isEmpty()) {
                events.wait(); // the limit of the test ends it
                found = first(kind);
            }
            return found.get();
        }
    }

    private Optional<GrantListener.Event> first(GrantListener.Kind kind) {
        return events.stream().filter(event -> event.kind() == kind).findFirst();
    }

    /** The server as a provider without OpenID Connect. */
    Provider.Builder provider() {
        return Provider.builder("fake")
                .allowHttpOnLoopback()
                .authorizationEndpoint(server.authorizationEndpoint())
                .tokenEndpoint(server.tokenEndpoint())
                .revocationEndpoint(server.revocationEndpoint())
                .deviceAuthorizationEndpoint(server.deviceAuthorizationEndpoint())
                .introspectionEndpoint(server.introspectionEndpoint())
                .profileEndpoint(
                        server.profileEndpoint(), Map.of("sub", "id", "name", "display_name", "email", "email"))
                .apiOrigins(server.url());
    }

    /** A preset, with this server in the place of its own. */
    Provider here(Provider preset) {
        return server.provider(preset);
    }

    /** The server as a provider with OpenID Connect. */
    Provider.Builder openIdProvider() {
        return provider().openId(server.issuer(), server.jwksUri());
    }

    /** A registration at the given provider, complete but for what a test adds. */
    Grantkeeper.Builder registration(Provider provider) {
        return complete(Grantkeeper.builder(provider));
    }

    /** The same at a server that has to be asked first. */
    Grantkeeper.Builder registration(Discovery discovery) {
        return complete(Grantkeeper.builder(discovery));
    }

    private Grantkeeper.Builder complete(Grantkeeper.Builder builder) {
        return builder.clientId(CLIENT)
                .clientSecret(SECRET)
                .redirectUri(REDIRECT)
                .scopes("things.read")
                .tokenStore(store)
                .sealingKeys(KEYS)
                .httpClient(http)
                .listener(this::hear)
                .tokenCallTimeout(TOKEN_CALL)
                .time(time.clock(), time::ticks);
    }

    /** One more node over the same store. */
    Grantkeeper node() {
        return node(registration(provider().build()));
    }

    Grantkeeper node(Grantkeeper.Builder builder) {
        Grantkeeper node = builder.build();
        nodes.add(node);
        return node;
    }

    /** Signs a user in and keeps the grant under the same name. */
    Account signIn(Grantkeeper node, String user) throws IOException {
        return ((LoginResult.SignedIn) login(node, user)).keepAs(user);
    }

    LoginResult login(Grantkeeper node, String user) throws IOException {
        PendingLogin login = node.startLogin();
        return node.finishLogin(login, query(server.approve(login.url().toString(), user)));
    }

    static String query(String callbackUrl) {
        return URI.create(callbackUrl).getRawQuery();
    }

    /** Calls the API; the body names the user whose token arrived. */
    Response call(OkHttpClient client, String path) throws IOException {
        return client.newCall(new Request.Builder().url(server.apiUrl(path)).build())
                .execute();
    }

    int status(OkHttpClient client) throws IOException {
        try (Response response = call(client, "/api/things")) {
            return response.code();
        }
    }

    /** Gives a new user a grant whose access token has expired, as an import would. */
    Account importExpired(Grantkeeper node, String user) throws IOException {
        server.user(user, "User", user, user + "@example.org");
        var issued = server.issue(CLIENT, user, "things.read");
        Account account = node.account(user);
        boolean imported = account.importTokens(TokenSet.builder(issued.accessToken())
                .refreshToken(issued.refreshToken())
                .expiresAt(time.clock().instant().minusSeconds(1))
                .build());
        if (!imported) {
            throw new AssertionError(user + " has a grant already");
        }
        return account;
    }

    /** Lets the access token expire, and a little more. */
    void expire() {
        time.pass(Duration.ofMinutes(10).plusSeconds(1));
    }

    /**
     * Lets time pass while a node waits for another one's attempt, in steps, and a read in each: only a small part of a
     * time without reads counts towards T.
     */
    void passUnderObservation(Duration time, Future<?> waiting) {
        Duration step = Duration.ofMillis(250);
        for (Duration passed = Duration.ZERO; passed.compareTo(time) < 0; passed = passed.plus(step)) {
            int reads = store.finds.get();
            this.time.pass(step);
            while (store.finds.get() == reads && !waiting.isDone()) {
                Thread.onSpinWait();
            }
        }
    }

    @Override
    public void close() {
        nodes.forEach(Grantkeeper::close);
        server.close();
        http.dispatcher().executorService().shutdown();
        http.connectionPool().evictAll();
    }
}
