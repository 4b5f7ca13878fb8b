/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.boot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.grantkeeper.Grantkeeper;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.test.util.TestSocketUtils;

/** The application starts with each profile, and without its settings it says what is missing. */
@Timeout(300)
class StartTest {
    private static final List<String> CONFIGURED = List.of(
            "--SEALING_SECRET=Zm9yIHRoaXMgdGVzdCBhbmQgbm90aGluZyBlbHNl",
            "--SPOTIFY_CLIENT_ID=diary",
            "--SPOTIFY_CLIENT_SECRET=of-this-test",
            "--ACME_ISSUER=https://login.acme.example",
            "--ACME_CLIENT_ID=diary",
            "--ACME_CLIENT_SECRET=of-this-test",
            "--ACME_API=https://api.acme.example/me");

    @TempDir
    Path home;

    private static ConfigurableApplicationContext run(List<String> settings, String... more) {
        List<String> arguments = new ArrayList<>(settings);
        arguments.add("--server.port=" + TestSocketUtils.findAvailableTcpPort());
        arguments.addAll(List.of(more));
        return new SpringApplicationBuilder(DiaryApplication.class).run(arguments.toArray(String[]::new));
    }

    @Test
    void it_starts_on_a_file_while_no_authorization_server_is_there() throws IOException {
        String settings;
        try (ConfigurableApplicationContext context = run(CONFIGURED, "--user.home=" + home)) {
            settings = context.getBean(Settings.class).toString();
            assertThat(context.getBean("spotify", Grantkeeper.class)
                            .account("alice")
                            .grant())
                    .isEmpty();
        }
        assertThat(settings).contains("https://login.acme.example").doesNotContain("of-this-test", "Zm9yIHRo");
        assertThat(home.resolve(".grantkeeper-demo/spring-boot.mv.db")).exists();
    }

    @Test
    void it_starts_as_a_demonstration() throws IOException {
        try (ConfigurableApplicationContext context = run(
                List.of(), "--spring.profiles.active=demo", "--demo.port=" + TestSocketUtils.findAvailableTcpPort())) {
            assertThat(context.getBean("acme", Grantkeeper.class)
                            .account("alice")
                            .grant())
                    .isEmpty();
        }
    }

    @Test
    void it_starts_on_postgresql() throws IOException {
        try (EmbeddedPostgres postgres = EmbeddedPostgres.start();
                ConfigurableApplicationContext context = run(
                        CONFIGURED,
                        "--spring.profiles.active=postgres",
                        "--DATABASE_URL=" + postgres.getJdbcUrl("postgres", "postgres"),
                        "--DATABASE_USER=postgres")) {
            assertThat(context.getBean("spotify", Grantkeeper.class)
                            .account("alice")
                            .grant())
                    .isEmpty();
        }
    }

    @Test
    void without_its_settings_it_says_which_are_missing() {
        assertThatThrownBy(() -> run(CONFIGURED.subList(0, 2)))
                .rootCause()
                .hasMessage("Not configured: SPOTIFY_CLIENT_SECRET, ACME_ISSUER, ACME_CLIENT_ID, ACME_CLIENT_SECRET,"
                        + " ACME_API. Set these environment variables, or start with the profile \"demo\", which needs"
                        + " none");
    }

    @ParameterizedTest
    @CsvSource({
        "V1__grantkeeper.sql,     dev/grantkeeper/store/jdbc/schema-",
        "V2__spring_session.sql,  org/springframework/session/jdbc/schema-",
    })
    void migrations_are_the_schemas_of_the_libraries(String migration, String schema) throws IOException {
        for (String database : List.of("h2", "postgresql")) {
            assertThat(Files.readString(Path.of("src/main/resources/db", database, migration)))
                    .isEqualToNormalizingNewlines(resource(schema + database + ".sql"));
        }
    }

    @Test
    void every_file_of_the_application_is_among_those_to_copy() throws IOException {
        String page = Files.readString(Path.of("README.md"));
        try (Stream<Path> files = Files.walk(Path.of("src/main")).filter(Files::isRegularFile)) {
            assertThat(files)
                    .isNotEmpty()
                    .allSatisfy(file -> assertThat(page).containsAnyOf(link(file), link(file.getParent())));
        }
    }

    private static String link(Path path) {
        return "](" + path.toString().replace('\\', '/') + ")";
    }

    private static String resource(String name) throws IOException {
        try (InputStream stream = DiaryApplication.class.getClassLoader().getResourceAsStream(name)) {
            return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
        }
    }
}
