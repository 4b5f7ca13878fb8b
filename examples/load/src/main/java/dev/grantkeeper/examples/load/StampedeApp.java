/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.load;

import com.github.scribejava.core.oauth.OAuth20Service;
import com.google.api.client.auth.oauth2.Credential;
import com.microsoft.aad.msal4j.IConfidentialClientApplication;
import dev.grantkeeper.examples.load.Stampede.Result;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import okhttp3.OkHttpClient;
import org.springframework.security.oauth2.client.OAuth2AuthorizedClientManager;

/**
 * Stampedes: many threads find one expired token at the same moment, in one process and in several, during an outage of
 * the token endpoint, and where a process is killed in the middle of its refresh. Counts at the authorization server
 * what Grantkeeper makes of it, and what others do. Exits with 1 if Grantkeeper made more requests than it promises.
 */
final class StampedeApp {
    private static final Map<String, Integer> SHORT =
            Map.of("processes", 4, "threads", 200, "virtual", 2_000, "rounds", 3, "crowds", 1);
    private static final Map<String, Integer> LONG = Map.of("rounds", 25, "crowds", 5);

    /** The libraries, in the order of the tables. */
    private static final Map<String, String> NAMES = names();

    private static final Map<String, String> PROMPT =
            Map.of("grantkeeper-prompt", "Grantkeeper, told of the grace window (`Replay.PROMPT`)");

    private static final int OUTAGE_REQUESTS = 6;

    private final StringBuilder text = new StringBuilder();
    private boolean good = true;

    private static Map<String, String> names() {
        Map<String, String> names = new LinkedHashMap<>();
        names.put("grantkeeper", "Grantkeeper");
        names.put("spring", "Spring Security, `AuthorizedClientServiceOAuth2AuthorizedClientManager` over JDBC");
        names.put("google", "google-oauth-java-client, `loadCredential` for each call");
        names.put("google-shared", "google-oauth-java-client, one `Credential` for all threads");
        names.put("msal", "MSAL for Java, `acquireTokenSilently` with a cache for each user");
        names.put("scribe", "ScribeJava, refreshed by hand");
        names.put("synchronized", "an interceptor with a `synchronized` refresh");
        return names;
    }

    public static void main(String[] arguments) throws Exception {
        Options options = Options.parse(arguments, SHORT, LONG);
        String loadBefore = Page.loadAverage();
        long began = System.nanoTime();
        StampedeApp app = new StampedeApp();
        try (Site site = Site.open(options.number("processes"))) {
            String heading = Page.heading(
                    "stampedes",
                    arguments,
                    loadBefore,
                    site.query("SHOW server_version"),
                    OkHttpClient.class,
                    OAuth2AuthorizedClientManager.class,
                    Credential.class,
                    IConfidentialClientApplication.class,
                    OAuth20Service.class);
            app.run(options, new Stampede(site));
            Path page = Options.page();
            Page.write(page, "stampedes", heading + "\n" + app.text);
            System.out.println(app.text);
            System.out.println("Done in " + TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - began)
                    + " s; results in " + page.normalize());
        }
        System.exit(app.good ? 0 : 1);
    }

    private void run(Options options, Stampede stampede) throws Exception {
        int processes = options.number("processes");
        int threads = options.number("threads");
        int rounds = options.number("rounds");

        List<List<String>> rows = new ArrayList<>();
        for (String library : NAMES.keySet()) {
            Result result = stampede.atOnce(library, "threads", rounds, 1, threads);
            good &= isOnce(library, result);
            rows.add(row(library, result));
        }
        table(threads + " threads of one process, " + rounds(rounds), rows);

        rows = new ArrayList<>();
        for (String library : NAMES.keySet()) {
            int crowds = options.number("crowds");
            Result result = stampede.atOnce(library, "crowd", crowds, 1, options.number("virtual"));
            good &= isOnce(library, result);
            rows.add(row(library, result));
        }
        table(
                Page.number(options.number("virtual")) + " " + Threads.kind() + " of one process, "
                        + rounds(options.number("crowds")),
                rows);

        rows = new ArrayList<>();
        for (String library : NAMES.keySet()) {
            Result result = stampede.atOnce(library, "nodes", rounds, processes, threads / processes);
            good &= isOnce(library, result);
            rows.add(row(library, result));
        }
        table(
                processes + " processes over one PostgreSQL, " + threads / processes + " threads each, "
                        + rounds(rounds),
                rows);

        for (Map.Entry<Integer, Map<String, Result>> outage : stampede.outage(
                        NAMES.keySet(), List.of(1, processes), threads / 10)
                .entrySet()) {
            outage(outage.getValue(), outage.getKey(), threads / 10);
        }

        killed(
                stampede.killed(NAMES.keySet(), "killed", false),
                "One of " + processes + " processes is killed while its token request is under way, before the server"
                        + " has acted on it");
        List<String> prompt = new ArrayList<>(NAMES.keySet());
        prompt.add(1, "grantkeeper-prompt");
        killed(
                stampede.killed(prompt, "answer", true),
                "The same after the server has issued new tokens, at a server that accepts the refresh token before for"
                        + " 30 s more");
    }

    private static String rounds(int rounds) {
        return rounds == 1 ? "one expiry" : rounds + " expiries one after the other";
    }

    private static boolean isOnce(String library, Result result) {
        return !library.startsWith("grantkeeper")
                || (result.requests() == result.users() && result.loggedOut() == 0 && result.failed() == 0);
    }

    private void outage(Map<String, Result> results, int processes, int threads) {
        List<List<String>> rows = new ArrayList<>();
        results.forEach((library, result) -> rows.add(rowWithWait(library, result)));
        Result ours = results.getOrDefault("grantkeeper", Result.NONE);
        good &= ours.requests() <= OUTAGE_REQUESTS && ours.loggedOut() == 0;
        tableWithWait(
                "The token endpoint answers 503 for 5 s; " + threads + " threads of "
                        + (processes == 1 ? "one process" : processes + " processes each") + " call every 200 ms",
                rows);
    }

    private void killed(Map<String, Result> results, String heading) {
        List<List<String>> rows = new ArrayList<>();
        results.forEach((library, result) -> {
            rows.add(rowWithWait(library, result));
            good &= !library.startsWith("grantkeeper") || result.loggedOut() == 0;
        });
        tableWithWait(heading, rows);
    }

    private static String name(String library) {
        String name = NAMES.get(library);
        return name == null ? PROMPT.getOrDefault(library, library) : name;
    }

    private static List<String> row(String library, Result result) {
        return List.of(
                name(library),
                Page.number((double) result.requests() / result.users(), 1),
                result.loggedOut() + " of " + result.users(),
                Page.number(result.failed()) + " of " + Page.number(result.calls()));
    }

    private static List<String> rowWithWait(String library, Result result) {
        List<String> row = new ArrayList<>(row(library, result));
        row.add(result.unserved() > 0 ? "not served at the end" : Page.number(result.longest() / 1000.0, 1) + " s");
        return row;
    }

    private void table(String heading, List<List<String>> rows) {
        append(heading, List.of("", "token requests per expiry", "users logged out", "failed calls"), rows);
    }

    private void tableWithWait(String heading, List<List<String>> rows) {
        append(
                heading,
                List.of("", "token requests per expiry", "users logged out", "failed calls", "longest without service"),
                rows);
    }

    private void append(String heading, List<String> columns, List<List<String>> rows) {
        text.append("**")
                .append(heading)
                .append("**\n\n")
                .append(Page.table(columns, rows))
                .append('\n');
    }
}
