/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.testkit;

import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.MessageDigest;
import java.security.Signature;
import java.security.interfaces.RSAPublicKey;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Signs ID tokens. Keys are numbered, and made once per JVM. One of 2048 bits takes a while, on a busy machine longer
 * than a client waits for its tokens: {@link #make} it before.
 */
final class Jwt {
    private static final Map<Integer, KeyPair> KEYS = new ConcurrentHashMap<>();
    /** Never in the JWKS. */
    private static final int STRANGER = -1;

    private Jwt() {}

    /** Makes the key that this way of signing needs. */
    static void make(Signing how, int key) {
        KeyPair unused = key(how == Signing.WRONG_KEY || how == Signing.UNKNOWN_KEY ? STRANGER : key);
    }

    static String sign(Map<String, Object> claims, Signing how, int key) {
        Map<String, Object> header = new LinkedHashMap<>();
        header.put("alg", how == Signing.NONE ? "none" : "RS256");
        header.put("typ", "JWT");
        if (how != Signing.NONE) {
            header.put("kid", id(how == Signing.UNKNOWN_KEY ? STRANGER : key));
        }
        String content = base64(Json.write(header)) + "." + base64(Json.write(claims));
        return switch (how) {
            case RS256 -> content + "." + signature(content, key);
            case WRONG_KEY, UNKNOWN_KEY -> content + "." + signature(content, STRANGER);
            case NONE -> content + ".";
            case TAMPERED -> {
                Map<String, Object> other = new LinkedHashMap<>(claims);
                other.put("sub", "mallory");
                yield base64(Json.write(header)) + "." + base64(Json.write(other)) + "." + signature(content, key);
            }
        };
    }

    static String jwks(int key) {
        RSAPublicKey rsa = (RSAPublicKey) key(key).getPublic();
        Map<String, Object> jwk = new LinkedHashMap<>();
        jwk.put("kty", "RSA");
        jwk.put("use", "sig");
        jwk.put("alg", "RS256");
        jwk.put("kid", id(key));
        jwk.put("n", base64(unsigned(rsa.getModulus())));
        jwk.put("e", base64(unsigned(rsa.getPublicExponent())));
        return Json.write(Map.of("keys", List.of(jwk)));
    }

    /** The claims of a token, which is not verified. */
    static Map<String, Object> claims(String token) {
        String[] parts = token.split("\\.", -1);
        if (parts.length != 3) {
            throw new IllegalArgumentException("Not a signed JWT");
        }
        return JsonReader.object(new String(Base64.getUrlDecoder().decode(parts[1]), StandardCharsets.UTF_8));
    }

    static byte[] sha256(String text) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("Every Java platform has SHA-256", e);
        }
    }

    static String base64(byte[] bytes) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }

    private static String base64(String text) {
        return base64(text.getBytes(StandardCharsets.UTF_8));
    }

    /**
     * An id made from the key itself: a server that starts again on the same port has new keys, and new names for them.
     */
    private static String id(int key) {
        RSAPublicKey rsa = (RSAPublicKey) key(key).getPublic();
        return HexFormat.of().formatHex(sha256(rsa.getModulus().toString(16)), 0, 8);
    }

    private static String signature(String content, int key) {
        try {
            Signature signature = Signature.getInstance("SHA256withRSA");
            signature.initSign(key(key).getPrivate());
            signature.update(content.getBytes(StandardCharsets.UTF_8));
            return base64(signature.sign());
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("Every Java platform has SHA256withRSA", e);
        }
    }

    private static KeyPair key(int number) {
        return KEYS.computeIfAbsent(number, unused -> {
            try {
                KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
                generator.initialize(2048);
                return generator.generateKeyPair();
            } catch (GeneralSecurityException e) {
                throw new IllegalStateException("Every Java platform has RSA", e);
            }
        });
    }

    /** Without the zero byte that Java puts in front of a positive number whose first bit is set (RFC 7518, 2). */
    private static byte[] unsigned(BigInteger number) {
        byte[] bytes = number.toByteArray();
        return bytes[0] == 0 ? Arrays.copyOfRange(bytes, 1, bytes.length) : bytes;
    }
}
