/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.fuzz;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;

/**
 * The parsers of {@link ParserFuzzTest}, with texts that Jazzer makes by looking at which branches they reach. The
 * first byte chooses the parser.
 */
class ParserFuzzer {
    /** Where Jazzer looks for texts to begin with, and keeps those that it finds, in the directory that it runs in. */
    private static final Path CORPUS = Path.of(".cifuzz-corpus", ParserFuzzer.class.getName(), "every_parser");

    private static final Parsers[] PARSERS = Parsers.values();

    @BeforeAll
    static void writeCorpus() throws IOException {
        Files.createDirectories(CORPUS);
        for (int chosen = 0; chosen < PARSERS.length; chosen++) {
            Parsers parser = PARSERS[chosen];
            int number = 0;
            for (String text : Corpus.of(parser)) {
                Path file = CORPUS.resolve(parser + "-" + number++);
                Files.writeString(file, (char) chosen + text);
            }
        }
    }

    @FuzzTest(maxDuration = "5m")
    void every_parser(byte[] input) {
        if (input.length > 0) {
            String text = new String(input, 1, input.length - 1, StandardCharsets.UTF_8);
            PARSERS[Byte.toUnsignedInt(input[0]) % PARSERS.length].read(text);
        }
    }
}
