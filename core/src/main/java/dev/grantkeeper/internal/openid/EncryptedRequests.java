/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.openid;

import com.nimbusds.jose.Algorithm;
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
import dev.grantkeeper.internal.provider.ProviderFacts;
import dev.grantkeeper.internal.wire.AuthorizationEndpoint;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Encrypts signed authorization requests to the server (RFC 9101 section 6.1), with a key that it publishes for
 * encryption. Thread-safe.
 */
public final class EncryptedRequests implements AuthorizationEndpoint.Encryption {
    private static final List<JWEAlgorithm> ELLIPTIC = List.of(
            JWEAlgorithm.ECDH_ES_A256KW,
            JWEAlgorithm.ECDH_ES_A128KW,
            JWEAlgorithm.ECDH_ES_A192KW,
            JWEAlgorithm.ECDH_ES);

    private static final List<JWEAlgorithm> RSA = List.of(JWEAlgorithm.RSA_OAEP_256);

    /**
     * The first one is used where the metadata is silent. A128CBC-HS256 would be the default of OpenID Connect Dynamic
     * Client Registration section 2, for a client that has registered an algorithm and no method; but such a client may
     * still use any other that the server supports.
     */
    private static final List<EncryptionMethod> METHODS = List.of(
            EncryptionMethod.A256GCM,
            EncryptionMethod.A128GCM,
            EncryptionMethod.A192GCM,
            EncryptionMethod.A128CBC_HS256,
            EncryptionMethod.A256CBC_HS512,
            EncryptionMethod.A192CBC_HS384);

    private final ProviderKeys keys;
    private final ProviderFacts facts;

    /** Encrypts with the keys of one provider. */
    public EncryptedRequests(ProviderKeys keys, ProviderFacts facts) {
        this.keys = keys;
        this.facts = facts;
    }

    @Override
    public String encrypt(String request) throws RequestFailedException {
        EncryptionMethod method = first(METHODS, facts.requestEncryptionMethods);
        if (method == null) {
            throw failed("The metadata of " + facts.name + " names methods of encryption"
                    + " (request_object_encryption_enc_values_supported), and none of " + METHODS
                    + " is among them. Ask the provider for one, or leave ENCRYPTED_REQUEST out");
        }
        try {
            for (JWK key : keys.forEncryption()) {
                JWEAlgorithm algorithm = algorithm(key);
                if (algorithm != null) {
                    return encrypt(request, key, algorithm, method);
                }
            }
        } catch (IdentityException e) {
            throw new RequestFailedException(e.failure());
        } catch (JOSEException e) {
            // as below: a key that no request can be encrypted to
        }
        throw failed("The provider publishes no key for encryption (use=enc) with RSA-OAEP-256 or ECDH-ES."
                + " Ask it for one, or leave ENCRYPTED_REQUEST out");
    }

    private static RequestFailedException failed(String why) {
        return new RequestFailedException(new Answer.Failure(Answer.Kind.MISCONFIGURED, 0, null, why, null, null));
    }

    private static String encrypt(String request, JWK key, JWEAlgorithm algorithm, EncryptionMethod method)
            throws JOSEException {
        JWEObject jwe = new JWEObject(
                new JWEHeader.Builder(algorithm, method)
                        .keyID(key.getKeyID())
                        .contentType("JWT") // RFC 7519 section 5.2
                        .build(),
                new Payload(request));
        jwe.encrypt(key instanceof RSAKey rsa ? new RSAEncrypter(rsa) : new ECDHEncrypter(key.toECKey()));
        return jwe.serialize();
    }

    /**
     * The algorithm for a key, which may name one; {@code null} if it is none of those that are safe, or that the
     * server supports.
     */
    private @Nullable JWEAlgorithm algorithm(JWK key) {
        List<JWEAlgorithm> possible = key instanceof RSAKey
                ? RSA
                : key instanceof ECKey ec && ECDHEncrypter.SUPPORTED_ELLIPTIC_CURVES.contains(ec.getCurve())
                        ? ELLIPTIC
                        : List.of();
        return first(
                possible,
                key.getAlgorithm() == null
                        ? facts.requestEncryptionAlgorithms
                        : Set.of(key.getAlgorithm().getName()));
    }

    /** The first one that the server supports, which may not say. */
    private static <T extends Algorithm> @Nullable T first(List<T> possible, Set<String> supported) {
        for (T one : possible) {
            if (supported.isEmpty() || supported.contains(one.getName())) {
                return one;
            }
        }
        return null;
    }
}
