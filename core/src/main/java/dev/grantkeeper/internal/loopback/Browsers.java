/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.loopback;

import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * Opens a URL with the system's own command. Not {@code java.awt.Desktop}: that loads the whole of AWT, native code
 * included, into a program that may have no window. No shell, so that nothing in a URL means anything to one.
 */
public final class Browsers {
    /** The time that the command has to fail; a browser that it started may go on for hours. */
    private static final long SECONDS = 3;

    private Browsers() {}

    /** Opens a URL that begins with its scheme. Returns whether there is a browser, as far as one can tell. */
    public static boolean open(String url) {
        List<String> command = command(System.getProperty("os.name", ""), System.getenv(), url);
        if (command.isEmpty()) {
            return false;
        }
        try {
            Process process = new ProcessBuilder(command)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            process.getOutputStream().close();
            return !process.waitFor(SECONDS, TimeUnit.SECONDS) || process.exitValue() == 0;
        } catch (IOException e) {
            return false; // there is no such command
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return true;
        }
    }

    /** The command; empty without a screen, where {@code xdg-open} would take over the terminal with a text browser. */
    public static List<String> command(String system, Map<String, String> environment, String url) {
        String name = system.toLowerCase(Locale.ROOT);
        if (name.contains("windows")) {
            return List.of("rundll32", "url.dll,FileProtocolHandler", url);
        }
        if (name.contains("mac")) {
            return List.of("/usr/bin/open", url);
        }
        return environment.getOrDefault("DISPLAY", "").isEmpty()
                        && environment.getOrDefault("WAYLAND_DISPLAY", "").isEmpty()
                ? List.of()
                : List.of("xdg-open", url);
    }
}
