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
import java.security.PrivateKey;
import java.security.interfaces.ECPublicKey;
import java.text.ParseException;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The algorithms by which a JWE may be encrypted (RFC 7516), and what opens one. Apart from {@link Decryption}, which
 * every client has: one that decrypts nothing loads none of the classes that are needed here. Immutable and
 * thread-safe.
 */
final class Jwe {
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

    private static final int MAX_HEADER = 8 * 1024;
    private static final int TAG_BYTES = 16;
    private static final int GCM_IV_BYTES = 12;
    private static final int CBC_IV_BYTES = 16;

    private final Set<JWEAlgorithm> algorithms;
    private final Set<EncryptionMethod> methods;

    /** Accepts the algorithms and methods of these names that are safe; all that are if none of that kind is named. */
    Jwe(Set<String> names) {
        Set<JWEAlgorithm> named = new HashSet<>();
        Set<EncryptionMethod> namedMethods = new HashSet<>();
        for (String name : names) {
            named.add(new JWEAlgorithm(name));
            namedMethods.add(new EncryptionMethod(name));
        }
        named.retainAll(ALGORITHMS);
        namedMethods.retainAll(METHODS);
        this.algorithms = named.isEmpty() ? ALGORITHMS : named;
        this.methods = namedMethods.isEmpty() ? METHODS : namedMethods;
    }

    static boolean knows(String name) {
        return ALGORITHMS.contains(new JWEAlgorithm(name)) || METHODS.contains(new EncryptionMethod(name));
    }

    /** Whether the key is of use for one of the algorithms. */
    boolean mayBeFor(DecryptionKey key) {
        return key.algorithms().stream().map(JWEAlgorithm::new).anyMatch(algorithms::contains);
    }

    /** The content of a JWE; {@code null} if none of the keys opens it, or it is none that is accepted. */
    @Nullable
    String decrypt(String compact, List<DecryptionKey> keys) {
        if (compact.indexOf('.') > MAX_HEADER) {
            return null;
        }
        try {
            JWEObject jwe = JWEObject.parse(compact);
            if (!isAcceptable(jwe)) {
                return null;
            }
            for (DecryptionKey key : keys) {
                byte[] content = fits(key, jwe.getHeader()) ? decrypt(key, jwe) : null;
                if (content != null) {
                    return new String(content, StandardCharsets.UTF_8);
                }
            }
            return null;
        } catch (ParseException | RuntimeException e) { // the parser's, for JSON of strange kinds
            return null;
        }
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
}
