/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.office;

import dev.grantkeeper.examples.office.handover.ResultPage;
import io.javalin.websocket.WsContext;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The panes that are open, each with a WebSocket. They are told that something has happened and never what: they fetch
 * the state by a request that proves its session, so a socket that outlives its session learns nothing. Thread-safe.
 */
final class Panes implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Panes.class);
    private static final int MOST = 10_000;
    private static final int MOST_OF_ONE_SESSION = 16;

    private static final class Pane {
        final String id = UUID.randomUUID().toString();
        final WsContext socket;
        volatile String session;

        Pane(WsContext socket, String session) {
            this.socket = socket;
            this.session = session;
        }
    }

    /** By Javalin's name for the connection. */
    private final Map<String, Pane> panes = new ConcurrentHashMap<>();

    /**
     * Adds a pane that has connected. It gets its socket's name, and fetches the state: it may have missed something.
     */
    void open(WsContext socket, String session) {
        if (panes.size() >= MOST
                || panes.values().stream()
                                .filter(pane -> pane.session.equals(session))
                                .count()
                        >= MOST_OF_ONE_SESSION) {
            socket.closeSession(1008, "Too many panes");
            return;
        }
        socket.enableAutomaticPings(); // or an idle connection is closed after half a minute
        Pane pane = new Pane(socket, session);
        panes.put(socket.sessionId(), pane);
        send(pane, Map.of("type", "hello", "socket", pane.id));
    }

    void close(WsContext socket) {
        panes.remove(socket.sessionId());
    }

    boolean has(String socket, String session) {
        return panes.values().stream().anyMatch(pane -> pane.id.equals(socket) && pane.session.equals(session));
    }

    /** Moves the panes of a browser to its new session. */
    void move(String before, String session) {
        panes.values().stream().filter(pane -> pane.session.equals(before)).forEach(pane -> pane.session = session);
    }

    /** Tells all panes of a session that there is a new state to fetch. */
    void tell(String session, String what) {
        tell(pane -> pane.session.equals(session), Map.of("type", what));
    }

    /** Tells the pane that began an attempt the outcome of its pop-up. */
    void tell(String socket, String session, String tx, ResultPage.Status status) {
        tell(
                pane -> pane.id.equals(socket) && pane.session.equals(session),
                Map.of("type", "attempt", "tx", tx, "status", status.word()));
    }

    private void tell(Predicate<Pane> whom, Map<String, String> message) {
        panes.values().stream().filter(whom).forEach(pane -> send(pane, message));
    }

    private void send(Pane pane, Map<String, String> message) {
        try {
            pane.socket.send(message);
        } catch (RuntimeException e) {
            LOG.debug("A pane is gone", e);
            panes.remove(pane.socket.sessionId());
        }
    }

    /** Closes all connections; the panes connect again as soon as there is a server. */
    @Override
    public void close() {
        panes.values().forEach(pane -> {
            try {
                pane.socket.closeSession(1001, "Going away");
            } catch (RuntimeException e) {
                LOG.debug("A pane was gone already", e);
            }
        });
        panes.clear();
    }
}
