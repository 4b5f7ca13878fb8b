/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.token;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * Whose grant a row holds: one account of the application at one registration with a provider.
 *
 * <p>Two keys are equal when both texts are, character for character: no case folding, no trimming, no Unicode
 * normalisation. Databases often do all three, therefore a store files its rows under {@link #digest()}. The two texts
 * are for people who look at the table.
 *
 * <p>Immutable and thread-safe. {@link #toString()} shows the registration and the beginning of the digest, never the
 * account: account ids are often e-mail addresses, and logs travel.
 *
 * @param registration the registration with a provider, see {@code Grantkeeper.Builder.registration}; not empty
 * @param account the application's own id for its user; not empty, at most {@value #MAX_LENGTH} characters, as is the
 *     registration
 */
public record AccountKey(String registration, String account) {
    /** The longest registration and the longest account, in {@code char}s. */
    public static final int MAX_LENGTH = 1024;

    /**
     * Checks both texts.
     *
     * @param registration the registration with a provider
     * @param account the application's own id for its user
     * @throws IllegalArgumentException if a text is empty, too long, contains U+0000, or is not valid Unicode (a lone
     *     surrogate)
     */
    public AccountKey {
        check("registration", registration);
        check("account", account);
    }

    private static void check(String what, String text) {
        if (text.isEmpty()) {
            throw new IllegalArgumentException("The " + what + " of an account key is empty");
        }
        if (text.length() > MAX_LENGTH) {
            throw new IllegalArgumentException("The " + what + " of an account key has " + text.length()
                    + " characters, at most " + MAX_LENGTH + " are allowed");
        }
        if (text.indexOf(0) >= 0) {
            throw new IllegalArgumentException(
                    "The " + what + " of an account key contains U+0000, which databases cannot hold");
        }
        // A lone surrogate is encoded as '?': two different keys would share a digest.
        if (!StandardCharsets.UTF_8.newEncoder().canEncode(text)) {
            throw new IllegalArgumentException("The " + what + " of an account key is not valid Unicode");
        }
    }

    /**
     * A name for this key that is safe everywhere: as primary key under any collation, as file name, as Redis key.
     *
     * @return 64 lower-case hexadecimal digits, the SHA-256 of both texts with their lengths, so that no two keys share
     *     one
     */
    public String digest() {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (String text : new String[] {registration, account}) {
            byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
            bytes.writeBytes(
                    ByteBuffer.allocate(Integer.BYTES).putInt(utf8.length).array());
            bytes.writeBytes(utf8);
        }
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes.toByteArray()));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("Every Java platform has SHA-256", e);
        }
    }

    @Override
    public String toString() {
        return registration + "/" + digest().substring(0, 12);
    }
}
