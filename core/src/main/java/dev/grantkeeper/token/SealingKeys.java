/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.token;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.InvalidKeyException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import javax.crypto.AEADBadTagException;
import javax.crypto.Cipher;
import javax.crypto.Mac;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.SecretKeySpec;

/**
 * The keys that seal stored rows: one for writing, and any number for reading.
 *
 * <p>A secret is a text of at least {@value #MIN_LENGTH} characters that nobody can guess, kept where the application
 * keeps its other secrets and out of the database. {@code openssl rand -base64 32} makes a good one. Weak ones are
 * rejected.
 *
 * <p>To change the secret while nodes keep running: give every node the new one for reading
 * ({@code of(old).andReading(now)}), then swap ({@code of(now).andReading(old)}); rows are sealed under the new secret
 * as they are written. A row whose secret is missing is reported as unreadable and left as it is.
 *
 * <p>Immutable and thread-safe. {@link #toString()} shows key ids, which are made from the secrets by a one-way
 * function.
 */
public final class SealingKeys {
    // How a sealed text is made (hardening of AES-GCM against its three dangers):
    //
    //   gk1.<key id>.<base64url of: salt 32 | nonce 12 | commitment 16 | ciphertext and tag>
    //
    // Each text has a key of its own, HKDF-SHA-256(secret, salt, purpose), so that any number of texts may be sealed
    // under one secret and a repeated nonce does no harm. The same derivation gives 16 bytes that commit to the key:
    // AES-GCM alone would let one text open under two keys. The binding is authenticated with the text, so that texts
    // cannot change places.

    /** The fewest characters that a secret may have. */
    public static final int MIN_LENGTH = 32;

    private static final String FORMAT = "gk1";
    private static final int SALT = 32;
    private static final int NONCE = 12;
    private static final int COMMITMENT = 16;
    private static final int TAG_BITS = 128;
    private static final List<String> SAMPLES = List.of(
            "changeme", "change-me", "change_me", "secret", "password", "passw0rd", "example", "insecure", "default");
    private static final SecureRandom RANDOM = new SecureRandom();

    private final String primary;
    private final Map<String, byte[]> secrets;

    private SealingKeys(String primary, Map<String, byte[]> secrets) {
        this.primary = primary;
        this.secrets = secrets;
    }

    /**
     * Returns keys that seal and open under one secret.
     *
     * @param secret at least {@value #MIN_LENGTH} characters that nobody can guess
     * @return the keys
     * @throws IllegalArgumentException if the secret is missing, short, or guessable; the message does not contain it
     */
    public static SealingKeys of(String secret) {
        byte[] bytes = check(secret);
        String id = id(bytes);
        return new SealingKeys(id, Map.of(id, bytes));
    }

    /**
     * Returns keys that write as these keys do, and also read what was sealed under another secret.
     *
     * @param secret the other secret
     * @return these keys and one more for reading
     * @throws IllegalArgumentException if the secret is missing, short, or guessable; the message does not contain it
     */
    public SealingKeys andReading(String secret) {
        byte[] bytes = check(secret);
        Map<String, byte[]> more = new LinkedHashMap<>(secrets);
        more.put(id(bytes), bytes);
        return new SealingKeys(primary, more);
    }

    @SuppressWarnings("ConstantValue") // System.getenv returns null for a variable that is not set
    private static byte[] check(String secret) {
        String advice = " Make one with 'openssl rand -base64 32' and keep it where your other secrets are.";
        if (secret == null) {
            throw new IllegalArgumentException("There is no sealing secret." + advice);
        }
        if (secret.length() < MIN_LENGTH) {
            throw new IllegalArgumentException("The sealing secret has " + secret.length() + " characters, at least "
                    + MIN_LENGTH + " are needed." + advice);
        }
        int different = 0;
        for (int i = 0; i < secret.length(); i++) {
            different += secret.indexOf(secret.charAt(i)) == i ? 1 : 0;
        }
        if (different < 10) {
            throw new IllegalArgumentException(
                    "The sealing secret consists of fewer than 10 different characters." + advice);
        }
        String lower = secret.toLowerCase(Locale.ROOT);
        boolean counts = "0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdef".contains(lower.substring(0, MIN_LENGTH))
                || lower.startsWith("00112233445566778899aabbccddeeff")
                || lower.startsWith("0123456789abcdef0123456789abcdef");
        boolean sample = counts;
        for (String part : SAMPLES) {
            sample |= lower.contains(part);
        }
        if (sample) {
            throw new IllegalArgumentException("The sealing secret looks like a sample." + advice);
        }
        return secret.getBytes(StandardCharsets.UTF_8);
    }

    private static String id(byte[] secret) {
        return HexFormat.of().formatHex(hkdf(secret, new byte[0], "grantkeeper/key-id/v1", 4));
    }

    /**
     * Seals a text under the writing key, with AES-256-GCM.
     *
     * @param purpose the purpose of the text; a text sealed for one purpose does not open for another
     * @param binding the owner of the text (a row, a version); it is needed again to open the text
     * @param text the text to seal
     * @return printable ASCII without blanks; sealing the same text twice gives different results
     */
    public String seal(String purpose, String binding, String text) {
        byte[] salt = new byte[SALT];
        byte[] nonce = new byte[NONCE];
        RANDOM.nextBytes(salt);
        RANDOM.nextBytes(nonce);
        byte[] derived = derive(secret(primary), salt, purpose);
        try {
            byte[] sealed = cipher(Cipher.ENCRYPT_MODE, derived, nonce, primary, purpose, binding)
                    .doFinal(text.getBytes(StandardCharsets.UTF_8));
            byte[] all = ByteBuffer.allocate(SALT + NONCE + COMMITMENT + sealed.length)
                    .put(salt)
                    .put(nonce)
                    .put(derived, 32, COMMITMENT)
                    .put(sealed)
                    .array();
            return FORMAT + "." + primary + "."
                    + Base64.getUrlEncoder().withoutPadding().encodeToString(all);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("Every Java platform has AES-GCM", e);
        }
    }

    /**
     * Opens a sealed text.
     *
     * @param purpose the purpose that it was sealed for
     * @param binding the owner that it was sealed for
     * @param sealed the text that {@link #seal} returned
     * @return the text
     * @throws GeneralSecurityException if it was sealed under a secret that these keys do not have, was changed, or was
     *     sealed for another purpose or owner; the message names the reason
     */
    public String open(String purpose, String binding, String sealed) throws GeneralSecurityException {
        String[] parts = sealed.split("\\.", 4);
        if (parts.length != 3 || !parts[0].equals(FORMAT)) {
            throw new AEADBadTagException("This is not a sealed text");
        }
        String keyId = parts[1];
        if (!keyId.matches("[0-9a-f]{8}")) {
            throw new AEADBadTagException("This is not a sealed text: it names no key");
        }
        byte[] secret = secrets.get(keyId);
        if (secret == null) {
            throw new InvalidKeyException("The text is sealed under key " + keyId + ", known are " + secrets.keySet()
                    + ". Add the secret of that key with andReading(…)");
        }
        byte[] all;
        try {
            all = Base64.getUrlDecoder().decode(parts[2]);
        } catch (IllegalArgumentException e) {
            throw tampered();
        }
        // The decoder ignores the last character's bits beyond the last byte; here every character counts.
        if (all.length < SALT + NONCE + COMMITMENT + TAG_BITS / 8
                || !Base64.getUrlEncoder().withoutPadding().encodeToString(all).equals(parts[2])) {
            throw tampered();
        }
        byte[] salt = Arrays.copyOf(all, SALT);
        byte[] nonce = Arrays.copyOfRange(all, SALT, SALT + NONCE);
        byte[] derived = derive(secret, salt, purpose);
        int start = SALT + NONCE + COMMITMENT;
        if (!MessageDigest.isEqual(
                Arrays.copyOfRange(all, SALT + NONCE, start), Arrays.copyOfRange(derived, 32, 32 + COMMITMENT))) {
            throw tampered();
        }
        try {
            byte[] text = cipher(Cipher.DECRYPT_MODE, derived, nonce, keyId, purpose, binding)
                    .doFinal(all, start, all.length - start);
            return new String(text, StandardCharsets.UTF_8);
        } catch (GeneralSecurityException e) {
            throw tampered();
        }
    }

    /**
     * Whether a text was sealed under the key that these keys write with, rather than an older one. Does not open it.
     *
     * @param sealed a text that {@link #seal} returned
     * @return whether it was sealed under the writing key
     */
    public boolean isCurrent(String sealed) {
        return sealed.startsWith(FORMAT + "." + primary + ".");
    }

    private static AEADBadTagException tampered() {
        return new AEADBadTagException("The sealed text was changed, or belongs to something else");
    }

    private byte[] secret(String id) {
        byte[] secret = secrets.get(id);
        if (secret == null) {
            throw new IllegalStateException("The writing key is always among the keys");
        }
        return secret;
    }

    private static Cipher cipher(int mode, byte[] derived, byte[] nonce, String keyId, String purpose, String binding)
            throws GeneralSecurityException {
        Cipher cipher = Cipher.getInstance("AES/GCM/NoPadding");
        cipher.init(mode, new SecretKeySpec(derived, 0, 32, "AES"), new GCMParameterSpec(TAG_BITS, nonce));
        // Each part with its length: "a" and "bc" is not "ab" and "c".
        for (String part : List.of(FORMAT, keyId, purpose, binding)) {
            byte[] bytes = part.getBytes(StandardCharsets.UTF_8);
            cipher.updateAAD(
                    ByteBuffer.allocate(Integer.BYTES).putInt(bytes.length).array());
            cipher.updateAAD(bytes);
        }
        return cipher;
    }

    private static byte[] derive(byte[] secret, byte[] salt, String purpose) {
        return hkdf(secret, salt, "grantkeeper/" + purpose + "/v1", 32 + COMMITMENT);
    }

    /** RFC 5869 with SHA-256. The JDK has it from version 25 on. */
    static byte[] hkdf(byte[] secret, byte[] salt, String info, int length) {
        return hkdf(secret, salt, info.getBytes(StandardCharsets.UTF_8), length);
    }

    static byte[] hkdf(byte[] secret, byte[] salt, byte[] info, int length) {
        byte[] extracted = hmac(salt.length == 0 ? new byte[32] : salt, secret);
        byte[] output = new byte[0];
        List<byte[]> blocks = new ArrayList<>();
        for (int i = 1; blocks.size() * 32 < length; i++) {
            output = hmac(extracted, output, info, new byte[] {(byte) i});
            blocks.add(output);
        }
        ByteBuffer all = ByteBuffer.allocate(blocks.size() * 32);
        for (byte[] block : blocks) {
            all.put(block);
        }
        return Arrays.copyOf(all.array(), length);
    }

    private static byte[] hmac(byte[] key, byte[]... inputs) {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(key, "HmacSHA256"));
            for (byte[] input : inputs) {
                mac.update(input);
            }
            return mac.doFinal();
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("Every Java platform has HmacSHA256", e);
        }
    }

    @Override
    public String toString() {
        return "SealingKeys[writing=" + primary + ", reading=" + secrets.keySet() + "]";
    }
}
