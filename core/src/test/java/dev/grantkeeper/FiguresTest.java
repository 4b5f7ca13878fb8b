/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.StoredTokens;
import dev.grantkeeper.token.TokenSet;
import dev.grantkeeper.token.TokenStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import mockwebserver3.Dispatcher;
import mockwebserver3.MockResponse;
import mockwebserver3.RecordedRequest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * The figures in the module's README, laws 18 and 19: what healthy users notice of others' trouble, and what nodes that
 * wait for one refresh cost the store. They are written to {@code target/figures.md}, too.
 */
@Timeout(300)
class FiguresTest {
    private static final int HEALTHY = 40;
    private static final Duration REFRESH = Duration.ofSeconds(5);

    private final List<String> table = new ArrayList<>();

    /** A server and a node; tokens whose names begin with {@code hang} and {@code shard} meet trouble. */
    private static final class Town implements AutoCloseable {
        final MockProvider mock = new MockProvider();
        final CountDownLatch released = new CountDownLatch(1);
        volatile Duration latency = Duration.ZERO;

        Town() {
            mock.server.setDispatcher(new Dispatcher() {
                @Override
                public MockResponse dispatch(RecordedRequest request) throws InterruptedException {
                    var form = MockProvider.form(request);
                    String token = form.getOrDefault("refresh_token", form.getOrDefault("assertion", ""));
                    if (token.startsWith("hang")) {
                        released.await();
                    }
                    MockResponse answer = token.startsWith("poisoned")
                            ? MockProvider.json(400, "{\"error\":\"unauthorized_client\"}")
                            : token.startsWith("made-up")
                                    ? MockProvider.json(400, "{\"error\":\"invalid_request\"}")
                                    : MockProvider.tokens();
                    return answer.newBuilder()
                            .headersDelay(latency.toMillis(), TimeUnit.MILLISECONDS)
                            .build();
                }
            });
        }

        Grantkeeper.Builder registration() {
            return mock.registration(mock.provider())
                    .tokenStore(new Store())
                    .tokenCallTimeout(Duration.ofSeconds(10))
                    .maxWait(Duration.ofMinutes(2));
        }

        Account user(Grantkeeper node, String name, Duration left) throws IOException {
            Account user = node.account(name);
            Instant now = mock.time.clock().instant();
            user.importTokens(TokenSet.builder("old-" + name)
                    .refreshToken(name)
                    .receivedAt(now.minus(Duration.ofMinutes(10)))
                    .expiresAt(now.plus(left))
                    .build());
            return user;
        }

        Account expired(Grantkeeper node, String name) throws IOException {
            return user(node, name, Duration.ofSeconds(-1));
        }

        /** Begins refreshes that hang at the server. */
        void hang(Grantkeeper node, int requests) throws IOException {
            int before = mock.server.getRequestCount();
            for (int i = 0; i < requests; i++) {
                expired(node, "hang" + i).tokensAsync();
            }
            while (mock.server.getRequestCount() < before + requests) {
                Thread.onSpinWait();
            }
        }

        @Override
        public void close() {
            released.countDown();
            mock.close();
        }

        /** The store, whose reads hang for some. */
        private final class Store implements TokenStore {
            @Override
            public Optional<StoredTokens> find(AccountKey key) throws IOException {
                if (key.account().startsWith("shard")) {
                    try {
                        released.await();
                    } catch (InterruptedException e) {
                        throw new IOException(e);
                    }
                }
                return mock.store.find(key);
            }

            @Override
            public boolean create(AccountKey key, StoredTokens tokens) throws IOException {
                return mock.store.create(key, tokens);
            }

            @Override
            public boolean replace(AccountKey key, String version, StoredTokens next) throws IOException {
                return mock.store.replace(key, version, next);
            }

            @Override
            public boolean delete(AccountKey key, String version) throws IOException {
                return mock.store.delete(key, version);
            }
        }
    }

    /** The trouble before the call of a healthy user. */
    private interface Trouble {
        void before(int user) throws IOException;
    }

    /** Lets healthy users with expired tokens call, one after another, and adds a line to the table. */
    private void serve(String beside, Town town, Grantkeeper node, Trouble trouble) throws Exception {
        int served = 0;
        long longest = 0;
        for (int i = 0; i < HEALTHY; i++) {
            trouble.before(i);
            Account user = town.expired(node, "healthy" + i);
            long began = town.mock.time.ticks();
            try {
                user.tokensAsync().get(3, TimeUnit.MINUTES);
                served++;
            } catch (ExecutionException e) {
                assertThat(e).hasCauseInstanceOf(OAuthException.class);
            }
            longest = Math.max(longest, town.mock.time.ticks() - began);
        }
        table.add(String.format(
                Locale.ROOT, "| %s | %d | %d | %.2f s |", beside, served, HEALTHY - served, longest / 1e9));
        assertThat(served).as(beside).isEqualTo(HEALTHY);
    }

    private static void fails(Account account) {
        assertThatThrownBy(account::tokens).isInstanceOf(OAuthException.class);
    }

    @Test
    void laws_18_and_19_the_figures_of_the_readme() throws Exception {
        table.add("| 40 users with expired tokens, beside | served | failed | longest wait |");
        table.add("|---|---|---|---|");
        try (Town town = new Town()) {
            Grantkeeper node = town.mock.node(town.registration());
            town.expired(node, "first").tokens(); // whatever is loaded and compiled for it
            serve("nothing", town, node, i -> {});
        }
        try (Town town = new Town()) {
            Grantkeeper node = town.mock.node(town.registration());
            Account poisoned = town.expired(node, "poisoned");
            serve("one grant that is refused as `unauthorized_client`, asked for 3 times a minute", town, node, i -> {
                for (int again = 0; again < 3; again++) {
                    fails(poisoned);
                    town.mock.time.pass(Duration.ofSeconds(20));
                }
            });
        }
        try (Town town = new Town()) {
            Grantkeeper node = town.mock.node(town.registration());
            serve("a stranger who has a made-up token exchanged each second", town, node, i -> {
                fails(node.account(TokenExchange.onBehalfOf("made-up" + i)));
                town.mock.time.pass(Duration.ofSeconds(1));
            });
        }
        try (Town town = new Town()) {
            Grantkeeper node = town.mock.node(town.registration());
            town.latency = Duration.ofMillis(250);
            for (int i = 0; i < 3_000; i++) {
                town.user(node, "background" + i, Duration.ofSeconds(45)).tokens();
            }
            serve("3,000 refreshes that nobody waits for, of 0.25 s each", town, node, i -> {});
        }
        try (Town town = new Town()) {
            town.hang(town.mock.node(town.registration()), 64);
            Grantkeeper node = town.mock.node(town.registration());
            for (int i = 0; i < 64; i++) {
                node.account("hang" + i).tokensAsync();
            }
            serve("64 users whose refresh another node began and never ends", town, node, i -> {});
        }
        try (Town town = new Town()) {
            Grantkeeper node = town.mock.node(town.registration());
            town.hang(node, 32);
            for (int i = 0; i < 32; i++) {
                node.account("shard" + i).tokensAsync();
            }
            serve("32 token requests and 32 reads of the store that hang", town, node, i -> {});
        }
        table.add("");
        table.add("| nodes that wait for a refresh of 5 s | reads of its row | per node |");
        table.add("|---|---|---|");
        ExecutorService counts = Executors.newCachedThreadPool(); // they wait for their servers, each for 5 s
        List<Future<String>> lines = new ArrayList<>();
        for (int nodes : new int[] {1, 10, 50}) {
            lines.add(counts.submit(() -> countReads(nodes)));
        }
        counts.shutdown();
        for (Future<String> line : lines) {
            table.add(line.get());
        }
        Files.write(Path.of("target", "figures.md"), table);
        table.forEach(System.out::println);
    }

    private static String countReads(int nodes) throws Exception {
        try (Scene scene = new Scene()) {
            List<Account> accounts = new ArrayList<>();
            AtomicInteger finds = scene.store.finds;
            scene.server.latency(REFRESH);
            for (int i = 0; i < nodes; i++) {
                Grantkeeper node = scene.node(
                        scene.registration(scene.provider().build()).tokenCallTimeout(Duration.ofSeconds(10)));
                accounts.add(i == 0 ? scene.importExpired(node, "alice") : node.account("alice"));
            }
            finds.set(0);
            List<CompletableFuture<TokenSet>> calls =
                    accounts.stream().map(Account::tokensAsync).toList();
            for (CompletableFuture<TokenSet> call : calls) {
                assertThat(call.get(1, TimeUnit.MINUTES)).isNotNull();
            }
            assertThat(scene.server.refreshRequests()).isEqualTo(1);
            double perNode = finds.get() / (double) nodes;
            assertThat(perNode).as("%s nodes", nodes).isLessThanOrEqualTo(10);
            return String.format(Locale.ROOT, "| %d | %d | %.1f |", nodes, finds.get(), perNode);
        }
    }
}
