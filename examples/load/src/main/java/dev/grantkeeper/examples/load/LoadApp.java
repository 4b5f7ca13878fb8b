/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.load;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.ToLongFunction;
import okhttp3.OkHttpClient;

/**
 * Load: many threads in several processes call an API for many users, whose tokens live for ten seconds. Counts token
 * requests at the authorization server and statements at the database, and compares with the same calls without any
 * refresh. Exits with 1 if an expiry took another number of token requests than one, or a user was signed out.
 */
final class LoadApp {
    private static final Map<String, Integer> SHORT = Map.of(
            "processes",
            4,
            "threads",
            400,
            "users",
            2_000,
            "rate",
            400,
            "seconds",
            8,
            "turns",
            6,
            "due",
            4,
            "rows",
            2_000,
            "nodes",
            100,
            "millions",
            10);
    private static final Map<String, Integer> LONG =
            Map.of("users", 20_000, "seconds", 180, "turns", 24, "rows", 10_000);

    private static final Duration LIFETIME = Duration.ofSeconds(10);
    private static final Duration SLOW = Duration.ofSeconds(2);
    /**
     * The length of the runs in turns: as long as it takes to refresh all tokens, since after that both are the same.
     */
    private static final Duration TURN = Duration.ofSeconds(8);

    /** The time that is left of tokens that a refresh ahead is due for a moment later, of a minute in all. */
    private static final Duration NEARLY_DUE = Duration.ofSeconds(20);

    private static final String GRANTKEEPER = "Grantkeeper, tokens of 10 s";

    private static final List<Integer> INTERVALS = List.of(1, 10, 60, 600, 3600);

    /** Enough for each of them to call less often than the default {@code storeCacheTime}. */
    private static final int OTHERS = 20;

    private static final String TABLE_STATISTICS = " FROM pg_stat_user_tables WHERE relname = 'grantkeeper_tokens'";

    private final Options options;
    private final Site site;
    private final List<List<String>> calls = new ArrayList<>();
    private final List<List<String>> statements = new ArrayList<>();
    private boolean good = true;

    private LoadApp(Options options, Site site) {
        this.options = options;
        this.site = site;
    }

    public static void main(String[] arguments) throws Exception {
        Options options = Options.parse(arguments, SHORT, LONG);
        String loadBefore = Page.loadAverage();
        long began = System.nanoTime();
        boolean good;
        try (Site site = Site.open(options.number("processes"))) {
            LoadApp app = new LoadApp(options, site);
            String heading = Page.heading(
                    "load",
                    arguments,
                    loadBefore,
                    site.query("SHOW server_version"),
                    OkHttpClient.class,
                    org.postgresql.ds.PGSimpleDataSource.class,
                    com.zaxxer.hikari.HikariDataSource.class);
            good = app.run(heading, Options.page());
        }
        System.out.println("Done in " + TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - began) + " s; results in "
                + Options.page().normalize());
        System.exit(good ? 0 : 1);
    }

    private boolean run(String heading, Path page) throws Exception {
        String traces = traces();
        Plan plan = new Plan(options.number("millions") * 1_000_000L, options.number("nodes"));
        hours(plan);
        memory(plan);
        capacities(plan);

        progress("Warming up");
        users("warm-", 500, LIFETIME, LIFETIME);
        warmUp("constant");
        warmUp("grantkeeper");

        int users = options.number("users");
        int rate = options.number("rate");
        String fast = "as fast as they go";
        String paced = Page.number(rate) + " calls a second";
        add("one constant token", fast, List.of(calls("constant", "fast-", users, 0, seconds())));
        users("fast-", users, LIFETIME, LIFETIME);
        add(GRANTKEEPER, fast, List.of(calls("grantkeeper", "fast-", users, 0, seconds())));
        add("one constant token", paced, List.of(calls("constant", "paced-", users, rate, seconds())));
        users("paced-", users, LIFETIME, LIFETIME);
        Run run = calls("grantkeeper", "paced-", users, rate, seconds());
        add(GRANTKEEPER, paced, List.of(run));
        plan.writesPerExpiry((double) run.writes() / run.expiries());

        warmUpRefreshes();
        inTurns(rate, 1);
        if (site.nodes().size() > 1) {
            inTurns(rate, site.nodes().size());
        }

        plan.updates(
                Long.parseLong(site.query("SELECT n_tup_upd" + TABLE_STATISTICS)),
                Long.parseLong(site.query("SELECT n_tup_hot_upd" + TABLE_STATISTICS)));
        Page.write(page, "load", heading + "\n" + load() + "\n" + traces);
        Page.write(page, "plan", plan.text());
        System.out.println(load() + "\n" + traces + "\n" + plan.text());
        return good;
    }

    private static void progress(String what) {
        System.out.println(what);
    }

    private Duration seconds() {
        return Duration.ofSeconds(options.number("seconds"));
    }

    private String load() {
        return options.number("processes") + " processes over one PostgreSQL, " + Page.number(options.number("threads"))
                + " " + Threads.kind() + " in all, " + Page.number(options.number("users")) + " users, "
                + options.number("seconds") + " s each. Those with and without a refresh ahead: "
                + options.number("due") + " users, tokens of 60 s, "
                + TURN.toSeconds() + " s, " + options.number("turns")
                + " times each, in turns; medians of these runs, and"
                + " their median distance from it:\n\n"
                + Page.table(List.of("tokens", "load", "calls per second", "p50", "p99", "longest", "failed"), calls)
                + "\nThe same runs, counted at the authorization server and in front of the database:\n\n"
                + Page.table(
                        List.of(
                                "tokens",
                                "load",
                                "expiries",
                                "token requests per expiry",
                                "users lost",
                                "reads per second",
                                "reads per call",
                                "writes per expiry",
                                "of these in vain"),
                        statements);
    }

    /** Makes users at the server and in the store. Their tokens do not expire all at once. */
    private void users(String prefix, int count, Duration lifetime, Duration left) throws Exception {
        progress("Storing the tokens of " + count + " users");
        int slices = left.equals(LIFETIME) ? 10 : 1;
        for (int slice = 0; slice < slices; slice++) {
            long its = left.toMillis() * (slice + 1) / slices;
            int first = count * slice / slices;
            int end = count * (slice + 1) / slices;
            site.server().ask("issue", prefix, first, end, lifetime.toMillis(), its);
            List<CompletableFuture<Figures>> kept = new ArrayList<>();
            int nodes = site.nodes().size();
            for (int node = 0; node < nodes; node++) {
                kept.add(site.node(node)
                        .order(
                                "keep",
                                "grantkeeper",
                                prefix,
                                first + (end - first) * node / nodes,
                                first + (end - first) * (node + 1) / nodes,
                                lifetime.toMillis(),
                                its));
            }
            Site.answers(kept);
        }
    }

    private void warmUp(String library) {
        site.all("load", library, "warm-", 500, Math.max(1, threads()), 2_500, 0);
    }

    /**
     * Refreshes again and again. A node that was just started runs a refresh in code that is not compiled yet, and
     * calls of that moment wait for the processor.
     */
    private void warmUpRefreshes() throws Exception {
        Duration brief = Duration.ofMillis(500);
        users("brief-", 200, brief, brief);
        site.all("load", "grantkeeper", "brief-", 200, threads(), 15_000, 0);
    }

    private int threads() {
        return options.number("threads") / site.nodes().size();
    }

    /**
     * The same calls without a refresh and with some in the background, in turns: what differs between two runs on a
     * machine is more than what a refresh adds to a call.
     */
    private void inTurns(int rate, int processes) throws Exception {
        Duration minute = Duration.ofMinutes(1);
        int due = options.number("due");
        List<Run> without = new ArrayList<>();
        List<Run> with = new ArrayList<>();
        for (int turn = 0; turn < options.number("turns"); turn++) {
            String suffix = "-" + processes + "-" + turn + "-";
            without.add(turn("fresh" + suffix, due, minute, rate, processes));
            site.server().ask("mode", "delay", SLOW.toMillis());
            with.add(turn("due" + suffix, due, NEARLY_DUE, rate, processes));
            site.server().ask("mode", "delay", 0);
        }
        String load =
                Page.number(rate) + " calls a second, " + (processes == 1 ? "one process" : processes + " processes");
        add("Grantkeeper, no refresh due", load, without);
        add("Grantkeeper, all tokens refreshed ahead, 2 s each", load, with);
    }

    /** One of these runs. All rows are remembered when it begins. */
    private Run turn(String prefix, int users, Duration left, int rate, int processes) throws Exception {
        users(prefix, users, Duration.ofMinutes(1), left);
        site.first(processes, "load", "grantkeeper", prefix, users, threads(), 200, 0);
        return calls("grantkeeper", prefix, users, rate, TURN, processes);
    }

    /** The measurements of one run. */
    private record Run(
            String library,
            Latencies latencies,
            double seconds,
            long calls,
            long failed,
            long reads,
            long writes,
            long losses,
            long expiries,
            long requests,
            long lost) {}

    private Run calls(String library, String prefix, int users, int rate, Duration duration) throws Exception {
        return calls(library, prefix, users, rate, duration, site.nodes().size());
    }

    private Run calls(String library, String prefix, int users, int rate, Duration duration, int processes)
            throws Exception {
        progress(library + ", " + (rate == 0 ? "as fast as they go" : rate + " calls a second") + ", "
                + duration.toSeconds() + " s");
        int each = rate / processes;
        List<Figures> before = site.all("statements");
        List<Figures> answers =
                site.first(processes, "load", library, prefix, users, threads(), duration.toMillis(), each);
        // What is under way behind the scenes ends.
        TimeUnit.MILLISECONDS.sleep(SLOW.toMillis() + 500);
        List<Figures> after = site.all("statements");
        Figures counts = site.server().ask("counts", prefix);
        long millis =
                answers.stream().mapToLong(one -> one.number("millis")).max().orElse(1);
        Run run = new Run(
                library,
                new Latencies(answers),
                millis / 1000.0,
                Site.sum(answers, "calls"),
                Site.sum(answers, "failed"),
                Site.sum(after, "reads") - Site.sum(before, "reads"),
                Site.sum(after, "writes") - Site.sum(before, "writes"),
                Site.sum(after, "losses") - Site.sum(before, "losses"),
                counts.number("expiries"),
                counts.number("requests"),
                counts.number("revoked") + Site.sum(answers, "lost"));
        if (run.failed() > 0) {
            System.out.println(run.failed() + " calls failed; one of them: " + answers);
        }
        System.out.println(counts + " " + run);
        return run;
    }

    /** Adds the rows of one run, or of several that are the same. */
    private void add(String tokens, String load, List<Run> runs) {
        double seconds = runs.stream().mapToDouble(Run::seconds).sum();
        long made = sum(runs, Run::calls);
        long failed = sum(runs, Run::failed);
        calls.add(List.of(
                tokens,
                load,
                Page.number(made / seconds, 0),
                Latencies.percentile(50, latencies(runs)),
                Latencies.percentile(99, latencies(runs)),
                Latencies.longest(latencies(runs)),
                Page.number(failed)));
        if (runs.get(0).library().equals("grantkeeper")) {
            long expiries = sum(runs, Run::expiries);
            long requests = sum(runs, Run::requests);
            long lost = sum(runs, Run::lost);
            long reads = sum(runs, Run::reads);
            statements.add(List.of(
                    tokens,
                    load,
                    Page.number(expiries),
                    perExpiry(requests, expiries, 3),
                    Page.number(lost),
                    Page.number(reads / seconds, 0),
                    Page.number((double) reads / made, 3),
                    perExpiry(sum(runs, Run::writes), expiries, 2),
                    perExpiry(sum(runs, Run::losses), expiries, 2)));
            good &= requests == expiries && lost == 0 && failed == 0;
        }
    }

    private static List<Latencies> latencies(List<Run> runs) {
        return runs.stream().map(Run::latencies).toList();
    }

    private static long sum(List<Run> runs, ToLongFunction<Run> value) {
        return runs.stream().mapToLong(value).sum();
    }

    private static String perExpiry(long count, long expiries, int digits) {
        return expiries == 0 ? "–" : Page.number((double) count / expiries, digits);
    }

    // ---- What a refresh costs the database -----------------------------------------------------------------------

    private String traces() throws Exception {
        progress("The statements of one refresh");
        Duration minute = Duration.ofMinutes(1);
        Duration soft = Duration.ofSeconds(8);
        Duration gone = Duration.ofSeconds(-1);
        boolean hasOther = site.nodes().size() > 1; // which stores what the first does not remember
        Map<String, String> situations = new LinkedHashMap<>();
        situations.put("refreshed ahead, the row is remembered", trace("trace-a-", 0, minute, soft));
        if (hasOther) {
            situations.put("refreshed ahead, the row is not remembered", trace("trace-b-", 1, minute, soft));
        }
        situations.put("expired, the row is remembered", trace("trace-c-", 0, minute, gone));
        if (hasOther) {
            situations.put("expired, the row is not remembered", trace("trace-d-", 1, minute, gone));
        }
        List<List<String>> rows = new ArrayList<>();
        situations.forEach((situation, all) -> rows.add(List.of(situation, all)));
        rows.add(List.of(
                "expired, " + site.nodes().size() + " nodes at once with 50 threads each, all statements", crowd()));
        return "The statements of one refresh, in their order (a call that only reads comes first where the row is not"
                + " remembered):\n\n" + Page.table(List.of("the token is", "statements"), rows);
    }

    private String trace(String prefix, int keeper, Duration lifetime, Duration left) throws Exception {
        keepOne(prefix, keeper, lifetime, left);
        site.node(0).ask("trace");
        site.node(0).ask("call", "grantkeeper", prefix + 0);
        TimeUnit.MILLISECONDS.sleep(700);
        return shortened(site.node(0).ask("traced").text("statements"));
    }

    private void keepOne(String prefix, int keeper, Duration lifetime, Duration left) throws IOException {
        site.server().ask("issue", prefix, 0, 1, lifetime.toMillis(), left.toMillis());
        site.node(keeper).ask("keep", "grantkeeper", prefix, 0, 1, lifetime.toMillis(), left.toMillis());
        site.node(0).ask("call", "constant", "nobody"); // connections are open then
    }

    /** The statements that the application has sent, by their verbs. */
    private static String shortened(String statements) {
        List<String> verbs = new ArrayList<>();
        for (String statement : statements.split("\\|", -1)) {
            verbs.add("`" + statement.split("_", 2)[0] + "`");
        }
        return String.join(", ", verbs);
    }

    private String crowd() throws Exception {
        keepOne("trace-e-", 0, Duration.ofMinutes(1), Duration.ofSeconds(-1));
        site.server().ask("mode", "delay", 100);
        for (Child node : site.nodes()) {
            node.ask("call", "grantkeeper", "nobody"); // the library is there
        }
        List<Figures> before = site.all("statements");
        site.all("stampede", "grantkeeper", "trace-e-0", 50);
        List<Figures> after = site.all("statements");
        site.server().ask("mode", "delay", 0);
        return (Site.sum(after, "reads") - Site.sum(before, "reads")) + " × `SELECT`, "
                + (Site.sum(after, "writes") - Site.sum(before, "writes")) + " × `UPDATE`, for a token request of"
                + " 100 ms";
    }

    // ---- What the plan needs ---------------------------------------------------------------------------------------

    private void hours(Plan plan) throws IOException {
        progress("An hour of one user, by a clock that is moved");
        for (int interval : INTERVALS) {
            Figures beside = hour("hour-beside-", interval, OTHERS);
            Figures alone = hour("hour-alone-", interval, 0);
            plan.hour(
                    interval,
                    beside.number("calls"),
                    beside.number("reads"),
                    alone.number("reads"),
                    beside.number("writes"));
        }
    }

    private Figures hour(String prefix, int interval, int others) throws IOException {
        Duration hour = Duration.ofHours(1);
        site.server().ask("issue", prefix, interval, interval + 1, hour.toMillis(), hour.toMillis());
        return site.node(0).ask("hour", prefix + interval, interval, others);
    }

    private void memory(Plan plan) throws Exception {
        int rows = options.number("rows");
        Duration hour = Duration.ofHours(1);
        users("memory-", rows, hour, hour);
        Child node = site.node(0);
        plan.bytesInMemory(node.ask("memory", "memory-", rows).number("bytes"));
        plan.bytesOnDisk(Long.parseLong(
                site.query("SELECT pg_total_relation_size('grantkeeper_tokens') / count(*) FROM grantkeeper_tokens")));
        plan.maxConnections(100, Site.CONNECTIONS / 2);
    }

    private void capacities(Plan plan) throws IOException {
        progress("What this database takes");
        long millis = Math.min(20_000, options.number("seconds") * 250L);
        plan.capacity(
                perSecond(site.node(0).ask("capacity", "reads", "reads-", 800, 8, millis)),
                perSecond(site.node(0).ask("capacity", "writes", "writes-", 800, 8, millis)));
    }

    private static double perSecond(Figures figures) {
        return figures.number("statements") * 1000.0 / figures.number("millis");
    }
}
