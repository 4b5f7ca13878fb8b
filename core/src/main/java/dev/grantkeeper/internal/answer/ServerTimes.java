/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.answer;

import com.fasterxml.jackson.databind.JsonNode;
import java.math.BigDecimal;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Times as servers write them, each within bounds: no number from outside means "never" or "at every call" (law 13).
 */
public final class ServerTimes {
    /**
     * The meaning of an {@code expires_in} that is not a lifetime: 0 and less. Long enough not to refresh on every
     * call.
     */
    private static final Duration SHORTEST = Duration.ofSeconds(10);

    private static final Duration LONGEST = Duration.ofDays(3650);
    /** Spotify has asked for hours. Nobody waits longer than this. */
    private static final Duration LONGEST_RETRY_AFTER = Duration.ofDays(30);

    private ServerTimes() {}

    /** A number of seconds as servers write it: 3600, "3600", 3599.7. {@code null} for anything else. */
    public static @Nullable Duration seconds(JsonNode node) {
        BigDecimal value;
        if (node.isIntegralNumber()
                || (node.isTextual() && node.textValue().matches("-?[0-9]{1,32}(\\.[0-9]{1,32})?"))) {
            value = new BigDecimal(node.asText());
        } else if (node.isFloatingPointNumber()) {
            double number = node.doubleValue();
            value = number >= LONGEST.toSeconds()
                    ? BigDecimal.valueOf(LONGEST.toSeconds())
                    : BigDecimal.valueOf(Math.max(number, -1));
        } else {
            return null;
        }
        if (value.compareTo(BigDecimal.ONE) < 0) {
            return SHORTEST;
        }
        return value.compareTo(BigDecimal.valueOf(LONGEST.toSeconds())) > 0
                ? LONGEST
                : Duration.ofSeconds(value.longValue());
    }

    /** The time until a moment, in seconds or milliseconds since 1970; {@code null} if it cannot be in these years. */
    static @Nullable Duration until(JsonNode node, Instant now) {
        if (!node.isIntegralNumber() && !(node.isTextual() && node.textValue().matches("[0-9]{10,13}"))) {
            return null;
        }
        long moment = node.isTextual() ? Long.parseLong(node.textValue()) : node.asLong();
        long seconds = (moment >= 100_000_000_000L ? moment / 1000 : moment) - now.getEpochSecond();
        if (seconds < -LONGEST.toSeconds() || seconds > LONGEST.toSeconds()) {
            return null;
        }
        return seconds < SHORTEST.toSeconds() ? SHORTEST : Duration.ofSeconds(seconds);
    }

    /** {@code Retry-After} in both its forms (RFC 9110 section 10.2.3); of several the longest. */
    public static @Nullable Duration retryAfter(List<String> values, Instant now) {
        Duration longest = null;
        for (String value : values) {
            Duration one = retryAfter(value.strip(), now);
            if (one != null && (longest == null || one.compareTo(longest) > 0)) {
                longest = one;
            }
        }
        return longest;
    }

    private static @Nullable Duration retryAfter(String value, Instant now) {
        Duration pause;
        if (value.matches("[0-9]{1,18}")) {
            pause = Duration.ofSeconds(Long.parseLong(value));
        } else {
            try {
                pause = Duration.between(
                        now,
                        ZonedDateTime.parse(value, DateTimeFormatter.RFC_1123_DATE_TIME)
                                .toInstant());
            } catch (DateTimeParseException e) {
                return null;
            }
        }
        if (pause.isNegative()) {
            return Duration.ZERO;
        }
        return pause.compareTo(LONGEST_RETRY_AFTER) > 0 ? LONGEST_RETRY_AFTER : pause;
    }
}
