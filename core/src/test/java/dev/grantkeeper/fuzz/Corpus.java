/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.fuzz;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Texts to begin with: what providers document that they send, and the oddities that somebody reported. */
final class Corpus {
    private Corpus() {}

    static List<String> of(Parsers parser) {
        List<String> all = named(parser.name().toLowerCase(Locale.ROOT));
        if (parser == Parsers.TOKENS || parser == Parsers.ERRORS) {
            for (JsonNode vector : json("/dev/grantkeeper/provider-vectors.json")) {
                JsonNode body = vector.path("body");
                if (!body.isMissingNode()) {
                    all.add(body.isTextual() ? body.textValue() : body.toString());
                }
            }
        }
        return all;
    }

    static List<String> named(String kind) {
        List<String> all = new ArrayList<>();
        json("/fuzz/corpus.json")
                .path(kind)
                .forEach(text -> all.add(text.isTextual() ? text.textValue() : text.toString()));
        if (all.isEmpty()) {
            throw new AssertionError("no corpus for " + kind);
        }
        return all;
    }

    private static JsonNode json(String resource) {
        try (InputStream in = Corpus.class.getResourceAsStream(resource)) {
            return new JsonMapper().readTree(in);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
