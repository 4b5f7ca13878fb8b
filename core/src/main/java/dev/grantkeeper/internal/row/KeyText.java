/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.row;

import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.spec.PKCS8EncodedKeySpec;
import java.security.spec.X509EncodedKeySpec;
import java.util.Base64;

/**
 * Turns the key that a grant is bound to into text, which is sealed with the grant, and back: X.509 and PKCS #8, joined
 * by a dot.
 */
public final class KeyText {
    private KeyText() {}

    /** Writes a key as text. */
    public static String write(KeyPair key) {
        Base64.Encoder base64 = Base64.getUrlEncoder().withoutPadding();
        return base64.encodeToString(key.getPublic().getEncoded()) + "."
                + base64.encodeToString(key.getPrivate().getEncoded());
    }

    /**
     * Reads a key from text.
     *
     * @throws IllegalArgumentException if the text is not that of a key
     */
    public static KeyPair read(String text) {
        int dot = text.indexOf('.');
        if (dot < 0) {
            throw new IllegalArgumentException("no key");
        }
        Base64.Decoder base64 = Base64.getUrlDecoder();
        try {
            KeyFactory factory = KeyFactory.getInstance("EC");
            return new KeyPair(
                    factory.generatePublic(new X509EncodedKeySpec(base64.decode(text.substring(0, dot)))),
                    factory.generatePrivate(new PKCS8EncodedKeySpec(base64.decode(text.substring(dot + 1)))));
        } catch (GeneralSecurityException e) {
            throw new IllegalArgumentException("no key"); // the cause may quote it
        }
    }
}
