/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.spotify;

import dev.grantkeeper.GrantListener;
import dev.grantkeeper.token.AccountKey;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import okhttp3.Interceptor;
import okhttp3.Response;

/**
 * The events of each user's grant, for the page to show: those that Grantkeeper reports ({@link GrantListener}), and
 * the calls as they went over the wire. Each entry carries the version that the row had in the table at that moment, so
 * one can see that new tokens are stored before a call goes out with them. In memory only. Thread-safe.
 */
final class Activity implements GrantListener {
    private static final int MOST_ENTRIES = 60;

    private final Database database;
    private final InstantSource clock;
    private final Consumer<String> changed;
    private final long since;
    private final Map<String, Log> logs = new ConcurrentHashMap<>();

    /**
     * One line.
     *
     * @param at the time, in milliseconds
     * @param kind the kind, which decides the look
     * @param took the duration, in milliseconds
     * @param version the row's version in the table at that moment; empty if there was no row
     */
    record Entry(long at, String kind, String text, long took, String version) {}

    /** A user's song. */
    record Track(String name, String artists, String playedAt) {}

    /**
     * Everything that is known of one user.
     *
     * @param since the start of this application, in milliseconds: what was before is forgotten
     */
    record Snapshot(long since, int calls, int served, int tokenRequests, List<Track> played, List<Entry> entries) {}

    /** The activity of one user. */
    private static final class Log {
        private final Deque<Entry> entries = new ArrayDeque<>(); // this and the rest guarded by this
        private List<Track> played = List.of();
        private int calls;
        private int served;
        private int tokenRequests;

        synchronized void add(Entry entry) {
            entries.add(entry);
            if (entries.size() > MOST_ENTRIES) {
                entries.remove();
            }
        }

        synchronized void tokenRequest() {
            tokenRequests++;
        }

        synchronized void call(boolean success) {
            calls++;
            if (success) {
                served++;
            }
        }

        synchronized void played(List<Track> tracks) {
            played = tracks;
        }

        synchronized Snapshot snapshot(long since) {
            List<Entry> newestFirst = new ArrayList<>(entries);
            Collections.reverse(newestFirst);
            // a call is written down when it is answered, under the time at which it was sent
            newestFirst.sort(Comparator.comparingLong(Entry::at).reversed());
            return new Snapshot(since, calls, served, tokenRequests, played, newestFirst);
        }
    }

    /**
     * Makes an empty one.
     *
     * @param clock the clock
     * @param changed gets the id of each user of whom there is something new
     */
    Activity(Database database, InstantSource clock, Consumer<String> changed) {
        this.database = database;
        this.clock = clock;
        this.since = clock.millis();
        this.changed = changed;
    }

    @Override
    public void on(Event event) {
        Log log = log(event.key().account());
        switch (event.kind()) {
            case SIGNED_IN, REFRESHED, FAILED, REFUSED, WRITE_PENDING -> log.tokenRequest();
            default -> {}
        }
        String detail = event.detail().map(text -> ": " + text).orElse("");
        String text = switch (event.kind()) {
            case SIGNED_IN -> "Signed in. Tokens are in the row";
            case SIGNED_OUT -> "Signed out. The row is gone";
            case REFRESHED -> "New tokens fetched (" + event.detail().orElse("expired") + ") and stamped into the row";
            case CONSENT_ENDS_SOON ->
                "The consent ends at " + event.endsAt().orElseThrow() + "; connect again before that";
            case WAITED -> "Another node fetched new tokens, this one waited";
            case SERVED_WHILE_STALE -> "No new tokens; the old ones are still valid and used";
            case FAILED -> "A token request failed" + detail;
            case REFUSED -> "The authorization server accepts the grant no longer" + detail;
            case EXPIRED -> "The access token is no longer valid, and there is no refresh token";
            case WRITE_PENDING -> "New tokens are used and could not be stored yet" + detail;
            case WRITE_COMPLETED -> "Tokens that could not be stored are stored now";
            case STORED_AGAIN -> "The store had lost tokens; they are stored again";
        };
        String kind = switch (event.kind()) {
            case SIGNED_IN, SIGNED_OUT -> "login";
            case REFRESHED, WAITED, WRITE_COMPLETED, STORED_AGAIN -> "refresh";
            default -> "trouble";
        };
        add(event.key(), kind, text, event.at().toEpochMilli(), event.took());
    }

    /** Notes an event of the application itself. */
    void note(AccountKey key, String kind, String text, Duration took) {
        add(key, kind, text, clock.millis(), took);
    }

    private void add(AccountKey key, String kind, String text, long at, Duration took) {
        // A listener returns soon: this is one read by primary key, of a database in this process.
        log(key.account()).add(new Entry(at, kind, text, took.toMillis(), version(key)));
        changed.accept(key.account());
    }

    /** Counts a call of the application, whatever it took to serve it. */
    void called(AccountKey key, boolean success) {
        log(key.account()).call(success);
        changed.accept(key.account());
    }

    /** Keeps the tracks that the API returned. */
    void played(AccountKey key, List<Track> tracks) {
        log(key.account()).played(tracks);
        changed.accept(key.account());
    }

    /** The activity of one user. If there is none, the application has just started, and the row outlived it. */
    Snapshot of(AccountKey key) {
        if (!logs.containsKey(key.account())) {
            note(key, "login", "The application has started, and found this user's row", Duration.ZERO);
        }
        return log(key.account()).snapshot(since);
    }

    /** A network interceptor that records each request as it leaves, repetitions included. */
    Interceptor wire(AccountKey key) {
        return chain -> {
            long sent = clock.millis();
            long from = System.nanoTime();
            String version = version(key);
            Response response = chain.proceed(chain.request());
            log(key.account())
                    .add(new Entry(
                            sent,
                            response.isSuccessful() ? "call" : "rejected",
                            "Call sent, answered " + response.code() + why(response),
                            (System.nanoTime() - from) / 1_000_000,
                            version));
            changed.accept(key.account());
            return response;
        };
    }

    private static String why(Response response) {
        return response.code() == 401 ? ": the API rejects this token" : "";
    }

    private String version(AccountKey key) {
        return database.row(key).map(Database.Row::version).orElse("");
    }

    private Log log(String userId) {
        return logs.computeIfAbsent(userId, id -> new Log());
    }
}
