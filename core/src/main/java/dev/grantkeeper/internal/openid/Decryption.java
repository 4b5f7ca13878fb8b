/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.openid;

import com.nimbusds.jose.EncryptionMethod;
import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JWEAlgorithm;
import com.nimbusds.jose.JWEDecrypter;
import com.nimbusds.jose.JWEHeader;
import com.nimbusds.jose.JWEObject;
import com.nimbusds.jose.crypto.ECDHDecrypter;
import com.nimbusds.jose.crypto.RSADecrypter;
import com.nimbusds.jose.crypto.opts.CipherMode;
import com.nimbusds.jose.jwk.Curve;
import com.nimbusds.jose.jwk.ECKey;
import dev.grantkeeper.provider.DecryptionKey;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.PrivateKey;
import java.security.interfaces.ECPublicKey;
import java.text.ParseException;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import javax.crypto.Cipher;
import javax.crypto.KeyAgreement;
import org.jspecify.annotations.Nullable;

/**
 * Decrypts what the provider has encrypted to this client (RFC 7516): a signed JWT within a JWE.
 *
 * <p>Anybody can encrypt to a public key, and anybody can change what somebody else has encrypted and look at what
 * comes of it. So nothing decrypted counts before its signature was verified, and every failure looks the same, whether
 * key, algorithm, tag or content is wrong. What would cost work before it fails is refused by its header: compression
 * ({@code zip}), password-based keys ({@code p2c}), and all that is long. Thread-safe.
 */
public final class Decryption {
    /** RFC 7518 section 4. Not RSA1_5, whose padding tells too much, and nothing with a shared secret. */
    private static final Set<JWEAlgorithm> ALGORITHMS = Set.of(
            JWEAlgorithm.RSA_OAEP_256,
            JWEAlgorithm.ECDH_ES,
            JWEAlgorithm.ECDH_ES_A128KW,
            JWEAlgorithm.ECDH_ES_A192KW,
            JWEAlgorithm.ECDH_ES_A256KW);

    /**
     * A128CBC-HS256 is what providers use unless a client has registered another one (OpenID Connect Dynamic Client
     * Registration section 2). Its tag is verified before anything is decrypted, so its padding tells nothing.
     */
    private static final Set<EncryptionMethod> METHODS = Set.of(
            EncryptionMethod.A128GCM,
            EncryptionMethod.A192GCM,
            EncryptionMethod.A256GCM,
            EncryptionMethod.A128CBC_HS256);

    private static final Set<String> REFUSED = Set.of("zip", "crit", "p2s", "p2c");

    /** A signed JWT of the greatest length, in base64url again. */
    private static final int MAX_LENGTH = 96 * 1024;

    private static final int MAX_HEADER = 8 * 1024;
    private static final int TAG_BYTES = 16;
    private static final int GCM_IV_BYTES = 12;
    private static final int CBC_IV_BYTES = 16;

    /** For clients without decryption keys. Made after all that it needs. */
    public static final Decryption NONE = new Decryption(List.of(), Set.of());

    private final List<DecryptionKey> keys;
    private final Set<JWEAlgorithm> algorithms;
    private final Set<EncryptionMethod> methods;
    private final boolean demanded;

    /**
     * Decryption with some keys.
     *
     * @param keys the keys, the old ones of a rotation included
     * @param algorithms the algorithms and methods that the provider may use for this client; empty for all that are
     *     safe, and for ID tokens that are not encrypted
     */
    public Decryption(List<DecryptionKey> keys, Set<String> algorithms) {
        this.keys = keys;
        this.demanded = !algorithms.isEmpty();
        Set<JWEAlgorithm> named = new HashSet<>();
        Set<EncryptionMethod> namedMethods = new HashSet<>();
        for (String name : algorithms) {
            named.add(new JWEAlgorithm(name));
            namedMethods.add(new EncryptionMethod(name));
        }
        named.retainAll(ALGORITHMS);
        namedMethods.retainAll(METHODS);
        this.algorithms = named.isEmpty() ? ALGORITHMS : named;
        this.methods = namedMethods.isEmpty() ? METHODS : namedMethods;
    }

    /** Whether this is the name of an algorithm or a method that the provider may use. */
    public static boolean knows(String name) {
        return ALGORITHMS.contains(new JWEAlgorithm(name)) || METHODS.contains(new EncryptionMethod(name));
    }

    /** Whether one of the keys could decrypt what the provider may send. */
    public boolean isPossible() {
        return keys.stream()
                .anyMatch(
                        key -> key.algorithms().stream().map(JWEAlgorithm::new).anyMatch(algorithms::contains));
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
        if (demanded && !isEncrypted(compact)) {
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
        try {
            if (compact.indexOf('.') <= MAX_HEADER) {
                JWEObject jwe = JWEObject.parse(compact);
                if (isAcceptable(jwe)) {
                    for (DecryptionKey key : keys) {
                        byte[] content = fits(key, jwe.getHeader()) ? decrypt(key, jwe) : null;
                        if (content != null) {
                            return new String(content, StandardCharsets.UTF_8);
                        }
                    }
                }
            }
        } catch (ParseException | RuntimeException e) { // the parser's, for JSON of strange kinds
            throw failed(what);
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

    private boolean isAcceptable(JWEObject jwe) {
        JWEHeader header = jwe.getHeader();
        EncryptionMethod method = header.getEncryptionMethod();
        Set<String> parameters = new HashSet<>(header.toJSONObject().keySet());
        parameters.retainAll(REFUSED);
        boolean direct = JWEAlgorithm.ECDH_ES.equals(header.getAlgorithm());
        return parameters.isEmpty()
                && algorithms.contains(header.getAlgorithm())
                && methods.contains(method)
                && (jwe.getEncryptedKey() == null) == direct // RFC 7516 section 5.2, number 10
                && jwe.getIV() != null
                && jwe.getIV().decode().length
                        == (EncryptionMethod.Family.AES_GCM.contains(method) ? GCM_IV_BYTES : CBC_IV_BYTES)
                && jwe.getAuthTag() != null
                && jwe.getAuthTag().decode().length == TAG_BYTES;
    }

    private static boolean fits(DecryptionKey key, JWEHeader header) {
        String name = key.keyId().orElse(null);
        return key.algorithms().contains(header.getAlgorithm().getName())
                && (name == null || header.getKeyID() == null || name.equals(header.getKeyID()))
                && (!(key.keyPair().getPublic() instanceof ECPublicKey own)
                        || (header.getEphemeralPublicKey() instanceof ECKey theirs
                                && curve(own).equals(theirs.getCurve())));
    }

    private static Curve curve(ECPublicKey key) {
        return Curve.forECParameterSpec(key.getParams());
    }

    /** The content; {@code null} if it was not encrypted to this key, or was changed. */
    private static byte @Nullable [] decrypt(DecryptionKey key, JWEObject jwe) {
        try {
            PrivateKey own = key.keyPair().getPrivate();
            // Not unwrapping: a module might keep the content's key to itself, and most modules offer both.
            JWEDecrypter decrypter = key.keyPair().getPublic() instanceof ECPublicKey elliptic
                    ? new ECDHDecrypter(own, null, curve(elliptic))
                    : new RSADecrypter(own, null, Set.of(CipherMode.ENCRYPT_DECRYPT));
            jwe.decrypt(decrypter);
            return jwe.getPayload().toBytes();
        } catch (JOSEException | RuntimeException e) { // ProviderException: the device is gone
            return null;
        }
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
