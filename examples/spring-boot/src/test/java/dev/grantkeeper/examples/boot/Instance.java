/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.boot;

import dev.grantkeeper.Account;
import dev.grantkeeper.Grantkeeper;
import dev.grantkeeper.testkit.FakeAuthorizationServer;
import java.net.URI;
import java.util.Map;
import java.util.TreeMap;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.core.env.MapPropertySource;
import org.springframework.test.util.TestSocketUtils;

/** The application with the profile {@code demo}, on a free port of this machine. */
final class Instance implements AutoCloseable {
    private final String url;
    private final ConfigurableApplicationContext context;

    /**
     * Starts it.
     *
     * @param server the authorization server
     * @param settings settings beyond those of the profile
     * @param more classes of beans beyond the application's
     */
    Instance(FakeAuthorizationServer server, Map<String, String> settings, Class<?>... more) {
        int port = TestSocketUtils.findAvailableTcpPort();
        url = "http://127.0.0.1:" + port;
        Map<String, Object> properties = new TreeMap<>(settings);
        properties.put("server.port", port);
        properties.put("demo.port", URI.create(server.url()).getPort());
        context = new SpringApplicationBuilder(DiaryApplication.class)
                .sources(more)
                .profiles("demo")
                .initializers(
                        fresh -> fresh.getBeanFactory().registerSingleton("authorizationServer", server),
                        fresh -> fresh.getEnvironment()
                                .getPropertySources()
                                .addFirst(new MapPropertySource("test", properties)))
                .run();
    }

    String url() {
        return url;
    }

    <T> T bean(Class<T> type) {
        return context.getBean(type);
    }

    Account account(String registration, String user) {
        return context.getBean(registration, Grantkeeper.class).account(user);
    }

    @Override
    public void close() {
        context.close();
    }
}
