/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import dev.grantkeeper.token.TokenSet;
import java.time.Duration;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * The limits of an access token (law 8). Past the soft limit it is still used, and refreshed behind the scenes; past
 * the hard limit, callers wait for a new one; past its expiry, it is of no use to anybody.
 *
 * <p>The wall clock decides, bounded by the monotonic one: however far the wall clock jumps back, a token is used for
 * no longer than its lifetime after it was first seen (law 13). Each limit is a moment of both clocks.
 */
final class TokenLimits {
    /** Longer than any process runs, and a number of nanoseconds: "never" is often written as the year 9999. */
    private static final Duration LONGEST = Duration.ofDays(36_500);

    /**
     * The longest hard margin before the expiry, so that a request still arrives in time. It is a tenth of a short
     * lifetime.
     */
    private static final Duration HARD = Duration.ofSeconds(30);

    /**
     * The longest soft margin before the expiry, so that nobody has to wait. It is a fifth of a short lifetime; up to
     * half as much again is added.
     */
    private static final Duration SOFT = Duration.ofMinutes(5);

    /** Later than any clock shows, and a number of milliseconds. */
    private static final Instant FAR = Instant.ofEpochMilli(Long.MAX_VALUE / 2);

    /** A limit that no clock reaches. */
    private static final long NEVER = Long.MAX_VALUE;

    /** The limits where there is no token: all of them are past. */
    static final TokenLimits NONE = new TokenLimits();

    // Each call of an API compares with these, so they are numbers: milliseconds of the wall clock, and ticks.
    private final long soft;
    private final long hard;
    private final long expiry;
    private final long softTicks;
    private final long hardTicks;
    private final long expiryTicks;

    private TokenLimits(TokenSet tokens, @Nullable Duration earliest, Clocks clocks) {
        @Nullable Instant expires = tokens.expiresAt().orElse(null);
        // Of unknown lifetime: good until an API says otherwise.
        @Nullable Instant softAt = tokens.refreshAt().orElse(null);
        @Nullable Instant hardAt = null;
        @Nullable Duration lifetime = null;
        if (expires != null) {
            lifetime = positive(Duration.between(tokens.receivedAt(), expires));
            Duration window = earliest == null ? LONGEST : earliest;
            // With all of its jitter it stays inside the window in which a refresh is accepted.
            Duration softMargin =
                    min(min(lifetime.dividedBy(5), SOFT), window.multipliedBy(3).dividedBy(5));
            // Nodes that hold the same tokens do not all wake up at once.
            Duration jitter = softMargin.multipliedBy(clocks.random(500)).dividedBy(1000);
            Instant early = expires.minus(softMargin).minus(jitter);
            boolean wanted = softAt != null && !softAt.isBefore(expires.minus(window)) && softAt.isBefore(early);
            softAt = wanted ? softAt : early;
            hardAt = expires.minus(min(min(lifetime.dividedBy(10), HARD), window.dividedBy(3)));
        }
        soft = millis(softAt);
        hard = millis(hardAt);
        expiry = millis(expires);
        softTicks = ticks(softAt, lifetime, clocks);
        hardTicks = ticks(hardAt, lifetime, clocks);
        expiryTicks = ticks(expires, lifetime, clocks);
    }

    private TokenLimits() {
        soft = Long.MIN_VALUE;
        hard = Long.MIN_VALUE;
        expiry = Long.MIN_VALUE;
        softTicks = NEVER;
        hardTicks = NEVER;
        expiryTicks = NEVER;
    }

    private static long millis(@Nullable Instant limit) {
        if (limit == null) {
            return NEVER;
        }
        // A clock that shows whole milliseconds is before a limit until the next one begins.
        return limit.isAfter(FAR) ? NEVER : limit.isBefore(Instant.EPOCH) ? Long.MIN_VALUE : ceil(limit);
    }

    private static long ceil(Instant limit) {
        long millis = limit.toEpochMilli();
        return Instant.ofEpochMilli(millis).isBefore(limit) ? millis + 1 : millis;
    }

    /**
     * The limits of tokens that are seen for the first time now.
     *
     * @param earliest the time before the expiry from which a refresh is accepted; {@code null} for any
     */
    static TokenLimits of(TokenSet tokens, @Nullable Duration earliest, Clocks clocks) {
        return new TokenLimits(tokens, earliest, clocks);
    }

    private static long ticks(@Nullable Instant limit, @Nullable Duration lifetime, Clocks clocks) {
        if (limit == null || lifetime == null) {
            return NEVER;
        }
        // A clock that was wrong when the token came, or is wrong now, cannot make it outlive its lifetime.
        return clocks.ticks()
                + min(min(positive(Duration.between(clocks.now(), limit)), lifetime), LONGEST)
                        .toNanos();
    }

    private static Duration positive(Duration time) {
        return time.isNegative() ? Duration.ZERO : time;
    }

    private static Duration min(Duration a, Duration b) {
        return a.compareTo(b) < 0 ? a : b;
    }

    boolean pastSoft(Clocks clocks) {
        return pastSoft(clocks.millis(), clocks.ticks());
    }

    boolean pastHard(Clocks clocks) {
        return pastHard(clocks.millis(), clocks.ticks());
    }

    /** Whether the soft limit is past by one of two clocks that were read before. */
    boolean pastSoft(long millis, long ticks) {
        return past(soft, millis, softTicks, ticks);
    }

    /** Whether the hard limit is past by one of two clocks that were read before. */
    boolean pastHard(long millis, long ticks) {
        return past(hard, millis, hardTicks, ticks);
    }

    boolean expired(Clocks clocks) {
        return past(expiry, clocks.millis(), expiryTicks, clocks.ticks());
    }

    private static boolean past(long limit, long millis, long limitTicks, long ticks) {
        return (limit != NEVER && millis >= limit) || (limitTicks != NEVER && ticks - limitTicks >= 0);
    }
}
