/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.boot;

import static org.awaitility.Awaitility.await;

import dev.grantkeeper.Grant;
import dev.grantkeeper.testkit.FakeAuthorizationServer;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.time.Duration;
import java.time.Instant;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Two instances over one PostgreSQL that share sessions and grants, as behind a load balancer: a login that begins at
 * one is finished by the other, and one token request is made for each expiry.
 */
final class TwoInstances implements AutoCloseable {
    private static final int CALLS = 20;

    private final FakeAuthorizationServer server = FakeAuthorizationServer.start();
    private final EmbeddedPostgres postgres;
    private final Instance first;
    private final Instance second;
    private int users;

    TwoInstances() throws Exception {
        postgres = EmbeddedPostgres.start();
        Map<String, String> shared = new HashMap<>(Map.of(
                "spring.datasource.url", postgres.getJdbcUrl("postgres", "postgres"),
                "spring.datasource.username", "postgres",
                "spring.datasource.password", "",
                "diary.sealing-secret", "c2hhcmVkIGJ5IGJvdGggaW5zdGFuY2Vz"));
        first = new Instance(server, shared);
        shared.put("diary.origin", first.url()); // the one address that browsers see
        second = new Instance(server, shared);
    }

    /**
     * Calls that found the token expired.
     *
     * @param calls their number
     * @param served those that were answered
     * @param tokenRequests the token requests that were made for them
     */
    record Round(int calls, int served, int tokenRequests) {}

    /** A user signs in at both, the token expires, and both are called at once. */
    Round round() throws Exception {
        String user = "user" + ++users;
        server.user(user, "Some", "Body", user + "@example.org").accessTokenLifetime(Duration.ofSeconds(1));
        Browser browser = new Browser();
        browser.approve(browser.post(second.url() + "/login/spotify"), server, user); // and the first has the callback
        server.accessTokenLifetime(Duration.ofHours(1));
        Grant grant = first.account("spotify", "spotify " + user).grant().orElseThrow();
        await().until(() -> grant.accessTokenExpiresAt().orElseThrow().isBefore(Instant.now()));
        server.resetCounters();
        List<Integer> statuses =
                browser.fetch(CALLS, first.url() + "/recently-played", second.url() + "/recently-played");
        return new Round(CALLS, Collections.frequency(statuses, 200), server.tokenRequests());
    }

    @Override
    public void close() throws Exception {
        second.close();
        first.close();
        postgres.close();
        server.close();
    }

    /**
     * Runs it, and prints what happened.
     *
     * @param args the number of rounds; 5 by default
     */
    public static void main(String[] args) throws Exception {
        System.setProperty("logging.level.root", "warn");
        System.setProperty("spring.main.banner-mode", "off");
        int failed = 0;
        try (TwoInstances two = new TwoInstances()) {
            System.out.println("Two instances: " + two.first.url() + " and " + two.second.url());
            for (int round = 0; round < (args.length == 0 ? 5 : Integer.parseInt(args[0])); round++) {
                Round seen = two.round();
                System.out.println("A login began at the second and ended at the first, the token expired: "
                        + seen.calls() + " calls to both, " + seen.served() + " answered, token requests: "
                        + seen.tokenRequests());
                failed += seen.served() == seen.calls() && seen.tokenRequests() == 1 ? 0 : 1;
            }
        }
        System.exit(failed == 0 ? 0 : 1);
    }
}
