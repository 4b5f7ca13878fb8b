/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import static org.assertj.core.api.Assertions.assertThat;

import dev.grantkeeper.internal.answer.Answer;
import dev.grantkeeper.internal.answer.TokenResponse;
import dev.grantkeeper.internal.protocol.Resource;
import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.internal.row.RowFormat;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.TokenSet;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A registration that hangs holds up the users of its server, and nobody else: they wait without a thread. */
@Timeout(300)
class AwaitingTest {
    private static final int GRANTS = 1_000;
    private static final int THREADS = 2;
    private static final String HANGING = "https://hanging.example";
    private static final String OTHER = "https://other.example";

    private final Clocks clocks = new Clocks(InstantSource.system(), System::nanoTime);
    private final Workers workers = new WorkerThreads("awaiting", THREADS);
    private final Memory memory = new Memory(clocks, GRANTS + 1, Duration.ofSeconds(2), () -> null);
    private final Rows rows = new Rows(
            new InProcess(),
            new RowFormat(null),
            memory,
            workers,
            new Unheard(),
            new StoreHealth(clocks, Duration.ofSeconds(2), System::nanoTime));
    private final Servers servers = new Servers();
    private final Refresher refresher = new Refresher(new Parts(
            rows,
            memory,
            servers,
            new Timing(Duration.ofSeconds(10), Duration.ofSeconds(5), Duration.ofSeconds(10)),
            clocks,
            new Gates(() -> new EndpointGate(clocks, 32, Duration.ofSeconds(1), workers)),
            workers,
            new Unheard()));

    @AfterEach
    void close() {
        workers.close(Duration.ofSeconds(1));
    }

    /** One server at which nothing is ready, and one at which everything is. */
    private static final class Servers implements Renewal {
        final CompletableFuture<Prepared> registration = new CompletableFuture<>();
        final CountDownLatch waiting = new CountDownLatch(GRANTS);
        final AtomicInteger requests = new AtomicInteger();

        @Override
        public @Nullable GrantRow begin(AccountKey key) {
            return null;
        }

        @Override
        public boolean possible(GrantRow row) {
            return true;
        }

        @Override
        public String endpoint(GrantRow row) {
            return String.valueOf(row.server());
        }

        @Override
        public CompletableFuture<Prepared> prepare(GrantRow row) {
            if (OTHER.equals(row.server())) {
                return CompletableFuture.completedFuture(Prepared.READY);
            }
            waiting.countDown();
            return registration;
        }

        @Override
        public Answer request(GrantRow row, Resource resource) {
            requests.incrementAndGet();
            return new Answer.Tokens(TokenResponse.builder("fresh")
                    .lifetime(Duration.ofHours(1))
                    .refreshToken("next")
                    .build());
        }

        @Override
        public TokenSet tokens(GrantRow row, Resource resource, TokenResponse response, Instant now) {
            return response.toTokenSet(row.tokens(), Set.of(), now, Optional.empty());
        }

        @Override
        public Provider.Replay replay(GrantRow row) {
            return Provider.Replay.LATE;
        }

        @Override
        public @Nullable Instant consentEndsAt(GrantRow row) {
            return null;
        }

        @Override
        public void revoke(GrantRow row, TokenSet tokens) {}
    }

    private AccountKey expired(String user, String server) {
        Instant received = Instant.now().minus(Duration.ofHours(2));
        TokenSet tokens = TokenSet.builder("old")
                .refreshToken("first")
                .receivedAt(received)
                .expiresAt(received.plus(Duration.ofHours(1)))
                .build();
        AccountKey key = new AccountKey("api", user);
        rows.create(key, GrantRow.of("login", received, tokens, null).issuedBy(server, "client"));
        return key;
    }

    @Test
    void a_thousand_grants_that_wait_for_a_registration_hold_no_thread() throws Exception {
        List<CompletableFuture<Outcome>> all = new ArrayList<>();
        for (int i = 0; i < GRANTS; i++) {
            all.add(refresher.current(expired("user" + i, HANGING), Resource.OWN));
        }
        servers.waiting.await();

        Outcome other = refresher.current(expired("other", OTHER), Resource.OWN).get(60, TimeUnit.SECONDS);

        assertThat(other).isInstanceOf(Outcome.Usable.class);
        assertThat(all).noneMatch(CompletableFuture::isDone);
        assertThat(servers.requests).hasValue(1);

        servers.registration.complete(Renewal.Prepared.READY);
        for (CompletableFuture<Outcome> one : all) {
            assertThat(one.get(60, TimeUnit.SECONDS)).isInstanceOf(Outcome.Usable.class);
        }
        assertThat(servers.requests).hasValue(GRANTS + 1);
    }

    /** The one that ends it fails all of them, without a request of their own. */
    @Test
    void a_registration_that_fails_fails_those_who_wait_for_it_at_once() throws Exception {
        List<CompletableFuture<Outcome>> all = new ArrayList<>();
        for (int i = 0; i < GRANTS; i++) {
            all.add(refresher.current(expired("user" + i, HANGING), Resource.OWN));
        }
        servers.waiting.await();

        servers.registration.complete(new Renewal.Prepared(
                new Answer.Failure(Answer.Kind.MISCONFIGURED, 400, "invalid_client_metadata", null, null, null)));

        for (CompletableFuture<Outcome> one : all) {
            assertThat(one.get(60, TimeUnit.SECONDS)).isInstanceOf(Outcome.RequestFailed.class);
        }
        assertThat(servers.requests).hasValue(0);
    }
}
