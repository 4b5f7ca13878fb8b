/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.provider;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.grantkeeper.provider.Preset.Certainty;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/**
 * The report on the list of providers in their README is what the list says. It is written anew by {@code ./mvnw -pl
 * core test -Dtest=ProvidersReportTest -Dgrantkeeper.report.write=true}.
 */
class ProvidersReportTest {
    private static final Path README = Path.of("src/main/java/dev/grantkeeper/provider/README.md");
    private static final Path VECTORS = Path.of("src/test/resources/dev/grantkeeper/provider-vectors.json");
    private static final String BEGIN = "<!-- written by ProvidersReportTest -->\n";
    private static final String END = "<!-- until here -->\n";

    /** From the name of a provider in the vectors to its name in the list. */
    private static final Map<String, String> VECTOR_NAMES =
            Map.of("entra-v2", "microsoft", "entra-v1", "microsoft", "stripe-app", "stripe-apps");

    /** The recorded and documented messages of a provider that {@code ProviderVectorsTest} plays. */
    private static Map<String, Set<String>> vectors() throws IOException {
        Map<String, Set<String>> all = new TreeMap<>();
        new JsonMapper().readTree(Files.readString(VECTORS)).forEach(vector -> {
            String name = vector.path("provider").asText();
            all.computeIfAbsent(VECTOR_NAMES.getOrDefault(name, name), any -> new LinkedHashSet<>())
                    .add(vector.path("case").asText());
        });
        return all;
    }

    private static String report() {
        List<Preset> presets = Providers.all();
        StringBuilder report = new StringBuilder(BEGIN);
        report.append("\n| | with logins | for applications only | all |\n|---|---|---|---|\n");
        for (Certainty certainty : Certainty.values()) {
            report.append(counts(
                    certainty.name().toLowerCase(java.util.Locale.ROOT),
                    presets.stream()
                            .filter(preset -> preset.certainty() == certainty)
                            .toList()));
        }
        report.append(counts("all", presets));
        report.append("\n| name | provider | how sure | to fill in |\n|---|---|---|---|\n");
        for (Preset preset : presets) {
            report.append("| `")
                    .append(preset.name())
                    .append("` | ")
                    .append(
                            preset.title().equals(preset.name())
                                    ? ""
                                    : preset.title().replace("|", "\\|"))
                    .append(preset.hasLogins() ? "" : " (applications only)")
                    .append(" | ")
                    .append(preset.certainty().name().toLowerCase(java.util.Locale.ROOT))
                    .append(preset.documentationRead()
                            .map(day -> ", read " + day)
                            .orElse(preset.sources() > 1 ? ", " + preset.sources() + " projects" : ""))
                    .append(" | ")
                    .append(preset.placeholders().keySet().stream()
                            .map(name -> "`" + name + "`")
                            .collect(Collectors.joining(", ")))
                    .append(" |\n");
        }
        return report.append('\n').append(END).toString();
    }

    private static String counts(String what, List<Preset> presets) {
        long logins = presets.stream().filter(Preset::hasLogins).count();
        return "| " + what + " | " + logins + " | " + (presets.size() - logins) + " | " + presets.size() + " |\n";
    }

    @Test
    void the_report_in_the_readme_is_what_the_list_says() throws IOException {
        String readme = Files.readString(README);
        int begin = readme.indexOf(BEGIN);
        int end = readme.indexOf(END) + END.length();
        String written = readme.substring(begin, end);
        if (Boolean.getBoolean("grantkeeper.report.write")) {
            Files.writeString(README, readme.substring(0, begin) + report() + readme.substring(end));
        } else {
            assertThat(written).isEqualTo(report());
        }
    }

    @Test
    void tested_are_those_whose_recorded_messages_are_played() throws IOException {
        Set<String> tested = new TreeSet<>();
        Providers.all().stream()
                .filter(preset -> preset.certainty() == Certainty.TESTED)
                .forEach(preset -> tested.add(preset.name()));
        assertThat(tested).isEqualTo(vectors().keySet());
    }

    @Test
    void there_are_four_hundred_providers_and_three_hundred_and_twenty_with_logins() {
        assertThat(Providers.all()).hasSizeGreaterThanOrEqualTo(400);
        assertThat(Providers.all().stream().filter(Preset::hasLogins)).hasSizeGreaterThanOrEqualTo(320);
    }
}
