/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import com.nimbusds.jose.EncryptionMethod;
import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JWEAlgorithm;
import com.nimbusds.jose.JWEEncrypter;
import com.nimbusds.jose.JWEHeader;
import com.nimbusds.jose.JWEObject;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.JWSObject;
import com.nimbusds.jose.JWSSigner;
import com.nimbusds.jose.Payload;
import com.nimbusds.jose.crypto.ECDHEncrypter;
import com.nimbusds.jose.crypto.ECDSASigner;
import com.nimbusds.jose.crypto.RSAEncrypter;
import com.nimbusds.jose.jwk.Curve;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jwt.JWTClaimsSet;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.interfaces.ECPrivateKey;
import java.security.interfaces.ECPublicKey;
import java.security.interfaces.RSAPublicKey;
import java.util.Base64;

/** Signs and encrypts as a provider does, and as an attacker does. */
final class Jwe {
    private Jwe() {}

    /** A provider's signing key, ES256. */
    static final class Signer {
        private final KeyPair pair = MockProvider.curve("secp256r1");

        String jwks() {
            ECKey key = new ECKey.Builder(Curve.P_256, (ECPublicKey) pair.getPublic())
                    .keyID("k1")
                    .build();
            return new JWKSet(key).toString();
        }

        String sign(JWTClaimsSet claims) throws JOSEException {
            return sign(claims.toString());
        }

        String sign(String claims) throws JOSEException {
            return Jwe.sign(claims, JWSAlgorithm.ES256, new ECDSASigner((ECPrivateKey) pair.getPrivate()));
        }
    }

    static String sign(String claims, JWSAlgorithm algorithm, JWSSigner signer) throws JOSEException {
        JWSObject jwt =
                new JWSObject(new JWSHeader.Builder(algorithm).keyID("k1").build(), new Payload(claims));
        jwt.sign(signer);
        return jwt.serialize();
    }

    static KeyPair rsa() {
        try {
            KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
            generator.initialize(2048);
            return generator.generateKeyPair();
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    static String encrypt(JWEAlgorithm algorithm, EncryptionMethod method, KeyPair to, String kid, String content)
            throws JOSEException {
        return encrypt(
                new JWEHeader.Builder(algorithm, method)
                        .keyID(kid)
                        .contentType("JWT")
                        .build(),
                to,
                content);
    }

    static String encrypt(JWEHeader header, KeyPair to, String content) throws JOSEException {
        return encrypt(
                header,
                to.getPublic() instanceof RSAPublicKey rsa
                        ? new RSAEncrypter(rsa)
                        : new ECDHEncrypter((ECPublicKey) to.getPublic()),
                content);
    }

    static String encrypt(JWEHeader header, JWEEncrypter encrypter, String content) throws JOSEException {
        JWEObject jwe = new JWEObject(header, new Payload(content));
        jwe.encrypt(encrypter);
        return jwe.serialize();
    }

    /** The same with one bit of a part changed. */
    static String change(String compact, int part) {
        String[] parts = compact.split("\\.");
        byte[] bytes = Base64.getUrlDecoder().decode(parts[part]);
        bytes[bytes.length - 1] ^= 1;
        parts[part] = base64(bytes);
        return String.join(".", parts);
    }

    static String withHeader(String compact, String header) {
        return base64(header.getBytes(StandardCharsets.UTF_8)) + compact.substring(compact.indexOf('.'));
    }

    static String payload(String signed) {
        return new String(Base64.getUrlDecoder().decode(signed.split("\\.")[1]), StandardCharsets.UTF_8);
    }

    static String base64(byte[] bytes) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }
}
