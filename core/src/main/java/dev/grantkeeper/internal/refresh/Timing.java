/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import dev.grantkeeper.provider.Provider.Replay;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * The time limits of a refresh. All of them follow from the length of one token call.
 *
 * <p>An attempt has to hold, in this order: its mark in the store, a token call, the wait until an unanswered request
 * can no longer arrive, and the write of the outcome. Law 15's replay marks the row again, and T begins again with that
 * mark. With the default call of 10 s:
 *
 * <pre>
 * | mark | call 10 s | travel 2 s | outcome |          | mark | replay 10 s | travel 2 s | outcome |
 * |&lt;---- T = 20 s, 8 s of it for the store ----&gt;|   |&lt;----- T again --------------------------&gt;|
 * </pre>
 *
 * <p>It cannot be shorter where a refresh token works once: a holder that is cut off from the store, or stands still,
 * cannot take back what it has sent. Where a second request does no harm ({@link Replay#PROMPT}), T is a few seconds,
 * and the holder marks the row again while its request is under way ({@link Lease}).
 *
 * @param call the deadline of one token call, as a whole
 * @param storeCacheTime the longest time for which a row is reused without reading the store again
 * @param callerWait the longest that a caller waits
 * @param prompt the longest T where a second request does no harm
 */
public record Timing(Duration call, Duration storeCacheTime, Duration callerWait, Duration prompt) {
    /** With an attempt, a look and a call, shorter than any known grace window, which is 10 s. */
    private static final Duration PROMPT = Duration.ofSeconds(4);

    private static final Duration SETTLING = Duration.ofSeconds(2);

    private static final Duration LATELY = Duration.ofSeconds(5);

    /** The times that follow from the length of a token call. */
    public Timing(Duration call, Duration storeCacheTime, Duration callerWait) {
        this(call, storeCacheTime, callerWait, PROMPT);
    }

    /** The longest T: the time for which an attempt stands before others may take it for lost. */
    Duration attempt() {
        return call.multipliedBy(2);
    }

    /**
     * The time for which a row is reused that has changed lately, or while this node has heard nothing from the store.
     */
    Duration shortestCacheTime() {
        return storeCacheTime.compareTo(LATELY) < 0 ? storeCacheTime : LATELY;
    }

    /** T at a server of this kind. */
    Duration attempt(Replay replay) {
        return replay == Replay.PROMPT && prompt.compareTo(attempt()) < 0 ? prompt : attempt();
    }

    /** The interval at which a request under way is shown to others; {@code null} if T is long enough without. */
    @Nullable
    Duration renewal(Replay replay) {
        return attempt(replay).compareTo(attempt()) < 0 ? attempt(replay).dividedBy(4) : null;
    }

    /**
     * Whether a request may still be sent.
     *
     * @param since the time since the attempt was about to be written
     */
    boolean maySend(Replay replay, Duration since) {
        Duration needed = renewal(replay) == null ? neededToSend() : Duration.ZERO;
        return attempt(replay).minus(since).compareTo(needed) >= 0;
    }

    /** The time for which a request may still be on its way after its sender has given it up. */
    Duration travel() {
        return call.dividedBy(5);
    }

    /** The part of T that has to be left when a token request begins. */
    Duration neededToSend() {
        return call.plus(travel());
    }

    /**
     * The most of a time without reads that counts towards T. An observer that waits looks more often than that, so
     * only a time in which nobody looked, or nobody could, is cut short.
     */
    Duration gap() {
        return attempt().dividedBy(10);
    }

    /** The longest pause between two tries to store tokens that the store does not have. */
    Duration betweenSaves() {
        Duration part = attempt().dividedBy(20);
        return part.compareTo(Duration.ofMillis(20)) < 0 ? Duration.ofMillis(20) : part;
    }

    /**
     * The time after an outage of the store in which no attempt begins, once all nodes have found the store back: the
     * node that wrote last looks first.
     */
    Duration settling() {
        Duration tenth = attempt().dividedBy(10);
        return tenth.compareTo(SETTLING) < 0 ? tenth : SETTLING;
    }

    /** The interval at which a clock that tests may move is read again. */
    Duration look() {
        Duration hundredth = call.dividedBy(100);
        return hundredth.compareTo(Duration.ofMillis(20)) < 0 ? Duration.ofMillis(20) : hundredth;
    }

    /**
     * The pause before an observer looks again whether somebody else's attempt has ended: longer each time, up to a
     * thirteenth of T, and spread, so that the reads of many nodes do not grow with their number.
     *
     * @param looks how often it has looked before
     */
    Duration look(int looks, Clocks clocks) {
        long most = Math.max(look().toNanos(), attempt().dividedBy(13).toNanos());
        long pause = Math.min(most, look().toNanos() << Math.min(looks, 20));
        return Duration.ofNanos(pause - clocks.random(pause / 5 + 1));
    }

    /** The time after which a token request that is still under way does not hold up others. */
    Duration patience() {
        return call.dividedBy(40);
    }
}
