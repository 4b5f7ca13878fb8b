/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.provider;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.interfaces.ECPublicKey;
import java.security.interfaces.RSAKey;
import java.security.interfaces.RSAPublicKey;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import javax.crypto.KeyAgreement;
import org.jspecify.annotations.Nullable;

/**
 * A key pair of the application, to whose public key the provider encrypts ID tokens, UserInfo responses and
 * authorization responses (JWE, RFC 7516). The provider knows the public key as {@link #publicJwk()}.
 *
 * <pre>{@code
 * DecryptionKey key = DecryptionKey.of(new KeyPair(publicKey, privateKey)).keyId("enc-2026");
 * }</pre>
 *
 * <p>RSA of 2048 bits or more, for RSA-OAEP-256, and the elliptic curves P-256, P-384 and P-521, for ECDH-ES with and
 * without key wrapping. RSA1_5 and RSA-OAEP with SHA-1 are not supported. The private key may be one that never leaves
 * a hardware module (a {@code KeyStore} of type {@code PKCS11}, for example), beside the public key of its certificate.
 * Immutable and thread-safe; {@link #toString()} shows nothing of the key.
 */
public final class DecryptionKey {
    private static final JsonMapper JSON = new JsonMapper();
    private static final int LEAST_RSA_BITS = 2048;
    private static final List<String> RSA = List.of("RSA-OAEP-256");
    private static final List<String> ELLIPTIC =
            List.of("ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A192KW", "ECDH-ES+A256KW");

    private final KeyPair pair;
    private final @Nullable String keyId;
    private final List<String> algorithms;

    private DecryptionKey(KeyPair pair, @Nullable String keyId, List<String> algorithms) {
        this.pair = pair;
        this.keyId = keyId;
        this.algorithms = algorithms;
    }

    /**
     * Makes a decryption key without a name.
     *
     * @param pair the private key, and the public key that the provider encrypts to
     * @return the decryption key
     * @throws IllegalArgumentException if the keys are of another kind, too weak, or do not belong together
     */
    public static DecryptionKey of(KeyPair pair) {
        PublicKey publicKey = pair.getPublic();
        PrivateKey privateKey = pair.getPrivate();
        if (publicKey == null || privateKey == null) {
            throw new IllegalArgumentException("A decryption key needs a private key and its public key");
        }
        List<String> algorithms;
        if (publicKey instanceof RSAPublicKey rsa) {
            int bits = rsa.getModulus().bitLength();
            if (bits < LEAST_RSA_BITS) {
                throw new IllegalArgumentException("An RSA key needs at least " + LEAST_RSA_BITS
                        + " bits (RFC 7518 section 4.3), this one has " + bits);
            }
            algorithms = RSA;
        } else if (publicKey instanceof ECPublicKey elliptic) {
            SigningKey.curve(elliptic.getParams()); // throws for other curves
            algorithms = ELLIPTIC;
        } else {
            throw new IllegalArgumentException("A decryption key has to be an RSA key, or one on P-256, P-384 or"
                    + " P-521, not " + publicKey.getAlgorithm());
        }
        if (!privateKey.getAlgorithm().equals(publicKey.getAlgorithm()) || isOfAnother(publicKey, privateKey)) {
            throw new IllegalArgumentException("The public key belongs to another private key");
        }
        return new DecryptionKey(pair, null, algorithms);
    }

    /**
     * Sets the name under which the provider knows the key ({@code kid}). During a rotation, the old key and the new
     * one are told apart by it. Default: none; the key is then tried whatever name the provider used.
     *
     * @param keyId the name
     * @return a key with this name
     */
    public DecryptionKey keyId(String keyId) {
        return new DecryptionKey(pair, Objects.requireNonNull(keyId), algorithms);
    }

    /**
     * Sets the algorithm that the provider encrypts to this key with; it is then part of {@link #publicJwk()}, and
     * others are refused. Default: RSA-OAEP-256 for RSA keys, any form of ECDH-ES for others.
     *
     * @param algorithm the name (RFC 7518 section 4.1), for example {@code ECDH-ES+A256KW}
     * @return a key for this algorithm
     * @throws IllegalArgumentException if this key cannot be used with it
     */
    public DecryptionKey algorithm(String algorithm) {
        List<String> possible = possible();
        if (!possible.contains(algorithm)) {
            throw new IllegalArgumentException("This key decrypts with one of " + possible + ", not with " + algorithm);
        }
        return new DecryptionKey(pair, keyId, List.of(algorithm));
    }

    private List<String> possible() {
        return pair.getPublic() instanceof RSAPublicKey ? RSA : ELLIPTIC;
    }

    /**
     * The key pair.
     *
     * @return the pair that was passed to {@link #of}
     */
    public KeyPair keyPair() {
        return pair;
    }

    /**
     * The name under which the provider knows the key.
     *
     * @return the {@code kid}, empty if there is none
     */
    public Optional<String> keyId() {
        return Optional.ofNullable(keyId);
    }

    /**
     * The algorithms that the provider may encrypt to this key with.
     *
     * @return one, or all that the key can be used with
     */
    public List<String> algorithms() {
        return algorithms;
    }

    /**
     * The public key as the provider wants to be told of it: a JWK (RFC 7517) for encryption. Put it into the list
     * {@code keys} of the JWK set that the application publishes or registers, beside its signing keys.
     *
     * @return a JSON object without anything secret
     */
    public String publicJwk() {
        ObjectNode jwk = JSON.createObjectNode();
        if (pair.getPublic() instanceof RSAPublicKey rsa) {
            jwk.put("kty", "RSA").put("n", base64(rsa.getModulus(), 0)).put("e", base64(rsa.getPublicExponent(), 0));
        } else {
            ECPublicKey elliptic = (ECPublicKey) pair.getPublic();
            int bytes = (elliptic.getParams().getCurve().getField().getFieldSize() + 7) / 8;
            jwk.put("kty", "EC")
                    .put(
                            "crv",
                            SigningKey.curve(elliptic.getParams())
                                    .replace("ES512", "P-521")
                                    .replace("ES", "P-"))
                    .put("x", base64(elliptic.getW().getAffineX(), bytes))
                    .put("y", base64(elliptic.getW().getAffineY(), bytes));
        }
        jwk.put("use", "enc");
        if (keyId != null) {
            jwk.put("kid", keyId);
        }
        if (algorithms.size() == 1) {
            jwk.put("alg", algorithms.get(0));
        }
        return jwk.toString();
    }

    /** RFC 7518 sections 2 and 6.2.1.2: without a sign, and coordinates in full length. */
    private static String base64(BigInteger number, int length) {
        byte[] signed = number.toByteArray();
        int sign = signed.length > 1 && signed[0] == 0 ? 1 : 0;
        byte[] bytes = Arrays.copyOfRange(signed, sign, signed.length);
        byte[] padded = new byte[Math.max(length, bytes.length)];
        System.arraycopy(bytes, 0, padded, padded.length - bytes.length, bytes.length);
        return Base64.getUrlEncoder().withoutPadding().encodeToString(padded);
    }

    /**
     * Whether two keys do not belong together. Told here, since no failed decryption tells why it failed. A module that
     * is not there now cannot say.
     */
    private static boolean isOfAnother(PublicKey publicKey, PrivateKey privateKey) {
        if (publicKey instanceof RSAKey known) {
            return privateKey instanceof RSAKey own && !own.getModulus().equals(known.getModulus());
        }
        try {
            KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
            generator.initialize(((ECPublicKey) publicKey).getParams());
            KeyPair other = generator.generateKeyPair();
            return !Arrays.equals(agreed(privateKey, other.getPublic()), agreed(other.getPrivate(), publicKey));
        } catch (GeneralSecurityException | RuntimeException e) {
            return privateKey.getEncoded() != null; // on another curve, then
        }
    }

    private static byte[] agreed(PrivateKey own, PublicKey theirs) throws GeneralSecurityException {
        KeyAgreement agreement = KeyAgreement.getInstance("ECDH");
        agreement.init(own);
        agreement.doPhase(theirs, true);
        return agreement.generateSecret();
    }

    @Override
    public String toString() {
        return "DecryptionKey[" + String.join(" or ", algorithms) + (keyId == null ? "" : ", " + keyId) + "]";
    }
}
