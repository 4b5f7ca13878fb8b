/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.openid;

import com.nimbusds.jose.EncryptionMethod;
import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JWEAlgorithm;
import com.nimbusds.jose.JWEHeader;
import com.nimbusds.jose.JWEObject;
import com.nimbusds.jose.Payload;
import com.nimbusds.jose.crypto.ECDHEncrypter;
import com.nimbusds.jose.crypto.RSAEncrypter;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.jwk.JWK;
import com.nimbusds.jose.jwk.RSAKey;
import dev.grantkeeper.internal.answer.Answer;
import dev.grantkeeper.internal.answer.RequestFailedException;
import dev.grantkeeper.internal.wire.AuthorizationEndpoint;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Encrypts signed authorization requests to the server (RFC 9101 section 6.1), with a key that it publishes for
 * encryption. Thread-safe.
 */
public final class EncryptedRequests implements AuthorizationEndpoint.Encryption {
    private static final Set<JWEAlgorithm> ELLIPTIC = Set.of(
            JWEAlgorithm.ECDH_ES,
            JWEAlgorithm.ECDH_ES_A128KW,
            JWEAlgorithm.ECDH_ES_A192KW,
            JWEAlgorithm.ECDH_ES_A256KW);

    private final ProviderKeys keys;

    /** Encrypts with the keys of one provider. */
    public EncryptedRequests(ProviderKeys keys) {
        this.keys = keys;
    }

    @Override
    public String encrypt(String request) throws RequestFailedException {
        try {
            for (JWK key : keys.forEncryption()) {
                JWEAlgorithm algorithm = algorithm(key);
                if (algorithm != null) {
                    return encrypt(request, key, algorithm);
                }
            }
        } catch (IdentityException e) {
            throw new RequestFailedException(e.failure());
        } catch (JOSEException e) {
            // as below: a key that no request can be encrypted to
        }
        throw new RequestFailedException(new Answer.Failure(
                Answer.Kind.MISCONFIGURED,
                0,
                null,
                "The provider publishes no key for encryption (use=enc) with RSA-OAEP-256 or ECDH-ES, and"
                        + " ENCRYPTED_REQUEST needs one",
                null,
                null));
    }

    private static String encrypt(String request, JWK key, JWEAlgorithm algorithm) throws JOSEException {
        JWEObject jwe = new JWEObject(
                new JWEHeader.Builder(algorithm, EncryptionMethod.A256GCM)
                        .keyID(key.getKeyID())
                        .contentType("JWT") // RFC 7519 section 5.2
                        .build(),
                new Payload(request));
        jwe.encrypt(key instanceof RSAKey rsa ? new RSAEncrypter(rsa) : new ECDHEncrypter(key.toECKey()));
        return jwe.serialize();
    }

    /** The algorithm for a key, which may name one; {@code null} if it is none of those that are safe. */
    private static @Nullable JWEAlgorithm algorithm(JWK key) {
        JWEAlgorithm named = key.getAlgorithm() == null
                ? null
                : new JWEAlgorithm(key.getAlgorithm().getName());
        if (key instanceof RSAKey) {
            return named == null || named.equals(JWEAlgorithm.RSA_OAEP_256) ? JWEAlgorithm.RSA_OAEP_256 : null;
        }
        boolean elliptic = key instanceof ECKey ec && ECDHEncrypter.SUPPORTED_ELLIPTIC_CURVES.contains(ec.getCurve());
        return !elliptic ? null : named == null ? JWEAlgorithm.ECDH_ES_A256KW : ELLIPTIC.contains(named) ? named : null;
    }
}
