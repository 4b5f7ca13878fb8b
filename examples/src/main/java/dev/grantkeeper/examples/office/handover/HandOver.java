/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.office.handover;

import java.security.MessageDigest;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Brings the result of a pop-up to the pane that opened it, and to no other.
 *
 * <p>{@code state} and PKCE bind a login to the pop-up's browser. They prove nothing about the pane: an attacker may
 * begin in a pane of their own, send the pop-up's address to a victim, and wait for the victim's grant to arrive. So
 * there are two secrets that travel in opposite directions.
 *
 * <ol>
 *   <li>{@link #begin}: the pane gets the attempt's name and the <b>pane's secret</b>, which it keeps in memory. We
 *       keep a digest.
 *   <li>{@link #open}: the pop-up names the attempt, once, and goes to the provider.
 *   <li>{@link #arrive}: the callback leaves the result with us, pending, and its page gets the <b>token</b>, which it
 *       gives to nobody but the window that opened it.
 *   <li>{@link #claim}: the pane brings both, in the session in which it began, once and within two minutes. Only now
 *       may anything be stored.
 * </ol>
 *
 * <p>The attacker, who mails the pop-up's address, never sees the token; the victim's pane has never seen the
 * attacker's secret. Results that are not claimed go to the {@code discard} of the constructor, which revokes the
 * tokens.
 *
 * <p>Attempts are kept in this process: behind a load balancer, callback and pane have to come to the same node. A
 * restart forgets them, and users begin again. Bounded, because everybody can begin. Thread-safe.
 *
 * @param <T> the type of the results
 */
public final class HandOver<T> {
    /** The time that the user has at the provider. */
    public static final Duration TO_SIGN_IN = Duration.ofMinutes(10);

    /** The time that a result waits for its pane. */
    public static final Duration TO_CLAIM = Duration.ofMinutes(2);

    private static final int MOST_ATTEMPTS = 10_000;
    private static final int MOST_OF_ONE_SESSION = 8;

    private final InstantSource clock;
    private final Consumer<T> discard;
    private final Map<String, Attempt<T>> attempts = new LinkedHashMap<>(); // guarded by this, eldest first

    /**
     * The pane's part of an attempt. Does not print the secret.
     *
     * @param tx the attempt's name; not a secret
     * @param secret for {@link #claim}, and for nobody else
     */
    public record Begun(String tx, String secret) {
        @Override
        public String toString() {
            return "Begun[" + tx + "]";
        }
    }

    private static final class Attempt<T> {
        final String session;
        final String socket;
        final byte[] secretDigest;
        Instant ends;
        boolean opened;
        byte @Nullable [] tokenDigest;

        @Nullable
        T result;

        Attempt(String session, String socket, byte[] secretDigest, Instant ends) {
            this.session = session;
            this.socket = socket;
            this.secretDigest = secretDigest;
            this.ends = ends;
        }
    }

    /**
     * The pane that asked, as the pop-up carries it to the callback, beside the attempt's name.
     *
     * @param session the session in which the attempt began
     * @param socket the socket of that pane
     */
    public record Asker(String session, String socket) {
        @Override
        public String toString() {
            return "Asker[redacted]";
        }
    }

    /**
     * Makes a hand-over without attempts.
     *
     * @param clock the clock
     * @param discard gets each result that is not claimed, on any thread, outside any lock
     */
    public HandOver(InstantSource clock, Consumer<T> discard) {
        this.clock = clock;
        this.discard = discard;
    }

    /**
     * Begins an attempt, for a pane that wants to sign in.
     *
     * @param session the pane's session
     * @param socket the pane's socket
     * @return the pane's part
     */
    public Begun begin(String session, String socket) {
        Begun begun = new Begun(Secrets.make(), Secrets.make());
        List<T> unclaimed;
        synchronized (this) {
            unclaimed = removeEnded();
            // A session that begins very often loses its own oldest attempts, and not those of others.
            List<String> own = new ArrayList<>();
            attempts.forEach((tx, attempt) -> {
                if (attempt.session.equals(session)) {
                    own.add(tx);
                }
            });
            if (own.size() >= MOST_OF_ONE_SESSION) {
                remove(own.get(0), unclaimed);
            } else if (attempts.size() >= MOST_ATTEMPTS) {
                remove(attempts.keySet().iterator().next(), unclaimed);
            }
            attempts.put(
                    begun.tx(),
                    new Attempt<>(
                            session,
                            socket,
                            Secrets.digest(begun.secret()),
                            clock.instant().plus(TO_SIGN_IN)));
        }
        unclaimed.forEach(discard);
        return begun;
    }

    /**
     * Opens an attempt, for its pop-up. Works once for each attempt.
     *
     * @param tx the attempt's name, as the browser sent it
     * @return the pane that asked; empty if there is no such attempt, or if it was opened before
     */
    public synchronized Optional<Asker> open(String tx) {
        Attempt<T> attempt = attempts.get(tx);
        if (attempt == null || attempt.opened || ended(attempt)) {
            return Optional.empty();
        }
        attempt.opened = true;
        return Optional.of(new Asker(attempt.session, attempt.socket));
    }

    /**
     * Takes the result of a callback, which then waits for {@link #claim}.
     *
     * @param tx the attempt's name, as the login carried it
     * @param session the session that the login carried
     * @param result the result for the pane; discarded at once if there is no such attempt any more
     * @return the token for the callback's page
     */
    public Optional<String> arrive(String tx, String session, T result) {
        String token = Secrets.make();
        synchronized (this) {
            Attempt<T> attempt = attempts.get(tx);
            if (attempt != null
                    && attempt.opened
                    && attempt.result == null
                    && attempt.session.equals(session)
                    && !ended(attempt)) {
                attempt.result = result;
                attempt.tokenDigest = Secrets.digest(token);
                attempt.ends = clock.instant().plus(TO_CLAIM);
                return Optional.of(token);
            }
        }
        discard.accept(result);
        return Optional.empty();
    }

    /**
     * Ends an attempt whose callback has no result.
     *
     * @param tx the attempt's name, as the browser sent it
     * @return the pane that asked, to be told; empty if there is no such attempt, or if it has a result
     */
    public synchronized Optional<Asker> fail(String tx) {
        Attempt<T> attempt = attempts.get(tx);
        if (attempt == null || !attempt.opened || attempt.result != null || ended(attempt)) {
            return Optional.empty();
        }
        attempts.remove(tx);
        return Optional.of(new Asker(attempt.session, attempt.socket));
    }

    /**
     * Claims a result, for its pane. The attempt ends here in any case.
     *
     * @param tx the attempt's name
     * @param session the session that the request came in
     * @param secret the pane's secret
     * @param token the token that the pop-up has passed to the pane
     * @return the result, if everything is right
     */
    public Optional<T> claim(String tx, String session, String secret, String token) {
        T result;
        boolean right;
        synchronized (this) {
            Attempt<T> attempt = attempts.get(tx);
            if (attempt == null || !isSame(attempt.session, session)) {
                return Optional.empty(); // somebody else's: nobody may end it for them
            }
            attempts.remove(tx);
            result = attempt.result;
            byte[] tokenDigest = attempt.tokenDigest;
            // Both are looked at always, so that the time taken does not tell which was wrong.
            boolean secretIsRight = Secrets.isSecretOf(attempt.secretDigest, secret);
            boolean tokenIsRight = tokenDigest != null && Secrets.isSecretOf(tokenDigest, token);
            right = secretIsRight && tokenIsRight && !ended(attempt);
        }
        if (result == null) {
            return Optional.empty();
        }
        if (!right) {
            discard.accept(result);
            return Optional.empty();
        }
        return Optional.of(result);
    }

    private static boolean isSame(String one, String other) {
        return MessageDigest.isEqual(Secrets.digest(one), Secrets.digest(other));
    }

    /** Discards the results that were not claimed in time. Call it every few seconds. */
    public void sweep() {
        List<T> unclaimed;
        synchronized (this) {
            unclaimed = removeEnded();
        }
        unclaimed.forEach(discard);
    }

    /** Discards everything: this process ends. */
    public void close() {
        List<T> unclaimed = new ArrayList<>();
        synchronized (this) {
            List.copyOf(attempts.keySet()).forEach(tx -> remove(tx, unclaimed));
        }
        unclaimed.forEach(discard);
    }

    private boolean ended(Attempt<T> attempt) {
        return !clock.instant().isBefore(attempt.ends);
    }

    private List<T> removeEnded() {
        List<T> unclaimed = new ArrayList<>();
        attempts.values().removeIf(attempt -> {
            boolean ended = ended(attempt);
            T result = attempt.result;
            if (ended && result != null) {
                unclaimed.add(result);
            }
            return ended;
        });
        return unclaimed;
    }

    private void remove(String tx, List<T> unclaimed) {
        Attempt<T> attempt = attempts.remove(tx);
        if (attempt != null && attempt.result != null) {
            unclaimed.add(attempt.result);
        }
    }
}
