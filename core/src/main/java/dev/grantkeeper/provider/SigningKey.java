/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.provider;

import java.security.AlgorithmParameters;
import java.security.GeneralSecurityException;
import java.security.Key;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.cert.X509Certificate;
import java.security.interfaces.ECKey;
import java.security.interfaces.EdECKey;
import java.security.interfaces.RSAKey;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.ECParameterSpec;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The application's private key, which signs its assertions and requests to the authorization server. The server knows
 * the public key: as a JWK, by a URL, or as a certificate.
 *
 * <pre>{@code
 * SigningKey key = SigningKey.of(privateKey).keyId("2026-01");
 * }</pre>
 *
 * <p>Any private key that the Java platform can sign with will do, also one that never leaves a hardware module (a
 * {@code KeyStore} of type {@code PKCS11}, for example): RSA of 2048 bits or more, the elliptic curves P-256, P-384 and
 * P-521, and Ed25519. Weaker ones are rejected. Immutable and thread-safe; {@link #toString()} shows nothing of the
 * key.
 */
public final class SigningKey {
    private static final int LEAST_RSA_BITS = 2048;
    private static final List<String> RSA = List.of("PS256", "PS384", "PS512", "RS256", "RS384", "RS512");
    private static final List<String> ELLIPTIC = List.of("ES256", "ES384", "ES512");
    private static final List<String> EDWARDS = List.of("EdDSA", "Ed25519");
    private static final Map<String, String> CURVES =
            Map.of("secp256r1", "ES256", "secp384r1", "ES384", "secp521r1", "ES512");
    private static final byte[] SAMPLE = {'s', 'a', 'm', 'p', 'l', 'e'};

    private final PrivateKey privateKey;
    private final @Nullable String keyId;
    private final @Nullable X509Certificate certificate;
    private final List<String> possible;
    private final String algorithm;

    private SigningKey(
            PrivateKey privateKey,
            @Nullable String keyId,
            @Nullable X509Certificate certificate,
            List<String> possible,
            String algorithm) {
        this.privateKey = privateKey;
        this.keyId = keyId;
        this.certificate = certificate;
        this.possible = possible;
        this.algorithm = algorithm;
    }

    /**
     * Makes a signing key without a name. It signs with PS256, ES256, ES384, ES512 or EdDSA, as its kind and size
     * require.
     *
     * @param privateKey the key
     * @return the signing key
     * @throws IllegalArgumentException if the key is of another kind, or too weak
     */
    public static SigningKey of(PrivateKey privateKey) {
        List<String> possible = algorithms(privateKey);
        return new SigningKey(privateKey, null, null, possible, possible.get(0));
    }

    /**
     * Sets the name under which the server knows the key: {@code kid} in the header of each JWS (RFC 7515 section
     * 4.1.4). Default: none.
     *
     * @param keyId the name
     * @return a key with this name
     */
    public SigningKey keyId(String keyId) {
        return new SigningKey(privateKey, Objects.requireNonNull(keyId), certificate, possible, algorithm);
    }

    /**
     * Sets the certificate by which the server knows the key, as Microsoft Entra ID does: its thumbprint goes into the
     * header of each JWS ({@code x5t#S256}, RFC 7515 section 4.1.8). Default: none.
     *
     * @param certificate the certificate of this key
     * @return a key with this certificate
     * @throws IllegalArgumentException if it is the certificate of another key
     */
    public SigningKey certificate(X509Certificate certificate) {
        // A key in a hardware module may hide its size and curve; its certificate shows them.
        List<String> shown = algorithms(certificate.getPublicKey());
        if (possible.equals(ELLIPTIC) && possible.containsAll(shown)) {
            return new SigningKey(privateKey, keyId, certificate, shown, shown.get(0)).certificate(certificate);
        }
        if (!shown.equals(possible) || isOfAnother(certificate.getPublicKey())) {
            throw new IllegalArgumentException("The certificate "
                    + certificate.getSubjectX500Principal().getName()
                    + " belongs to another key: pass the one that was issued for this private key");
        }
        return new SigningKey(privateKey, keyId, certificate, possible, algorithm);
    }

    /**
     * Sets the signature algorithm. Default: PS256 for RSA keys, though many servers know RS256 only; the one that fits
     * the curve for others. FAPI allows PS256, ES256 and EdDSA.
     *
     * @param algorithm the name (RFC 7518 section 3.1), for example {@code RS256}
     * @return a key that signs with this algorithm
     * @throws IllegalArgumentException if this key cannot sign with it
     */
    public SigningKey algorithm(String algorithm) {
        if (!possible.contains(algorithm)) {
            throw new IllegalArgumentException("This key signs with one of " + possible + ", not with " + algorithm);
        }
        return new SigningKey(privateKey, keyId, certificate, possible, algorithm);
    }

    /**
     * The private key.
     *
     * @return the key that was passed to {@link #of}
     */
    public PrivateKey privateKey() {
        return privateKey;
    }

    /**
     * The name under which the server knows the key.
     *
     * @return the {@code kid}, empty if there is none
     */
    public Optional<String> keyId() {
        return Optional.ofNullable(keyId);
    }

    /**
     * The certificate by which the server knows the key.
     *
     * @return the certificate, empty if there is none
     */
    public Optional<X509Certificate> certificate() {
        return Optional.ofNullable(certificate);
    }

    /**
     * The signature algorithm.
     *
     * @return the {@code alg}
     */
    public String algorithm() {
        return algorithm;
    }

    /** The algorithms that a key can sign with, the default first. */
    private static List<String> algorithms(Key key) {
        return switch (key.getAlgorithm()) {
            case "RSA" -> {
                if (key instanceof RSAKey rsa && rsa.getModulus().bitLength() < LEAST_RSA_BITS) {
                    throw new IllegalArgumentException("An RSA key needs at least " + LEAST_RSA_BITS
                            + " bits (RFC 7518 section 3.3), this one has "
                            + rsa.getModulus().bitLength());
                }
                yield RSA;
            }
            case "EC" -> key instanceof ECKey ec ? List.of(curve(ec.getParams())) : ELLIPTIC;
            case "EdDSA", "Ed25519" -> {
                if (key instanceof EdECKey edwards
                        && !edwards.getParams().getName().equals("Ed25519")) {
                    throw new IllegalArgumentException("Of the Edwards curves only Ed25519 is supported, not "
                            + edwards.getParams().getName());
                }
                yield EDWARDS;
            }
            default ->
                throw new IllegalArgumentException(
                        "A signing key has to be an RSA, EC or Ed25519 key, not " + key.getAlgorithm());
        };
    }

    /** The signature algorithm of a curve (RFC 7518 section 3.4). */
    static String curve(ECParameterSpec params) {
        for (Map.Entry<String, String> one : CURVES.entrySet()) {
            try {
                AlgorithmParameters curve = AlgorithmParameters.getInstance("EC");
                curve.init(new ECGenParameterSpec(one.getKey()));
                ECParameterSpec known = curve.getParameterSpec(ECParameterSpec.class);
                if (known.getOrder().equals(params.getOrder())
                        && known.getGenerator().equals(params.getGenerator())) {
                    return one.getValue();
                }
            } catch (GeneralSecurityException e) {
                throw new IllegalStateException("Every Java platform has " + one.getKey(), e);
            }
        }
        throw new IllegalArgumentException("Of the elliptic curves only P-256, P-384 and P-521 are supported");
    }

    private boolean isOfAnother(PublicKey publicKey) {
        if (privateKey instanceof RSAKey own && publicKey instanceof RSAKey certified) {
            return !own.getModulus().equals(certified.getModulus());
        }
        try {
            String name = switch (possible.get(0)) {
                case "PS256" -> "SHA256withRSA";
                case "EdDSA" -> "Ed25519";
                default -> "SHA256withECDSA";
            };
            Signature sign = Signature.getInstance(name);
            sign.initSign(privateKey);
            sign.update(SAMPLE);
            Signature verify = Signature.getInstance(name);
            verify.initVerify(publicKey);
            verify.update(SAMPLE);
            return !verify.verify(sign.sign());
        } catch (GeneralSecurityException e) {
            return false; // a module may refuse this algorithm; the server finds a wrong certificate
        }
    }

    @Override
    public String toString() {
        return "SigningKey[" + algorithm + (keyId == null ? "" : ", " + keyId) + "]";
    }
}
