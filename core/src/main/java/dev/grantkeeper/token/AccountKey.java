/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.token;

import java.io.ByteArrayOutputStream;
import java.io.Serializable;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import org.jspecify.annotations.Nullable;

/**
 * The key of a row: one account of the application at one registration with a provider.
 *
 * <p>Two keys are equal when both texts are, character for character: no case folding, no trimming, no Unicode
 * normalisation. Databases often do all three, therefore a store files its rows under {@link #digest()}. The two texts
 * are for people who look at the table.
 *
 * <p>Immutable and thread-safe. {@link #toString()} shows the registration and the beginning of the digest, never the
 * account: account ids are often e-mail addresses, and logs travel. It is {@link Serializable} because exceptions that
 * carry one are.
 */
public final class AccountKey implements Serializable {
    private static final long serialVersionUID = 1L;

    /** The longest registration and the longest account, in {@code char}s. */
    public static final int MAX_LENGTH = 1024;

    /** The registration with a provider. */
    private final String registration;

    /** The application's own id for its user. */
    private final String account;

    /**
     * Makes a key from two texts. Each has 1 to {@value #MAX_LENGTH} characters.
     *
     * @param registration the registration with a provider, see {@code Grantkeeper.Builder.registration}
     * @param account the application's own id for its user
     * @throws IllegalArgumentException if a text is empty, too long, contains U+0000, or is not valid Unicode (a lone
     *     surrogate)
     */
    public AccountKey(String registration, String account) {
        check("registration", registration);
        check("account", account);
        this.registration = registration;
        this.account = account;
    }

    private static void check(String what, String text) {
        if (text == null) {
            throw new NullPointerException("The " + what + " of an account key is null");
        }
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
        if (hasLoneSurrogate(text)) {
            throw new IllegalArgumentException("The " + what + " of an account key is not valid Unicode");
        }
    }

    // Keys are made for many calls; an encoder that tells the same allocates for each.
    private static boolean hasLoneSurrogate(String text) {
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (Character.isSurrogate(c)) {
                boolean pair = Character.isHighSurrogate(c)
                        && i + 1 < text.length()
                        && Character.isLowSurrogate(text.charAt(i + 1));
                if (!pair) {
                    return true;
                }
                i++;
            }
        }
        return false;
    }

    /**
     * The registration with a provider, see {@code Grantkeeper.Builder.registration}.
     *
     * @return the registration, not empty
     */
    public String registration() {
        return registration;
    }

    /**
     * The application's own id for its user.
     *
     * @return the account id, not empty
     */
    public String account() {
        return account;
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
    public boolean equals(@Nullable Object other) {
        return other instanceof AccountKey key && registration.equals(key.registration) && account.equals(key.account);
    }

    @Override
    public int hashCode() {
        return 31 * registration.hashCode() + account.hashCode();
    }

    @Override
    public String toString() {
        return registration + "/" + digest().substring(0, 12);
    }
}
