/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.spotify;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.Set;

/**
 * The secret that seals the stored rows.
 *
 * <p>A real application gets it from where its other secrets come from, and never keeps it beside the database: a thief
 * of the one must not have the other. For a demonstration that starts with one command, a file that only its owner can
 * read will do.
 */
public final class SealingSecret {
    /** The name of the environment variable for it. */
    public static final String VARIABLE = "GRANTKEEPER_SEALING_SECRET";

    private static final Set<StandardOpenOption> OPTIONS =
            Set.of(StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);

    private SealingSecret() {}

    /**
     * Returns the secret from the environment, or else the demonstration's own, made when it is first needed.
     *
     * @param database the database beside which the demonstration's own is kept
     * @return the secret
     * @throws IOException if it can be neither read nor made
     */
    public static String find(Path database) throws IOException {
        String given = System.getenv(VARIABLE);
        return given != null && !given.isBlank() ? given : beside(database);
    }

    private static synchronized String beside(Path database) throws IOException {
        Path path = Path.of(database + ".sealing-secret");
        Files.createDirectories(path.toAbsolutePath().getParent());
        FileAttribute<?>[] onlyTheOwner =
                FileSystems.getDefault().supportedFileAttributeViews().contains("posix")
                        ? new FileAttribute<?>[] {
                            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"))
                        }
                        : new FileAttribute<?>[0];
        // The lock: of several processes that start together the first one makes the secret, and the others read it.
        try (FileChannel file = FileChannel.open(path, OPTIONS, onlyTheOwner)) {
            FileLock unused = file.lock(); // released with the file
            if (file.size() == 0) {
                byte[] secret = new byte[32];
                new SecureRandom().nextBytes(secret);
                String text = Base64.getUrlEncoder().withoutPadding().encodeToString(secret);
                file.write(ByteBuffer.wrap(text.getBytes(StandardCharsets.US_ASCII)));
                file.force(true);
                return text;
            }
            ByteBuffer text = ByteBuffer.allocate((int) file.size());
            while (text.hasRemaining() && file.read(text) >= 0) {
                // until it is complete
            }
            return new String(text.array(), StandardCharsets.US_ASCII).strip();
        }
    }
}
