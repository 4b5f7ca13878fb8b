/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.answer;

import com.fasterxml.jackson.databind.JsonNode;
import java.math.BigDecimal;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeFormatterBuilder;
import java.time.format.DateTimeParseException;
import java.time.temporal.TemporalAccessor;
import java.util.List;
import java.util.Locale;
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

    /** A moment that has passed by more than this was not meant as the end of a token that was just issued. */
    private static final Duration LONGEST_SKEW = Duration.ofDays(1);

    private static final int MAX_DATE = 64;

    /** With an offset in any of its spellings, or without. */
    private static final DateTimeFormatter DATE = new DateTimeFormatterBuilder()
            .append(DateTimeFormatter.ISO_LOCAL_DATE_TIME)
            .appendPattern("[XXX][XX][X][VV]")
            .toFormatter(Locale.ROOT);

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

    /**
     * The time until a moment: seconds, milliseconds, microseconds or nanoseconds since 1970, as a number or a text, or
     * a date (ISO 8601, as Square writes it, or RFC 1123). {@code null} if it cannot be in these years.
     */
    static @Nullable Duration until(JsonNode node, Instant now) {
        Instant moment = node.isTextual() ? moment(node.textValue().strip()) : node.isNumber() ? moment(node) : null;
        if (moment == null) {
            return null;
        }
        long seconds = moment.getEpochSecond() - now.getEpochSecond();
        if (seconds < -LONGEST_SKEW.toSeconds() || seconds > LONGEST.toSeconds()) {
            return null;
        }
        return seconds < SHORTEST.toSeconds() ? SHORTEST : Duration.ofSeconds(seconds);
    }

    private static @Nullable Instant moment(JsonNode number) {
        double value = number.doubleValue();
        return value >= 1e9 && value < 1e19 ? moment((long) value) : null;
    }

    private static Instant moment(long number) {
        long unit = number < 100_000_000_000L
                ? 1
                : number < 100_000_000_000_000L ? 1000 : number < 100_000_000_000_000_000L ? 1_000_000 : 1_000_000_000;
        return Instant.ofEpochSecond(number / unit);
    }

    private static @Nullable Instant moment(String text) {
        if (text.matches("[0-9]{10,18}(\\.[0-9]{1,18})?")) {
            return moment(Long.parseLong(text.split("\\.", 2)[0]));
        }
        if (text.length() > MAX_DATE) {
            return null;
        }
        // Without an offset it is UTC, as everything else in these protocols is.
        boolean blank = text.length() > 10 && text.charAt(10) == ' ';
        TemporalAccessor date = parsed(
                DATE, blank ? text.substring(0, 10) + "T" + text.substring(11).replace(" ", "") : text);
        if (date == null) {
            date = parsed(DateTimeFormatter.RFC_1123_DATE_TIME, text);
        }
        if (date == null) {
            return null;
        }
        return date instanceof ZonedDateTime zoned
                ? zoned.toInstant()
                : LocalDateTime.from(date).toInstant(ZoneOffset.UTC);
    }

    private static @Nullable TemporalAccessor parsed(DateTimeFormatter format, String text) {
        try {
            return format.parseBest(text, ZonedDateTime::from, LocalDateTime::from);
        } catch (DateTimeException e) {
            return null;
        }
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
