/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.wire;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.JWSSigner;
import com.nimbusds.jose.crypto.MACSigner;
import com.nimbusds.jose.crypto.impl.BaseJWSProvider;
import com.nimbusds.jose.crypto.impl.ECDSA;
import com.nimbusds.jose.util.Base64URL;
import com.nimbusds.jose.util.X509CertUtils;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.SignedJWT;
import dev.grantkeeper.provider.SigningKey;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.InvalidKeyException;
import java.security.PrivateKey;
import java.security.Provider;
import java.security.Security;
import java.security.Signature;
import java.security.spec.MGF1ParameterSpec;
import java.security.spec.PSSParameterSpec;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Signs JWTs with the application's key or secret. Thread-safe; {@code toString} shows neither. */
final class JwtSigner {
    private final JWSHeader header;
    private final JWSSigner signer;

    /** The key cannot sign. */
    static final class FailedException extends IOException {
        private static final long serialVersionUID = 1L;

        FailedException(JOSEException cause) {
            super("The signing key cannot sign; is the device that holds it there?", cause);
        }
    }

    private JwtSigner(JWSHeader header, JWSSigner signer) {
        this.header = header;
        this.signer = signer;
    }

    static JwtSigner of(SigningKey key) {
        JWSAlgorithm algorithm = JWSAlgorithm.parse(key.algorithm());
        JWSHeader header = new JWSHeader.Builder(algorithm)
                .keyID(key.keyId().orElse(null))
                .x509CertSHA256Thumbprint(key.certificate()
                        .map(X509CertUtils::computeSHA256Thumbprint)
                        .orElse(null))
                .build();
        return new JwtSigner(header, new PlatformSigner(algorithm, key.privateKey()));
    }

    /** HS256, the algorithm that servers expect with a secret. */
    static JwtSigner of(String secret) {
        try {
            return new JwtSigner(
                    new JWSHeader(JWSAlgorithm.HS256), new MACSigner(secret.getBytes(StandardCharsets.UTF_8)));
        } catch (JOSEException e) {
            throw new IllegalArgumentException("The secret is too short for HS256", e);
        }
    }

    String algorithm() {
        return header.getAlgorithm().getName();
    }

    /**
     * Signs.
     *
     * @param type the {@code typ} in the header
     * @throws FailedException if the key cannot sign now: it may be in a device that is not there
     */
    String sign(String type, JWTClaimsSet claims) throws FailedException {
        SignedJWT jwt = new SignedJWT(
                new JWSHeader.Builder(header).type(new JOSEObjectType(type)).build(), claims);
        try {
            jwt.sign(signer);
            return jwt.serialize();
        } catch (JOSEException e) {
            throw new FailedException(e);
        }
    }

    /**
     * Signs with the first of the platform's security providers that can work with the key. {@link Signature} would
     * choose one itself, but for RSASSA-PSS it has to before it knows the key, and then never takes the module that
     * holds it.
     */
    private static final class PlatformSigner extends BaseJWSProvider implements JWSSigner {
        private final PrivateKey key;

        PlatformSigner(JWSAlgorithm algorithm, PrivateKey key) {
            super(Set.of(algorithm));
            this.key = key;
        }

        @Override
        public Base64URL sign(JWSHeader header, byte[] content) throws JOSEException {
            JWSAlgorithm algorithm = header.getAlgorithm();
            try {
                Signature signature = signature(algorithm.getName());
                signature.update(content);
                byte[] bytes = signature.sign();
                return Base64URL.encode(
                        JWSAlgorithm.Family.EC.contains(algorithm)
                                ? ECDSA.transcodeSignatureToConcat(bytes, ECDSA.getSignatureByteArrayLength(algorithm))
                                : bytes);
            } catch (GeneralSecurityException | RuntimeException e) { // ProviderException: the device is gone
                throw new JOSEException("Signing with " + algorithm + " failed", e);
            }
        }

        private Signature signature(String algorithm) throws GeneralSecurityException {
            String hash = algorithm.substring(2);
            String name = switch (algorithm.substring(0, 2)) {
                case "RS" -> "SHA" + hash + "withRSA";
                case "PS" -> "RSASSA-PSS";
                case "ES" -> "SHA" + hash + "withECDSA";
                default -> "Ed25519";
            };
            PSSParameterSpec parameters = name.equals("RSASSA-PSS") ? pss(Integer.parseInt(hash)) : null;
            Provider[] providers = Security.getProviders("Signature." + name);
            Exception reason = null;
            for (Provider provider : providers == null ? new Provider[0] : providers) {
                try {
                    return initialized(Signature.getInstance(name, provider), parameters);
                } catch (GeneralSecurityException | RuntimeException e) {
                    reason = e;
                }
            }
            throw new InvalidKeyException("No security provider can sign with this key and " + algorithm, reason);
        }

        private Signature initialized(Signature signature, @Nullable PSSParameterSpec parameters)
                throws GeneralSecurityException {
            if (parameters != null) {
                signature.setParameter(parameters);
            }
            signature.initSign(key);
            return signature;
        }

        /** RFC 7518 section 3.5: the salt is as long as the hash. */
        private static PSSParameterSpec pss(int bits) {
            String hash = "SHA-" + bits;
            return new PSSParameterSpec(hash, "MGF1", new MGF1ParameterSpec(hash), bits / 8, 1);
        }
    }

    @Override
    public String toString() {
        return "JwtSigner[" + header.getAlgorithm() + "]";
    }
}
