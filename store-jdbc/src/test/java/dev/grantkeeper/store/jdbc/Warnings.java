/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.store.jdbc;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import java.util.List;
import org.slf4j.LoggerFactory;

/** The warnings of the store, caught for the test instead of printed. */
final class Warnings implements AutoCloseable {
    private final Logger log = (Logger) LoggerFactory.getLogger(JdbcTokenStore.class);
    private final ListAppender<ILoggingEvent> lines = new ListAppender<>();

    Warnings() {
        lines.start();
        log.addAppender(lines);
        log.setAdditive(false);
    }

    List<String> all() {
        return lines.list.stream()
                .filter(line -> line.getLevel().isGreaterOrEqual(Level.WARN))
                .map(ILoggingEvent::getFormattedMessage)
                .toList();
    }

    @Override
    public void close() {
        log.detachAppender(lines);
        log.setAdditive(true);
    }
}
