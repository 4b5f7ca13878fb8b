/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.log;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The library's log, under the name of {@code Grantkeeper}. What an appender throws, because of a full disk or a defect
 * of its own, ends here: it fails no call and loses no token. Thread-safe.
 */
public final class Log {
    private static final Logger LOG = LoggerFactory.getLogger("dev.grantkeeper.Grantkeeper");

    private Log() {}

    /** Logs at DEBUG. */
    public static void debug(String format, @Nullable Object... arguments) {
        quietly(() -> LOG.debug(format, arguments));
    }

    /** Logs at INFO. */
    public static void info(String format, @Nullable Object... arguments) {
        quietly(() -> LOG.info(format, arguments));
    }

    /** Logs at WARN. A throwable at the end of the arguments is logged with its stack trace. */
    public static void warn(String format, @Nullable Object... arguments) {
        quietly(() -> LOG.warn(format, arguments));
    }

    /** Logs at ERROR. */
    public static void error(String format, @Nullable Object... arguments) {
        quietly(() -> LOG.error(format, arguments));
    }

    private static void quietly(Runnable line) {
        try {
            line.run();
        } catch (Throwable e) { // some languages throw checked exceptions, too, without saying so
            // There is no log to say it in.
        }
    }
}
