/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.benchmarks;

import dev.grantkeeper.Account;
import dev.grantkeeper.Grantkeeper;
import dev.grantkeeper.store.memory.MemoryTokenStore;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
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

    private static final int CALLS = 2_000;
    private static final int WARM_UP = 20_000;

    /** The part that is remembered. */
    enum Cache {
        BY_HAND,
        REMEMBERED,
        READ
    }

    /** One number of users. */
    private static final class Group {
        private final Transport transport = Transport.INTERCEPTOR;
        private final SplittableRandom dice = new SplittableRandom(1);
        private final Cache cache;
        private final int users;
        private final Grantkeeper grantkeeper;
        private final Map<String, String> tokens = new ConcurrentHashMap<>();
        private final OkHttpClient api;
        private final Request request;
        private final Figures nanos = new Figures();

        Group(Cache cache, int users, MemoryTokenStore store) {
            this.cache = cache;
            this.users = users;
            Grantkeeper.Builder builder = GrantkeeperWays.builder(transport, store);
            switch (cache) {
                case REMEMBERED -> builder.storeCacheSize(users).storeCacheTime(Duration.ofHours(1));
                case READ -> builder.storeCacheSize(1).storeCacheTime(Duration.ZERO);
                case BY_HAND -> {}
            }
            this.grantkeeper = builder.build();
            this.api = transport.ending(
                    cache == Cache.BY_HAND
                            ? transport
                                    .client()
                                    .newBuilder()
                                    .addInterceptor(this::byHand)
                                    .build()
                            : grantkeeper.wrap(transport.client()));
            this.request = transport.request();
        }

        /** Signs all users in. */
        void signIn() throws IOException {
            for (int user = 0; user < users; user++) {
                if (cache == Cache.BY_HAND) {
                    tokens.put("user-" + user, Tokens.received(Tokens.ACCESS_TOKEN));
                } else {
                    GrantkeeperWays.importTokens(grantkeeper, "user-" + user);
                    grantkeeper.account("user-" + user).tokens();
                }
            }
        }

        private Response byHand(Interceptor.Chain chain) throws IOException {
            String user = String.valueOf(chain.request().tag(String.class));
            return chain.proceed(chain.request()
                    .newBuilder()
                    .header("Authorization", "Bearer " + tokens.get(user))
                    .build());
        }

        void call(int user) throws IOException {
            Request.Builder its = request.newBuilder();
            if (cache == Cache.BY_HAND) {
                its.tag(String.class, "user-" + user);
            } else {
                its.tag(Account.class, grantkeeper.account("user-" + user));
            }
            PlainWays.send(api, its.build());
        }

        void measure(boolean counts) throws IOException {
            long start = cpuTime();
            for (int i = 0; i < CALLS; i++) {
                call(dice.nextInt(users));
            }
            if (counts) {
                nanos.add((cpuTime() - start) / (double) CALLS);
            }
        }
    }

    private ManyUsers() {}

    /** That of all threads, since workers read rows. Others at work on the machine do not count. */
    private static long cpuTime() {
        return Arrays.stream(THREADS.getAllThreadIds())
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
        for (int i = 0; i < WARM_UP / CALLS; i++) {
            for (Group group : groups) {
                group.measure(false);
            }
        }
        long start = System.nanoTime();
        while (System.nanoTime() - start < limit) {
            for (Group group : groups) {
                group.measure(true);
            }
        }
        for (Group group : groups) {
            System.out.println(group.cache + "," + group.users + "," + group.nanos.median());
            group.grantkeeper.close();
        }
    }
}
