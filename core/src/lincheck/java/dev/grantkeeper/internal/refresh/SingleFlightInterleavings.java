/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.internal.protocol.Resource;
import dev.grantkeeper.internal.row.RowFormat;
import dev.grantkeeper.internal.answer.Answer;
import dev.grantkeeper.internal.answer.TokenResponse;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.StoredTokens;
import dev.grantkeeper.token.TokenSet;
import dev.grantkeeper.token.TokenStore;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.StressOptions;
import org.jetbrains.lincheck.datastructures.Validate;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * Two nodes over one row whose access token has expired: whoever asks and whenever, everybody gets the same new token,
 * and it costs one request (law 1). Flights run on the threads that ask for them first; there is no other thread.
 */
public class SingleFlightInterleavings {
    private static final AccountKey KEY = new AccountKey("registration", "user");
    private static final Instant NOW = Instant.parse("2026-11-20T12:00:00Z");

    private final AtomicReference<StoredTokens> row = new AtomicReference<>();
    private final AtomicInteger requests = new AtomicInteger();
    private final Refresher one = node();
    private final Refresher two = node();

    public SingleFlightInterleavings() {
        TokenSet expired = TokenSet.builder("old")
                .refreshToken("refresh")
                .receivedAt(NOW.minus(Duration.ofHours(2)))
                .expiresAt(NOW.minus(Duration.ofHours(1)))
                .build();
        row.set(new RowFormat(null).write(KEY, GrantRow.of("login", NOW, expired, null)));
    }

    private Refresher node() {
        Clocks clocks = new Clocks(() -> NOW, () -> 0L, bound -> 0L);
        Memory memory = new Memory(clocks, 10, Duration.ofSeconds(2));
        return new Refresher(new Parts(
                new Rows(new OneRow(), new RowFormat(null), memory, new OwnThread(), new Unheard(), new StoreHealth(clocks, Duration.ofSeconds(2), System::nanoTime)),
                memory,
                new Endpoint(),
                new Timing(Duration.ofSeconds(10), Duration.ofSeconds(5)),
                clocks,
                new Gates(() -> new EndpointGate(clocks, 32, Duration.ofSeconds(1), new OwnThread())),
                new OwnThread(),
                new Unheard()));
    }

    private static String token(Outcome outcome) {
        return outcome instanceof Outcome.Usable usable ? usable.tokens().accessToken() : outcome.toString();
    }

    @Operation
    public String current() {
        return token(one.current(KEY, Resource.OWN).join());
    }

    @Operation
    public String currentOnTheOtherNode() {
        return token(two.current(KEY, Resource.OWN).join());
    }

    @Operation
    public String insteadOfTheExpired() {
        return token(one.insteadOf(KEY, Resource.OWN, "old").join());
    }

    @Validate
    public void oneRequestAtMost() {
        if (requests.get() > 1) {
            throw new AssertionError(requests + " requests");
        }
        if (one.isBusy() || two.isBusy()) {
            throw new AssertionError("A flight was left behind");
        }
    }

    @Test
    void no_race_of_real_threads_makes_two_requests() {
        new StressOptions()
                .threads(3)
                .actorsPerThread(2)
                .actorsBefore(0) // the token has to be expired when they meet
                .iterations(30)
                .invocationsPerIteration(1_000)
                .check(getClass());
    }

    private final class OneRow implements TokenStore {
        @Override
        public Optional<StoredTokens> find(AccountKey key) {
            return Optional.ofNullable(row.get());
        }

        @Override
        public boolean create(AccountKey key, StoredTokens tokens) {
            return false;
        }

        @Override
        public boolean replace(AccountKey key, String version, StoredTokens next) {
            StoredTokens found = row.get();
            return found != null && found.version().equals(version) && row.compareAndSet(found, next);
        }

        @Override
        public boolean delete(AccountKey key, String version) {
            return false;
        }
    }

    private final class Endpoint implements Renewal {
        @Override
        public @Nullable GrantRow begin(AccountKey key) {
            return null;
        }

        @Override
        public boolean possible(GrantRow grant) {
            return true;
        }

        @Override
        public Answer request(GrantRow grant, Resource resource) {
            return new Answer.Tokens(TokenResponse.builder("new" + requests.incrementAndGet())
                    .lifetime(Duration.ofHours(1))
                    .refreshToken("next")
                    .scopes(Set.of())
                    .build());
        }

        @Override
        public TokenSet tokens(GrantRow grant, Resource resource, TokenResponse response, Instant now) {
            return response.toTokenSet(grant.tokens(), Set.of(), now, Optional.empty());
        }

        @Override
        public Provider.Replay replay(GrantRow row) {
            return Provider.Replay.LATE;
        }

        @Override
        public @Nullable Instant consentEndsAt(GrantRow grant) {
            return null;
        }

        @Override
        public void revoke(GrantRow grant, TokenSet tokens) {}
    }

    private static final class OwnThread implements Workers {
        @Override
        public void execute(Runnable task, Urgency urgency) {
            task.run();
        }

        @Override
        public void read(Runnable task) {
            task.run();
        }

        @Override
        public void later(Duration delay, Runnable task) {}

        @Override
        public boolean pause(Duration delay) {
            Thread.onSpinWait();
            return true;
        }

        @Override
        public void close(Duration limit) {}
    }
}
