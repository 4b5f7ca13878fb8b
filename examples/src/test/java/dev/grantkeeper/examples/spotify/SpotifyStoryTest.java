/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.spotify;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The story that {@code --headless} plays. */
class SpotifyStoryTest {
    @Test
    @Timeout(60)
    void wholeStoryHappens() throws Exception {
        ByteArrayOutputStream told = new ByteArrayOutputStream();
        boolean happened = Story.play(new PrintStream(told, true, StandardCharsets.UTF_8));
        String timeline = told.toString(StandardCharsets.UTF_8);
        assertThat(happened).as(timeline).isTrue();
        assertThat(timeline.lines()).hasSize(10).allMatch(line -> line.startsWith("✓"));
    }
}
