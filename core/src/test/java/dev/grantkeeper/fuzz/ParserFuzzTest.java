/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Every parser of texts from outside reads texts that are almost right: nothing gets out but what it declares, and
 * nothing takes more than linear time. A seed makes the same texts again: {@code -Dgrantkeeper.fuzz=1
 * -Dgrantkeeper.seed=4711}.
 */
@Timeout(3600)
class ParserFuzzTest {
    private static final int MANY = Integer.getInteger("grantkeeper.fuzz", 1_500);
    private static final long FIRST = Long.getLong("grantkeeper.seed", 1);
    private static final int TEXTS_OF_A_SEED = 20;

    /** The place at which the text goes on; in a text of a JSON object if nothing else is told. */
    private static final Map<Parsers, String> BEFORE = Map.of(
            Parsers.FORMS, "access_token=a&",
            Parsers.WORDS, "Basic ",
            Parsers.CHALLENGES, "Bearer realm=\"",
            Parsers.CALLBACKS, "https://app.example/cb?",
            Parsers.ERRORS, "{\"error\":\"x\",\"error_description\":\"",
            Parsers.PAUSES, "1");

    /** Characters; the second text is eight times as long, and may take forty times as long, and not 64. */
    private static final int SHORT = 12_000;

    @ParameterizedTest
    @EnumSource
    void nothing_but_what_is_declared_gets_out(Parsers parser) {
        List<String> corpus = Corpus.of(parser);
        corpus.forEach(parser::read);
        int seeds = Math.max(1, MANY / TEXTS_OF_A_SEED);
        for (long seed = FIRST; seed < FIRST + seeds; seed++) {
            Mutations mutations = new Mutations(seed, corpus);
            for (int i = 0; i < TEXTS_OF_A_SEED; i++) {
                String text = mutations.next();
                try {
                    parser.read(text);
                } catch (Throwable e) {
                    throw new AssertionError(parser + ", seed " + seed + ", text: " + text, e);
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void nothing_takes_more_than_linear_time(Parsers parser) {
        for (String part : parts(parser)) {
            assertLinear(parser, "", part);
            assertLinear(parser, BEFORE.getOrDefault(parser, "{\"x\":\""), part);
        }
    }

    private static List<String> parts(Parsers parser) {
        List<String> parts = new ArrayList<>(List.of(
                "a",
                "&",
                "=",
                "&a=b",
                "[",
                "{\"a\":",
                "\"a\":1,",
                "[],",
                ".",
                ",",
                " ",
                "%41",
                "%",
                "\\u0041",
                "\\",
                "&amp;",
                "eyJ",
                "Bearer a=b, ",
                "Bearer ",
                "\"",
                "1",
                "canary-1//0gAb"));
        Corpus.of(parser).stream().limit(4).forEach(parts::add);
        return parts;
    }

    /**
     * By the processor's time, which a busy machine does not stretch; the best of three, which nothing else disturbs.
     */
    private static void assertLinear(Parsers parser, String before, String part) {
        String text = before + part.repeat(SHORT / Math.max(1, part.length()) + 1);
        String longer = before + part.repeat(8 * SHORT / Math.max(1, part.length()) + 1);
        long once = work(parser, text);
        long more = work(parser, longer);
        assertThat(more)
                .as(
                        "%s: nanoseconds for %d times %s after %s; for an eighth of it %d",
                        parser, longer.length(), part, before, once)
                .isLessThan(40 * once + 300_000_000L);
    }

    private static long work(Parsers parser, String text) {
        long best = Long.MAX_VALUE;
        for (int i = 0; i < 3 && best > 1_000_000; i++) {
            long start = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
            parser.read(text);
            best = Math.min(best, ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() - start);
        }
        return best;
    }
}
