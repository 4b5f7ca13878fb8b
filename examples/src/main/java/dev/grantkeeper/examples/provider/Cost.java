/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.provider;

import dev.grantkeeper.provider.Preset;
import dev.grantkeeper.provider.Providers;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.zip.DeflaterOutputStream;

/** The cost of the list of providers in a process that has just started: time, memory, bytes in the jar. */
final class Cost {
    private final PrintStream out;

    Cost(PrintStream out) {
        this.out = out;
    }

    void print() throws IOException {
        long start = System.nanoTime();
        Providers.named("airtable").provider();
        print("the first provider by its name, with all classes loaded for it", start);
        start = System.nanoTime();
        Providers.named("zendesk").with("subdomain", "acme").provider();
        print("the second one", start);
        long before = memory();
        start = System.nanoTime();
        List<Preset> all = Providers.all();
        print("the whole list", start);
        out.println((memory() - before) / 1024 + " KiB: memory for its " + all.size() + " providers, which is kept");
        try (InputStream list = Objects.requireNonNull(
                Providers.class.getResourceAsStream("providers.json"), "the list is beside the class")) {
            byte[] text = list.readAllBytes();
            Counter counter = new Counter();
            try (DeflaterOutputStream deflated = new DeflaterOutputStream(counter)) {
                deflated.write(text);
            }
            out.println(counter.bytes / 1024 + " KiB: the list in the jar, " + text.length / 1024 + " KiB unpacked");
        }
    }

    private void print(String what, long start) {
        out.println(TimeUnit.NANOSECONDS.toMicros(System.nanoTime() - start) + " us: " + what);
    }

    private static long memory() {
        long used = Long.MAX_VALUE;
        for (int i = 0; i < 5; i++) {
            System.gc();
            used = Math.min(
                    used,
                    ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed());
        }
        return used;
    }

    private static final class Counter extends java.io.OutputStream {
        private long bytes;

        @Override
        public void write(int b) {
            bytes++;
        }
    }
}
