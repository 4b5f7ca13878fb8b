/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.spotify;

import io.javalin.http.sse.SseClient;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The pages that are open, to which the present state is pushed when it changes (server-sent events). Thread-safe. */
final class Live implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Live.class);

    /** Much happens at once; one push covers all of it. */
    private static final int GATHER_MILLIS = 30;

    private record Page(SseClient client, String userId, Supplier<Object> view) {}

    private final Set<Page> pages = ConcurrentHashMap.newKeySet();
    private final Set<String> due = ConcurrentHashMap.newKeySet();
    private final ScheduledExecutorService pusher = Executors.newSingleThreadScheduledExecutor(work -> {
        Thread thread = new Thread(work, "live-pages");
        thread.setDaemon(true);
        return thread;
    });

    Live() {
        // Idle connections are closed after half a minute.
        Future<?> unused = pusher.scheduleWithFixedDelay(
                () -> send(page -> true, page -> page.client.sendComment("still here")), 10, 10, TimeUnit.SECONDS);
    }

    /** Adds a page that has been opened. It gets the view now and whenever it changes. */
    void open(SseClient client, String userId, Supplier<Object> view) {
        Page page = new Page(client, userId, view);
        client.keepAlive();
        client.onClose(() -> pages.remove(page));
        pages.add(page);
        changed(userId);
    }

    /** Pushes the view of a user that has changed. Returns at once. */
    void changed(String userId) {
        if (due.add(userId) && !pusher.isShutdown()) {
            Future<?> unused = pusher.schedule(
                    () -> {
                        due.remove(userId);
                        send(
                                page -> page.userId.equals(userId),
                                page -> page.client.sendEvent("view", page.view.get()));
                    },
                    GATHER_MILLIS,
                    TimeUnit.MILLISECONDS);
        }
    }

    private void send(Predicate<Page> whom, Consumer<Page> what) {
        pages.removeIf(page -> whom.test(page) && !arrives(page, what));
    }

    private static boolean arrives(Page page, Consumer<Page> what) {
        try {
            what.accept(page);
            return true;
        } catch (RuntimeException e) {
            LOG.debug("A page is gone", e);
            return false;
        }
    }

    @Override
    public void close() {
        pusher.shutdownNow();
        pages.forEach(page -> page.client.close());
    }
}
