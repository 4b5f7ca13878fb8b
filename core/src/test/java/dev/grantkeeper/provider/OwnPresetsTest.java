/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.provider;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.grantkeeper.internal.provider.Facts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.List;
import org.assertj.core.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** An application's own list of providers, beside the library's. */
class OwnPresetsTest {
    private static final String ACME = """
            {"name": "acme", "title": "Acme Works", "aliases": ["acme-works"], "read": "2026-11-28",
             "placeholders": {"region": {"values": {"eu": {"login": "login.eu.acme.example", "api": "api.eu.acme.example"},
                                                    "us": {"login": "login.acme.example", "api": "api.acme.example"}},
                                         "default": "us"},
                              "app": {"type": "text", "example": "a b"}},
             "authorizationEndpoint": "https://{region.login}/authorize", "tokenEndpoint": "https://{region.login}/token",
             "apiOrigins": ["https://{region.api}"], "clientAuthentication": "secret_post", "scopeSeparator": ",",
             "authorizationParameters": {"application": "{app}"}, "replay": "PROMPT",
             "refreshTokenLifetime": {"lifetime": "P90D", "from": "LAST_USE"},
             "dialect": {"errors": {"gone": "REFUSED"}, "members": {"access_token": "/data/token"}}}""";

    @TempDir
    private Path directory;

    private Presets list(String... rows) throws IOException {
        return Providers.and(Files.writeString(
                directory.resolve("providers.json"), "{\"providers\": [" + String.join(",\n", rows) + "]}"));
    }

    @Test
    void a_provider_of_ones_own_is_found_beside_those_of_the_library() throws IOException {
        Presets presets = list(ACME);
        Provider provider = presets.named("Acme Works")
                .with("region", "eu")
                .with("app", "x&y=z")
                .provider();
        assertThat(provider.name()).isEqualTo("acme-eu");
        assertThat(provider.tokenEndpoint()).hasToString("https://login.eu.acme.example/token");
        assertThat(provider.apiOrigins()).containsExactly("https://api.eu.acme.example:443");
        assertThat(provider.clientAuthentication()).isEqualTo(ClientAuthentication.SECRET_POST);
        assertThat(provider.meaningOf("gone")).contains(Dialect.Meaning.REFUSED);
        assertThat(Facts.of(provider).authorizationParameters).containsEntry("application", "x&y=z");
        assertThat(Facts.of(provider).dialect.members).containsEntry("access_token", List.of("/data/token"));
        assertThat(presets.named("acme").with("app", "x").provider().name()).isEqualTo("acme");
        assertThat(presets.named("github").provider().name()).isEqualTo("github");
        assertThat(presets.search("acme")).extracting(Preset::name).contains("acme");
        assertThat(presets.all()).hasSize(Providers.all().size() + 1);
    }

    @Test
    void a_preset_says_how_sure_it_is_and_what_it_wants() throws IOException {
        Preset acme = list(ACME).named("acme");
        assertThat(acme.title()).isEqualTo("Acme Works");
        assertThat(acme.certainty()).isEqualTo(Preset.Certainty.SURE);
        assertThat(acme.documentationRead()).contains(LocalDate.of(2026, 11, 28));
        assertThat(acme.asOf()).isEmpty();
        assertThat(acme.hasLogins()).isTrue();
        assertThat(acme.placeholders())
                .containsEntry("region", "one of eu, us; default us")
                .containsEntry("app", "a text, like a b");
        assertThat(Providers.named("spotify").asOf()).isPresent();
    }

    @Test
    void a_row_refines_the_librarys_own_of_the_same_name_or_another() throws IOException {
        Presets presets = list(
                "{\"name\": \"github\", \"like\": \"github\", \"domains\": [\"github.com\", \"acme.example\"], \"apiOrigins\": [\"https://github.acme.example\"],"
                        + " \"dialect\": {\"errors\": {\"gone\": \"REFUSED\"}}}",
                "{\"name\": \"our-gitlab\", \"like\": \"gitlab\","
                        + " \"placeholders\": {\"host\": {\"values\": [\"git.acme.example\"], \"default\": \"git.acme.example\"}},"
                        + " \"revocationEndpoint\": null}");
        Provider github = presets.named("github").provider();
        assertThat(github.apiOrigins()).containsExactly("https://github.acme.example:443");
        assertThat(github.tokenEndpoint()).isEqualTo(Providers.gitHub().tokenEndpoint());
        assertThat(Facts.of(github).dialect.grantedScopeSeparator).isEqualTo(",");
        Provider gitlab = presets.named("our-gitlab").provider();
        assertThat(gitlab.name()).isEqualTo("our-gitlab");
        assertThat(gitlab.tokenEndpoint()).hasToString("https://git.acme.example/oauth/token");
        assertThat(gitlab.revocationEndpoint()).isEmpty();
        assertThat(Providers.named("github").provider())
                .usingRecursiveComparison()
                .isEqualTo(Providers.gitHub());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{}                                                                 | name",
                "{\"name\": \"acme\"}                                               | authorization endpoint",
                "{\"name\": \"Acme!\", \"tokenEndpoint\": \"https://a.example/\"}   | lower-case",
                "{\"name\": \"a\", \"tokenEndpont\": \"https://a.example/\"}        | tokenEndpont is unknown",
                "{\"name\": \"a\", \"like\": \"nobody\"}                            | nobody",
                "{\"name\": \"a\", \"like\": \"a\"}                                 | like itself",
                "{\"name\": \"a\", \"tokenEndpoint\": \"http://a.example/\"}        | https",
                "{\"name\": \"a\", \"tokenEndpoint\": \"https://{x}/\"}             | {x} is not among the placeholders",
                "{\"name\": \"a\", \"placeholders\": {\"x\": {\"type\": \"text\"}}, \"tokenEndpoint\": \"https://{x}/\"}| any text",
                "{\"name\": \"a\", \"placeholders\": {\"x\": {\"type\": \"label\"}}, \"tokenEndpoint\": \"https://a.example/\"}| nothing refers to x",
                "{\"name\": \"a\", \"placeholders\": {\"x\": {\"type\": \"url\"}}}  | label, domain, host",
                "{\"name\": \"a\", \"placeholders\": {\"x\": {}}}                   | needs values",
                "{\"name\": \"a\", \"placeholders\": {\"x\": {\"typ\": \"host\"}}}  | typ is unknown",
                "{\"name\": \"a\", \"replay\": \"SOON\"}                            | PROMPT",
                "{\"name\": \"a\", \"defaultLifetime\": \"an hour\"}                | PT1H",
                "{\"name\": \"a\", \"pkce\": \"no\"}                                | true or false",
                "{\"name\": \"a\", \"dialect\": {\"formPost\": false}}              | left out",
                "{\"name\": \"a\", \"dialect\": {\"colour\": \"red\"}}              | colour is an unknown difference",
                "{\"name\": \"a\", \"dialect\": {\"parameterNames\": {\"state\": \"x\"}}} | cannot have another name",
                "{\"name\": \"a\", \"sources\": \"one\"}                       | sources is a number",
                "{\"name\": \"a\", \"read\": \"28.11.2026\"}                   | read is a day like 2026-11-28",
                "{\"name\": \"a\", \"placeholders\": {\"x\": {\"type\": \"label\"}}, \"tokenEndpoint\": \"https://{x}/t\"}| {x}.example.com",
                "{\"name\": \"a\", \"placeholders\": {\"x\": {\"type\": \"label\"}}, \"tokenEndpoint\": \"https://{x}.com/t\"}| {x}.example.com",
                "{\"name\": \"a\", \"placeholders\": {\"x\": {\"type\": \"segment\"}}, \"apiOrigins\": [\"https://api.{x}\"]}| {x}.example.com",
                "{\"name\": \"a\", \"placeholders\": {\"x\": {\"type\": \"label\"}}, \"tokenEndpoint\": \"HTTPS://{x}/t\"}| {x}.example.com",
                "{\"name\": \"a\"}, {\"name\": \"a\"}                               | two providers named a",
                "{\"name\": \"a\", \"name\": \"b\"}                                 | JSON"
            })
    void a_mistake_is_named_with_the_provider_and_the_member(String row, String message) {
        assertThatIllegalArgumentException().isThrownBy(() -> list(row)).withMessageContaining(message);
    }

    @Test
    void urls_are_in_the_domains_that_the_row_names() {
        String row = "{\"name\": \"a\", \"domains\": [\"acme.example\"],"
                + " \"authorizationEndpoint\": \"https://login.acme.example/a\","
                + " \"tokenEndpoint\": \"https://login.acme.example/t\", \"apiOrigins\": [\"https://api.other.example\"]}";
        assertThatIllegalArgumentException()
                .isThrownBy(() -> list(row))
                .withMessageContaining("api.other.example")
                .withMessageContaining("providers.json");
        String free = "{\"name\": \"a\", \"domains\": [\"acme.example\"],"
                + " \"placeholders\": {\"host\": {\"type\": \"host\", \"example\": \"git.customer.example\"}},"
                + " \"authorizationEndpoint\": \"https://{host}/a\", \"tokenEndpoint\": \"https://{host}/t\"}";
        assertThatIllegalArgumentException().isThrownBy(() -> list(free)).withMessageContaining("git.customer.example");
    }

    @Test
    void every_listed_value_is_tried() {
        String row = "{\"name\": \"a\", \"placeholders\": {\"region\": {\"default\": \"us\", \"values\":"
                + " {\"us\": {\"login\": \"login.acme.example\"}, \"eu\": {\"logn\": \"login.eu.acme.example\"}}}},"
                + " \"authorizationEndpoint\": \"https://{region.login}/a\","
                + " \"tokenEndpoint\": \"https://{region.login}/t\"}";
        assertThatIllegalArgumentException()
                .isThrownBy(() -> list(row))
                .withMessageContaining("{region.login} has no value")
                .withMessageContaining("region.logn");
    }

    @Test
    void a_row_that_is_like_another_is_as_old_as_its_own_list() throws IOException {
        assertThat(list("{\"name\": \"a\", \"like\": \"github\"}").named("a").asOf())
                .isEmpty();
        assertThat(Providers.named("slack-user").asOf()).isPresent();
    }

    @Test
    void rows_that_are_like_each_other_are_a_mistake_and_no_endless_search() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> list("{\"name\": \"a\", \"like\": \"b\"}", "{\"name\": \"b\", \"like\": \"a\"}"))
                .withMessageContaining("like");
    }

    @Test
    void a_file_that_is_not_there_or_not_json_is_reported_as_such() throws IOException {
        Assertions.assertThatExceptionOfType(NoSuchFileException.class)
                .isThrownBy(() -> Providers.and(directory.resolve("none.json")));
        Path page = Files.writeString(directory.resolve("page.json"), "<html>");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Providers.and(page))
                .withMessageContaining("not JSON");
        Path empty = Files.writeString(directory.resolve("empty.json"), "{\"presets\": []}");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Providers.and(empty))
                .withMessageContaining("providers");
    }
}
