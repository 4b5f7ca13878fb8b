/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.terminal;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Locale;
import java.util.Map;

/** The directories for one user's files, by the rules of each system. */
public final class Places {
    private static final String NAME = "grantkeeper-terminal";

    private Places() {}

    /** The user's directory for this program's settings. */
    static Path config(String system, Map<String, String> environment, Path home) {
        return config(NAME, system, environment, home);
    }

    /**
     * Returns the user's directory for a program's settings.
     *
     * @param program the name of the directory
     * @param system the name of the operating system
     * @param environment its variables
     * @param home the user's home directory
     * @return the directory, which need not exist
     */
    public static Path config(String program, String system, Map<String, String> environment, Path home) {
        String name = system.toLowerCase(Locale.ROOT);
        if (name.contains("windows")) {
            String roaming = environment.getOrDefault("APPDATA", "");
            return (roaming.isBlank() ? home.resolve("AppData").resolve("Roaming") : Path.of(roaming)).resolve(program);
        }
        if (name.contains("mac")) {
            return home.resolve("Library").resolve("Application Support").resolve(program);
        }
        // XDG Base Directory Specification: a path that is not absolute is to be ignored.
        String xdg = environment.getOrDefault("XDG_CONFIG_HOME", "");
        return (xdg.startsWith("/") ? Path.of(xdg) : home.resolve(".config")).resolve(program);
    }

    /**
     * Creates a directory that only its owner can enter, if the file system knows owners.
     *
     * @param directory the directory
     * @return its absolute path
     * @throws IOException if it cannot be created
     */
    public static Path make(Path directory) throws IOException {
        boolean owners = directory.getFileSystem().supportedFileAttributeViews().contains("posix");
        FileAttribute<?>[] ownerOnly = owners
                ? new FileAttribute<?>[] {
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"))
                }
                : new FileAttribute<?>[0];
        return Files.createDirectories(directory.toAbsolutePath(), ownerOnly);
    }
}
