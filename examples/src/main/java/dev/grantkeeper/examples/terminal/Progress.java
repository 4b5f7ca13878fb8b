/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.terminal;

import java.io.PrintWriter;

/** A progress bar for several pages, on a terminal only, and gone at the end. Not thread-safe. */
final class Progress implements AutoCloseable {
    private static final int WIDTH = 30;

    private final PrintWriter err;
    private final boolean terminal;
    private boolean shown;

    Progress(PrintWriter err, boolean terminal) {
        this.err = err;
        this.terminal = terminal;
    }

    void at(int done, int all) {
        if (terminal && all > 0) {
            int filled = Math.min(WIDTH, WIDTH * done / all);
            err.print("\r[" + "#".repeat(filled) + ".".repeat(WIDTH - filled) + "] " + done + "/" + all);
            err.flush();
            shown = true;
        }
    }

    @Override
    public void close() {
        if (shown) {
            err.print("\r\u001b[K");
            err.flush();
        }
    }
}
