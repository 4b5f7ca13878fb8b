/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import com.nimbusds.jose.EncryptionMethod;
import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JOSEObjectType;
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
import com.nimbusds.jose.crypto.MACSigner;
import com.nimbusds.jose.crypto.RSAEncrypter;
import com.nimbusds.jose.jwk.Curve;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.PlainJWT;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.interfaces.ECPrivateKey;
import java.security.interfaces.ECPublicKey;
import java.security.interfaces.RSAPublicKey;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;

/** Signs and encrypts as a provider does, and as an attacker does. */
final class Jwe {
    private Jwe() {}

    /** The signing key of a provider, or of somebody who attests to others: ES256, with the id {@code k1}. */
    static final class Signer {
        private final KeyPair pair = MockProvider.curve("secp256r1");

        ECKey publicKey() {
            return new ECKey.Builder(Curve.P_256, (ECPublicKey) pair.getPublic())
                    .keyID("k1")
                    .build();
        }

        PrivateKey privateKey() {
            return pair.getPrivate();
        }

        String jwks() {
            return new JWKSet(publicKey()).toString();
        }

        String sign(JWTClaimsSet claims) throws JOSEException {
            return sign(claims.toString());
        }

        String sign(String claims) throws JOSEException {
            return sign(claims, new JWSHeader.Builder(JWSAlgorithm.ES256));
        }

        /** Signs with a type ({@code typ}); {@code null} for none. */
        String sign(JWTClaimsSet claims, String type) throws JOSEException {
            return sign(claims.toString(), typed(JWSAlgorithm.ES256, type));
        }

        String sign(String claims, JWSHeader.Builder header) throws JOSEException {
            return Jwe.sign(claims, header, new ECDSASigner((ECPrivateKey) pair.getPrivate()));
        }

        private static JWSHeader.Builder typed(JWSAlgorithm algorithm, String type) {
            JWSHeader.Builder header = new JWSHeader.Builder(algorithm);
            return type == null ? header : header.type(new JOSEObjectType(type));
        }

        /**
         * What attackers make of claims without this key, and why each is refused.
         *
         * @param noKey the words for a signature that none of the keys has made
         */
        Map<String, String> forged(JWTClaimsSet claims, String type, String noKey) throws JOSEException {
            Map<String, String> all = new LinkedHashMap<>();
            all.put(new Signer().sign(claims, type), noKey);
            JWSSigner shared = new MACSigner(publicKey().toJSONString().getBytes(StandardCharsets.UTF_8));
            all.put(Jwe.sign(claims.toString(), typed(JWSAlgorithm.HS256, type), shared), "algorithm");
            all.put(new PlainJWT(claims).serialize(), "not a signed JWT");
            String other = sign(new JWTClaimsSet.Builder(claims).claim("x", "y").build(), type);
            all.put(withoutSignature(sign(claims, type)) + other.substring(other.lastIndexOf('.') + 1), noKey);
            return all;
        }
    }

    static String withoutSignature(String jwt) {
        return jwt.substring(0, jwt.lastIndexOf('.') + 1);
    }

    static String sign(String claims, JWSAlgorithm algorithm, JWSSigner signer) throws JOSEException {
        return sign(claims, new JWSHeader.Builder(algorithm), signer);
    }

    private static String sign(String claims, JWSHeader.Builder header, JWSSigner signer) throws JOSEException {
        JWSObject jwt = new JWSObject(header.keyID("k1").build(), new Payload(claims));
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

    /** Encrypts to an RSA key, as the server of a test does. */
    static String encryptTo(KeyPair rsa, String content) {
        try {
            return encrypt(JWEAlgorithm.RSA_OAEP_256, EncryptionMethod.A256GCM, rsa, null, content);
        } catch (JOSEException e) {
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
