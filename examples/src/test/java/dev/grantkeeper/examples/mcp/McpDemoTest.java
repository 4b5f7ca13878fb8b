/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.mcp;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The story that {@code --demo} plays, with ten processes. */
class McpDemoTest {
    @Test
    @Timeout(900)
    void ten_processes_on_one_expired_token_make_one_token_request_and_nobody_is_signed_out() throws Exception {
        ByteArrayOutputStream told = new ByteArrayOutputStream();
        boolean happened = Demo.play(new PrintStream(told, true, StandardCharsets.UTF_8));
        String timeline = told.toString(StandardCharsets.UTF_8);
        List<String> lines = timeline.lines().toList();

        assertThat(happened).as(timeline).isTrue();
        assertThat(lines).noneMatch(line -> line.startsWith("✗"));
        assertThat(lines).filteredOn(line -> line.contains("refreshed in")).hasSize(1);
        assertThat(lines)
                .filteredOn(line -> line.contains("waited") || line.contains("found new tokens"))
                .hasSize(9);
        assertThat(lines)
                .filteredOn(line -> line.endsWith("and was answered 42"))
                .hasSize(10);
        assertThat(timeline)
                .contains("10 calls, 10 answers: 1 token request, 0 refresh tokens used twice")
                .contains("Nobody is signed out");
    }
}
