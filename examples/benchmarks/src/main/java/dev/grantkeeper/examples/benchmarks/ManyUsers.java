/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.benchmarks;

import dev.grantkeeper.Account;
import dev.grantkeeper.Grantkeeper;
import dev.grantkeeper.store.memory.MemoryTokenStore;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.StoredTokens;
import dev.grantkeeper.token.TokenStore;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import okhttp3.Interceptor;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;

/**
 * A process that sends calls for random users of few and of many, in turns, and prints the medians. They are measured
 * in one process, since a machine is not the same for a minute.
 */
final class ManyUsers {
    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

    private static final List<Transport> TRANSPORTS =
            List.of(Transport.INTERCEPTOR, Transport.CONNECTION, Transport.SOCKET);
    private static final int CALLS = 2_000;
    private static final int WARM_UP = 10_000;

    /** The number of rows that are written or read at once before measuring starts. */
    private static final int AT_ONCE = 100;

    /** The time for which a row is trusted, once it has been seen unchanged for as long; nothing expires in it. */
    private static final Duration TRUST = Duration.ofHours(1);

    /** The time by which Grantkeeper's clocks are ahead of the machine's. */
    private static final AtomicLong PASSED = new AtomicLong();

    /** The part that is remembered. */
    enum Cache {
        BY_HAND,
        REMEMBERED,
        READ
    }

    /** A store that counts reads. */
    private record CountingStore(TokenStore store, AtomicLong reads) implements TokenStore {
        @Override
        public Optional<StoredTokens> find(AccountKey key) throws IOException {
            reads.incrementAndGet();
            return store.find(key);
        }

        @Override
        public boolean create(AccountKey key, StoredTokens tokens) throws IOException {
            return store.create(key, tokens);
        }

        @Override
        public boolean replace(AccountKey key, String version, StoredTokens next) throws IOException {
            return store.replace(key, version, next);
        }

        @Override
        public boolean delete(AccountKey key, String version) throws IOException {
            return store.delete(key, version);
        }
    }

    /** One number of users. */
    private static final class Group {
        private final SplittableRandom dice = new SplittableRandom(1);
        private final Cache cache;
        private final int users;
        private final AtomicLong reads = new AtomicLong();
        private final Grantkeeper grantkeeper;
        private final Map<String, String> tokens = new ConcurrentHashMap<>();
        private final Map<Transport, OkHttpClient> apis = new EnumMap<>(Transport.class);
        private final Map<Transport, Figures> nanos = new EnumMap<>(Transport.class);
        private final Request request = Transport.CONNECTION.request(); // the interceptor answers for any address
        private long calls;

        Group(Cache cache, int users, MemoryTokenStore store) {
            this.cache = cache;
            this.users = users;
            Grantkeeper.Builder builder = GrantkeeperWays.builder(Transport.CONNECTION, new CountingStore(store, reads))
                    .time(() -> Instant.now().plusNanos(PASSED.get()), () -> System.nanoTime() + PASSED.get());
            switch (cache) {
                case REMEMBERED -> builder.storeCacheSize(users).storeCacheTime(TRUST);
                case READ -> builder.storeCacheSize(1).storeCacheTime(Duration.ZERO);
                case BY_HAND -> {}
            }
            this.grantkeeper = builder.build();
            for (Transport transport : TRANSPORTS) {
                OkHttpClient client = transport.client();
                apis.put(
                        transport,
                        transport.ending(
                                cache == Cache.BY_HAND
                                        ? client.newBuilder()
                                                .addInterceptor(this::byHand)
                                                .build()
                                        : grantkeeper.wrap(client)));
                nanos.put(transport, new Figures());
            }
        }

        private static String name(int user) {
            return "user-" + user;
        }

        /** Signs all users in, many at once: each waits for a worker thread, and one after the other takes minutes. */
        void signIn() {
            AtomicInteger next = new AtomicInteger();
            CompletableFuture<?>[] all = new CompletableFuture<?>[AT_ONCE];
            Arrays.setAll(
                    all,
                    number -> CompletableFuture.runAsync(
                            () -> {
                                for (int user = next.getAndIncrement(); user < users; user = next.getAndIncrement()) {
                                    if (cache == Cache.BY_HAND) {
                                        tokens.put(name(user), Tokens.received(Tokens.ACCESS_TOKEN));
                                    } else {
                                        GrantkeeperWays.importTokens(grantkeeper, name(user));
                                    }
                                }
                            },
                            runnable -> new Thread(runnable, "sign-in").start()));
            CompletableFuture.allOf(all).join();
        }

        /** Reads all rows once more, so that they have been seen unchanged, and sends the first call of each user. */
        void remember() throws IOException {
            for (int first = 0; first < users; first += AT_ONCE) {
                List<CompletableFuture<?>> read = new ArrayList<>();
                for (int user = first; user < Math.min(users, first + AT_ONCE); user++) {
                    read.add(grantkeeper.account(name(user)).tokensAsync());
                }
                read.forEach(CompletableFuture::join);
            }
            for (int user = 0; user < users; user++) {
                call(Transport.INTERCEPTOR, user);
            }
        }

        private Response byHand(Interceptor.Chain chain) throws IOException {
            String user = String.valueOf(chain.request().tag(String.class));
            return chain.proceed(chain.request()
                    .newBuilder()
                    .header("Authorization", PlainWays.header(String.valueOf(tokens.get(user))))
                    .build());
        }

        private void call(Transport transport, int user) throws IOException {
            Request.Builder its = request.newBuilder();
            if (cache == Cache.BY_HAND) {
                its.tag(String.class, name(user));
            } else {
                its.tag(Account.class, grantkeeper.account(name(user)));
            }
            PlainWays.send(get(apis, transport), its.build());
        }

        void measure(boolean counts) throws IOException {
            for (Transport transport : TRANSPORTS) {
                long start = cpuTime();
                for (int i = 0; i < CALLS; i++) {
                    call(transport, dice.nextInt(users));
                }
                if (counts) {
                    calls += CALLS;
                    get(nanos, transport).add((cpuTime() - start) / (double) CALLS);
                }
            }
        }

        void countFromNow() {
            reads.set(0);
        }

        /** Fails unless the rows were read as often as the name of what is measured says. */
        void check() {
            boolean right = switch (cache) {
                case BY_HAND -> reads.get() == 0;
                // A node that hears nothing from its store reads a row every few seconds all the same.
                case REMEMBERED -> reads.get() <= calls / 1_000;
                case READ -> reads.get() >= calls;
            };
            if (!right) {
                throw new IllegalStateException(
                        cache + ", " + users + " users: " + reads + " reads in " + calls + " calls");
            }
        }

        void print() {
            nanos.forEach((transport, its) -> System.out.println(
                    cache + "," + transport + "," + users + "," + its.median() + "," + reads + "," + calls));
        }
    }

    private ManyUsers() {}

    private static <T> T get(Map<Transport, T> map, Transport transport) {
        T found = map.get(transport);
        if (found == null) {
            throw new IllegalStateException("Nothing for " + transport);
        }
        return found;
    }

    /** That of all threads, since workers read rows. Servers and others at work on the machine do not count. */
    private static long cpuTime() {
        return Arrays.stream(THREADS.getAllThreadIds())
                .filter(thread -> !Transport.isServer(thread))
                .map(THREADS::getThreadCpuTime)
                .filter(nanos -> nanos > 0)
                .sum();
    }

    public static void main(String[] args) throws Exception {
        long limit = TimeUnit.SECONDS.toNanos(Integer.parseInt(args[0]));
        List<Group> groups = new ArrayList<>();
        for (int i = 1; i < args.length; i++) {
            int users = Integer.parseInt(args[i]);
            MemoryTokenStore store = MemoryTokenStore.create();
            for (Cache cache : Cache.values()) {
                groups.add(new Group(cache, users, store));
            }
        }
        for (Group group : groups) {
            if (group.cache != Cache.READ) {
                group.signIn();
            }
        }
        // A row that was imported a moment ago is not trusted for long: it has to be seen unchanged for a while.
        PASSED.addAndGet(TRUST.toNanos());
        for (Group group : groups) {
            if (group.cache == Cache.REMEMBERED) {
                group.remember();
            }
        }
        for (int i = 0; i < WARM_UP / CALLS; i++) {
            for (Group group : groups) {
                group.measure(false);
            }
        }
        System.gc(); // what was made so far is not moved while something is measured
        groups.forEach(Group::countFromNow);
        long start = System.nanoTime();
        while (System.nanoTime() - start < limit) {
            for (Group group : groups) {
                group.measure(true);
            }
        }
        for (Group group : groups) {
            group.check();
            group.print();
            group.grantkeeper.close();
        }
    }
}
