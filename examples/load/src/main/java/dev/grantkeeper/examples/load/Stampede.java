/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.load;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** The things that happen to an expired token. Each user has a name that begins with library and scene. */
final class Stampede {
    private static final Duration LIFETIME = Duration.ofHours(1);
    private static final Duration EXPIRED = Duration.ofSeconds(-1);

    /** The duration of a token request: the others come meanwhile. */
    private static final Duration TOKEN_REQUEST = Duration.ofMillis(100);

    private static final Duration OUTAGE = Duration.ofSeconds(5);
    /** Longer than Grantkeeper's longest pause after four failures, which is 16 s. */
    private static final Duration AFTERWARDS = Duration.ofSeconds(18);

    private static final Duration GRACE = Duration.ofSeconds(30);

    /** Users of each library whose refresh is cut off. */
    private static final int VICTIMS = 3;

    private final Site site;

    Stampede(Site site) {
        this.site = site;
    }

    /**
     * The counts of one run.
     *
     * @param users how many users' tokens had expired, each once
     * @param requests the token requests that the server received
     * @param loggedOut the users that could not be served afterwards
     * @param calls the calls that were made
     * @param failed those of them that brought no answer of the API
     * @param longest the longest time for which a thread was not served, in milliseconds
     * @param unserved the threads that were not served in the end
     */
    record Result(int users, long requests, long loggedOut, long calls, long failed, long longest, long unserved) {
        static final Result NONE = new Result(0, 0, 0, 0, 0, 0, 0);
    }

    private static String prefix(String library, String scene) {
        return library + "-" + scene + "-";
    }

    /** Makes users whose access tokens have expired, at the server and in the library's store. */
    private void users(String library, String scene, int node, int count) throws IOException {
        String prefix = prefix(library, scene);
        site.server().ask("issue", prefix, 0, count, LIFETIME.toMillis(), EXPIRED.toMillis());
        site.node(node).ask("keep", library, prefix, 0, count, LIFETIME.toMillis(), EXPIRED.toMillis());
    }

    private Result result(String library, String scene, int node, int users, List<Figures> answers, boolean waited)
            throws IOException {
        String prefix = prefix(library, scene);
        long requests = site.server().ask("counts", prefix).number("requests");
        long loggedOut = 0;
        String problem = "";
        for (int user = 0; user < users; user++) {
            Figures check = site.node(node).ask("call", library, prefix + user);
            loggedOut += check.number("failed");
            problem = check.number("failed") > 0 ? check.text("problem") : problem;
        }
        Result result = new Result(
                users,
                requests,
                loggedOut,
                Site.sum(answers, "calls"),
                Site.sum(answers, "failed"),
                waited
                        ? answers.stream()
                                .mapToLong(one -> one.number("longest"))
                                .max()
                                .orElse(0)
                        : 0,
                waited ? Site.sum(answers, "unserved") : 0);
        answers.stream()
                .filter(one -> one.number("failed") > 0)
                .findFirst()
                .ifPresent(one -> System.out.println("  one of the failures: " + one.text("problem")));
        System.out.println(library + ", " + scene + ": " + result + (problem.isEmpty() ? "" : " " + problem));
        return result;
    }

    /** So many threads of so many processes call at once, for one user after the other. */
    Result atOnce(String library, String scene, int rounds, int processes, int threads) throws IOException {
        users(library, scene, 0, rounds);
        site.server().ask("mode", "delay", TOKEN_REQUEST.toMillis());
        List<Child> nodes = site.nodes().subList(0, processes);
        for (Child node : nodes) {
            node.ask("call", "constant", "nobody");
            node.ask("call", library, "nobody"); // the library is there
        }
        List<Figures> answers = new ArrayList<>();
        for (int round = 0; round < rounds; round++) {
            String user = prefix(library, scene) + round;
            answers.addAll(Site.answers(nodes.stream()
                    .map(node -> node.order("stampede", library, user, threads))
                    .toList()));
        }
        site.server().ask("mode", "delay", 0);
        return result(library, scene, 0, rounds, answers, false);
    }

    /**
     * The token endpoint is down for a while, as the calls go on. All libraries at the same time, in one process and in
     * several, each for a user of its own.
     *
     * @return the results for each number of processes, by library
     */
    Map<Integer, Map<String, Result>> outage(Collection<String> libraries, List<Integer> processes, int threads)
            throws Exception {
        for (String library : libraries) {
            for (int count : processes) {
                users(library, "outage" + count, 0, 1);
            }
        }
        site.server().ask("mode", "outage", 1);
        long millis = OUTAGE.plus(AFTERWARDS).toMillis();
        Map<Integer, Map<String, List<CompletableFuture<Figures>>>> ordered = new LinkedHashMap<>();
        for (int count : processes) {
            Map<String, List<CompletableFuture<Figures>>> each = new LinkedHashMap<>();
            for (String library : libraries) {
                String prefix = prefix(library, "outage" + count);
                each.put(
                        library,
                        site.nodes().subList(0, count).stream()
                                .map(node -> node.order("persist", library, prefix, 1, threads, millis, 200, 0))
                                .toList());
            }
            ordered.put(count, each);
        }
        TimeUnit.MILLISECONDS.sleep(OUTAGE.toMillis());
        site.server().ask("mode", "outage", 0);
        Map<Integer, Map<String, Result>> results = new LinkedHashMap<>();
        for (Map.Entry<Integer, Map<String, List<CompletableFuture<Figures>>>> one : ordered.entrySet()) {
            Map<String, Result> each = new LinkedHashMap<>();
            for (Map.Entry<String, List<CompletableFuture<Figures>>> entry :
                    one.getValue().entrySet()) {
                List<Figures> answers = Site.answers(entry.getValue());
                String library = entry.getKey();
                each.put(library, result(library, "outage" + one.getKey(), 0, 1, answers, true));
            }
            results.put(one.getKey(), each);
        }
        return results;
    }

    /**
     * One process is killed when its token requests are under way, and the others go on. All libraries at the same
     * time.
     *
     * @param issued whether the server has issued the tokens whose answer is lost; it then accepts the refresh token
     *     before for a while, since otherwise nobody could go on
     */
    Map<String, Result> killed(Collection<String> libraries, String scene, boolean issued) throws Exception {
        for (String library : libraries) {
            users(library, scene, 1, VICTIMS);
        }
        site.server().ask("mode", "grace", issued ? GRACE.toMillis() : 0);
        site.server().ask("mode", "hold", issued ? 2 : 1);
        for (String library : libraries) {
            CompletableFuture<Figures> killed =
                    site.node(0).order("persist", library, prefix(library, scene), VICTIMS, VICTIMS, 60_000, 100, 1);
            killed.exceptionally(e -> new Figures());
        }
        // The synchronized one lets one request out at a time.
        int arrive = libraries.stream()
                .mapToInt(library -> library.equals("synchronized") ? 1 : VICTIMS)
                .sum();
        site.server().ask("arrived", arrive);
        site.kill(0);
        site.server().ask("drop");
        Map<String, List<CompletableFuture<Figures>>> ordered = new LinkedHashMap<>();
        for (String library : libraries) {
            ordered.put(
                    library,
                    site.nodes().subList(1, site.nodes().size()).stream()
                            .map(node -> node.order(
                                    "persist", library, prefix(library, scene), VICTIMS, 2 * VICTIMS, 26_000, 100, 1))
                            .toList());
        }
        Map<String, Result> results = new LinkedHashMap<>();
        for (Map.Entry<String, List<CompletableFuture<Figures>>> entry : ordered.entrySet()) {
            List<Figures> answers = Site.answers(entry.getValue());
            results.put(entry.getKey(), result(entry.getKey(), scene, 1, VICTIMS, answers, true));
        }
        site.server().ask("mode", "grace", 0);
        site.startAgain(0);
        return results;
    }
}
