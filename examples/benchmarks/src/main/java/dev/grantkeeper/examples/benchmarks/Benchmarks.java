/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.benchmarks;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Runs all parts, and writes the report. */
final class Benchmarks {
    private Benchmarks() {}

    public static void main(String[] args) throws Exception {
        Mode mode = Mode.valueOf(args[0].toUpperCase(Locale.ROOT));
        List<String> wanted = List.of(args[1].split(","));
        Path directory = Path.of(args[2]);
        Map<String, Part> parts = new LinkedHashMap<>();
        parts.put("calls", new Calls());
        for (Map.Entry<String, Part> part : parts.entrySet()) {
            if (wanted.contains("all") || wanted.contains(part.getKey())) {
                String text = part.getValue().run(mode);
                System.out.println(text);
            }
        }
    }
}
