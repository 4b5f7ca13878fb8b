/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.openid;

import dev.grantkeeper.provider.DecryptionKey;
import java.security.GeneralSecurityException;
import java.security.PrivateKey;
import java.security.interfaces.ECPublicKey;
import java.util.List;
import java.util.Set;
import javax.crypto.Cipher;
import javax.crypto.KeyAgreement;

/**
 * Decrypts what the provider has encrypted to this client (RFC 7516): a signed JWT within a JWE.
 *
 * <p>Anybody can encrypt to a public key, and anybody can change what somebody else has encrypted and look at what
 * comes of it. So nothing decrypted counts before its signature was verified, and every failure looks the same, whether
 * key, algorithm, tag or content is wrong. What would cost work before it fails is refused by its header: compression
 * ({@code zip}), password-based keys ({@code p2c}), and all that is long. Thread-safe.
 */
public final class Decryption {
    /** A signed JWT of the greatest length, in base64url again. */
    private static final int MAX_LENGTH = 96 * 1024;

    /** For clients without decryption keys. */
    public static final Decryption NONE = new Decryption(List.of(), Set.of());

    private final List<DecryptionKey> keys;
    private final Set<String> algorithms;

    /**
     * Decryption with some keys.
     *
     * @param keys the keys, the old ones of a rotation included
     * @param algorithms the algorithms and methods that the provider may use for this client; empty for all that are
     *     safe, and for ID tokens that are not encrypted
     */
    public Decryption(List<DecryptionKey> keys, Set<String> algorithms) {
        this.keys = keys;
        this.algorithms = algorithms;
    }

    /** Whether this is the name of an algorithm or a method that the provider may use. */
    public static boolean knows(String name) {
        return Jwe.knows(name);
    }

    /** Whether one of the keys could decrypt what the provider may send. */
    public boolean isPossible() {
        if (keys.isEmpty()) {
            return false;
        }
        Jwe jwe = new Jwe(algorithms);
        return keys.stream().anyMatch(jwe::mayBeFor);
    }

    /** Whether a text has the form of a JWE. */
    public static boolean isEncrypted(String compact) {
        return compact.length() <= MAX_LENGTH
                && compact.chars().filter(c -> c == '.').limit(5).count() == 4
                && compact.chars().allMatch(ProviderKeys::mayStandInAToken);
    }

    /**
     * The signed JWT that a text is or contains. Its signature is not verified.
     *
     * @param what for messages, for example {@code ID token}
     * @param compact the compact form of a JWS or a JWE; anything that anybody can send
     * @throws IdentityException if it is encrypted and cannot be decrypted to a signed JWT; the message is the same for
     *     every reason that lies in the text
     */
    public String open(String what, String compact) throws IdentityException {
        if (!isEncrypted(compact)) {
            return compact; // perhaps not even a JWT, which is found out next
        }
        String content = decrypt(what, compact);
        if (!ProviderKeys.isSigned(content)) {
            throw failed(what);
        }
        return content;
    }

    /** The same for ID tokens and logout tokens, which have to be encrypted if the client has named algorithms. */
    String openDemanded(String what, String compact) throws IdentityException {
        if (!algorithms.isEmpty() && !isEncrypted(compact)) {
            throw ProviderKeys.invalid(what, "it is not encrypted, and encryptionAlgorithms(...) demands that it is");
        }
        return open(what, compact);
    }

    /**
     * The same for UserInfo responses, which may be encrypted without being signed: they come from the provider itself,
     * over TLS, and a JSON object in clear is accepted as well (OpenID Connect Core section 5.3.2).
     */
    String openObject(String what, String compact) throws IdentityException {
        if (!isEncrypted(compact)) {
            return compact;
        }
        String content = decrypt(what, compact).strip();
        if (!content.startsWith("{") && !ProviderKeys.isSigned(content)) {
            throw failed(what);
        }
        return content;
    }

    private String decrypt(String what, String compact) throws IdentityException {
        if (keys.isEmpty()) {
            throw ProviderKeys.invalid(
                    what,
                    "it is encrypted, and there are no keys to decrypt it: call decryptionKeys(...) on the builder");
        }
        String content = new Jwe(algorithms).decrypt(compact, keys);
        if (content != null) {
            return content;
        }
        for (DecryptionKey key : keys) {
            if (!isThere(key)) {
                throw new IdentityException(
                        IdentityException.Kind.UNAVAILABLE,
                        "The decryption key cannot be used; is the device that holds it there?",
                        null);
            }
        }
        throw failed(what);
    }

    private static IdentityException failed(String what) {
        return ProviderKeys.invalid(what, "it cannot be decrypted");
    }

    /**
     * Whether a private key can be used now. Found out without the text that could not be decrypted, so that the answer
     * tells nothing about it.
     */
    private static boolean isThere(DecryptionKey key) {
        PrivateKey own = key.keyPair().getPrivate();
        if (own.getEncoded() != null) {
            return true;
        }
        try {
            if (key.keyPair().getPublic() instanceof ECPublicKey) {
                KeyAgreement.getInstance("ECDH").init(own);
            } else {
                Cipher.getInstance("RSA/ECB/OAEPWithSHA-256AndMGF1Padding").init(Cipher.DECRYPT_MODE, own);
            }
            return true;
        } catch (GeneralSecurityException | RuntimeException e) {
            return false;
        }
    }

    @Override
    public String toString() {
        return "Decryption" + keys;
    }
}
