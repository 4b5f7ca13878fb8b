/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.benchmarks;

import dev.grantkeeper.Grantkeeper;
import dev.grantkeeper.store.memory.MemoryTokenStore;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import okhttp3.OkHttpClient;
import org.springframework.security.authentication.UsernamePasswordAuthenticationToken;
import org.springframework.security.oauth2.client.InMemoryOAuth2AuthorizedClientService;

/** A process that prints what one of many takes of the heap, after garbage collection. */
final class HeapUse {
    private static final int REGISTRATIONS = 1_000;

    private HeapUse() {}

    public static void main(String[] args) throws Exception {
        int grants = Integer.parseInt(args[0]);
        MemoryTokenStore store = MemoryTokenStore.create();
        try (Grantkeeper first = GrantkeeperWays.signedIn(Transport.INTERCEPTOR, store)) {
            first.account(GrantkeeperWays.USER).tokens();
        }
        long before = used();
        try (Grantkeeper imports = GrantkeeperWays.builder(Transport.INTERCEPTOR, store)
                .storeCacheSize(1)
                .build()) {
            for (int user = 0; user < grants; user++) {
                GrantkeeperWays.importTokens(imports, "user-" + user);
            }
        }
        before = print("A row in the memory store", before, grants);
        try (Grantkeeper remembering = GrantkeeperWays.builder(Transport.INTERCEPTOR, store)
                .storeCacheSize(grants)
                .build()) {
            for (int user = 0; user < grants; user++) {
                remembering.account("user-" + user).tokens();
            }
            print("A remembered grant", before, grants);
        }
        InMemoryOAuth2AuthorizedClientService clients =
                new InMemoryOAuth2AuthorizedClientService(SpringWays.REGISTRATIONS);
        before = used();
        for (int user = 0; user < grants; user++) {
            String name = "user-" + user;
            clients.saveAuthorizedClient(
                    SpringWays.client(name), UsernamePasswordAuthenticationToken.authenticated(name, "", List.of()));
        }
        print("Spring Security, a client in memory", before, grants);
        OkHttpClient http = new OkHttpClient();
        List<Grantkeeper> registrations = new ArrayList<>();
        int threads = ManagementFactory.getThreadMXBean().getThreadCount();
        before = used();
        for (int i = 0; i < REGISTRATIONS; i++) {
            registrations.add(GrantkeeperWays.builder(Transport.INTERCEPTOR, store)
                    .registration("diary-" + i)
                    .httpClient(http)
                    .build());
        }
        before = print("A registration with the application's `httpClient`", before, REGISTRATIONS);
        for (Grantkeeper registration : registrations) {
            GrantkeeperWays.importTokens(registration, GrantkeeperWays.USER);
            registration.account(GrantkeeperWays.USER).tokens();
        }
        print(
                "The same after its first call: what is added, its row and its remembered grant included",
                before,
                REGISTRATIONS);
        before = used();
        for (int i = 0; i < REGISTRATIONS; i++) {
            registrations.add(GrantkeeperWays.builder(Transport.INTERCEPTOR, store)
                    .registration("diary-" + (REGISTRATIONS + i))
                    .build());
        }
        before = print("A registration without `httpClient`, before its first request", before, REGISTRATIONS);
        List<OkHttpClient> ownClients = new ArrayList<>();
        for (int i = 0; i < REGISTRATIONS; i++) {
            ownClients.add(new OkHttpClient());
        }
        print("The client that it makes for that request", before, REGISTRATIONS);
        int more = ManagementFactory.getThreadMXBean().getThreadCount() - threads;
        System.out.println("Threads of " + registrations.size() + " registrations without a refresh=" + more);
        registrations.forEach(Grantkeeper::close);
        Reachable.fence(store, clients, http, ownClients);
    }

    private static long print(String what, long before, int number) {
        long now = used();
        System.out.println(what + "=" + Figures.number((now - before) / (double) number, 0) + " B");
        return now;
    }

    private static long used() {
        long used = Long.MAX_VALUE;
        for (int i = 0; i < 4; i++) {
            System.gc();
            used = Math.min(
                    used,
                    ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed());
        }
        return used;
    }

    /** Keeps things from being collected before this. */
    private static final class Reachable {
        static void fence(Object... things) {
            for (Object thing : things) {
                java.lang.ref.Reference.reachabilityFence(thing);
            }
        }
    }
}
