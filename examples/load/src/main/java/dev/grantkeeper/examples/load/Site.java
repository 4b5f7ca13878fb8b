/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.load;

import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** Everything that runs: a PostgreSQL, the authorization server with its API, and the nodes, each a process. */
final class Site implements AutoCloseable {
    /** Connections of each library of each node. */
    static final int CONNECTIONS = 10;

    private static final int LIBRARIES = 8;

    private final EmbeddedPostgres postgres;
    private final Child server;
    private final int serverPort;
    private final List<Child> nodes = new ArrayList<>();

    private Site(EmbeddedPostgres postgres, Child server, int serverPort) {
        this.postgres = postgres;
        this.server = server;
        this.serverPort = serverPort;
    }

    static Site open(int nodes) throws IOException {
        EmbeddedPostgres postgres = EmbeddedPostgres.builder()
                .setServerConfig("max_connections", String.valueOf(nodes * LIBRARIES * CONNECTIONS + 20))
                .setServerConfig("fsync", "on")
                .setServerConfig("synchronous_commit", "on")
                .start();
        Child server = Child.start(Server.class, "512m");
        Site site = new Site(postgres, server, (int) server.ask("port").number("port"));
        try {
            for (int i = 0; i < nodes; i++) {
                site.nodes.add(site.newNode());
            }
            for (Child node : site.nodes) {
                node.ask("statements");
            }
            return site;
        } catch (IOException e) {
            site.close();
            throw e;
        }
    }

    private Child newNode() throws IOException {
        return Node.start(serverPort, postgres.getPort(), CONNECTIONS);
    }

    Child server() {
        return server;
    }

    List<Child> nodes() {
        return nodes;
    }

    Child node(int number) {
        return nodes.get(number);
    }

    /** Kills a node. */
    void kill(int number) throws InterruptedException {
        nodes.get(number).kill();
    }

    /** Starts another node in place of one that was killed. */
    void startAgain(int number) throws IOException {
        nodes.set(number, newNode());
    }

    /** Gives all nodes the same order at once, and waits for all answers. */
    List<Figures> all(Object... words) {
        return first(nodes.size(), words);
    }

    /** Gives the first few nodes the same order at once, and waits for their answers. */
    List<Figures> first(int count, Object... words) {
        return answers(
                nodes.subList(0, count).stream().map(node -> node.order(words)).toList());
    }

    static List<Figures> answers(List<CompletableFuture<Figures>> ordered) {
        return ordered.stream().map(CompletableFuture::join).toList();
    }

    static long sum(List<Figures> figures, String name) {
        return figures.stream().mapToLong(one -> one.number(name)).sum();
    }

    /** The first value of a query. */
    String query(String sql) throws SQLException {
        try (Connection connection = postgres.getPostgresDatabase().getConnection();
                Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(sql)) {
            return rows.next() ? rows.getString(1) : "";
        }
    }

    @Override
    public void close() throws IOException {
        nodes.forEach(Child::close);
        server.close();
        postgres.close();
    }
}
