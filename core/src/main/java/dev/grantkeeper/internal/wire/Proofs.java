/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.wire;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.crypto.ECDSASigner;
import com.nimbusds.jose.jwk.Curve;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.SignedJWT;
import com.nimbusds.oauth2.sdk.id.JWTID;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.MessageDigest;
import java.security.interfaces.ECPrivateKey;
import java.security.interfaces.ECPublicKey;
import java.time.Instant;
import java.util.Base64;
import java.util.Date;
import okhttp3.HttpUrl;
import okhttp3.Request;
import org.jspecify.annotations.Nullable;

/**
 * The proofs of RFC 9449 as texts. Apart from {@link DPoP}, which every client has: one whose tokens are not bound
 * loads none of the classes that are needed here.
 */
final class Proofs {
    private static final JOSEObjectType TYPE = new JOSEObjectType("dpop+jwt");

    private Proofs() {}

    /** The thumbprint of a key (RFC 7638). */
    static String thumbprint(KeyPair key) {
        try {
            return jwk(key).computeThumbprint().toString();
        } catch (JOSEException e) {
            throw new IllegalStateException("Every Java platform has SHA-256", e);
        }
    }

    private static ECKey jwk(KeyPair key) {
        return new ECKey.Builder(Curve.P_256, (ECPublicKey) key.getPublic()).build();
    }

    /**
     * A new proof (RFC 9449 section 4.2).
     *
     * @param accessToken the token that the request carries; {@code null} for a token request
     */
    static String of(
            Request request, KeyPair key, @Nullable String accessToken, @Nullable String nonce, Instant issuedAt) {
        JWTClaimsSet.Builder claims = new JWTClaimsSet.Builder()
                .jwtID(new JWTID().getValue())
                .issueTime(Date.from(issuedAt))
                .claim("htm", request.method())
                .claim("htu", target(request.url()));
        if (accessToken != null) {
            claims.claim("ath", digest(accessToken));
        }
        if (nonce != null) {
            claims.claim("nonce", nonce);
        }
        JWSHeader header = new JWSHeader.Builder(JWSAlgorithm.ES256)
                .type(TYPE)
                .jwk(jwk(key))
                .build();
        SignedJWT proof = new SignedJWT(header, claims.build());
        try {
            proof.sign(new ECDSASigner((ECPrivateKey) key.getPrivate()));
        } catch (JOSEException e) {
            throw new IllegalStateException("This Java platform has no ES256", e);
        }
        return proof.serialize();
    }

    /** The URL as it is sent: java.net.URI would write some characters in another way. */
    private static String target(HttpUrl url) {
        return url.newBuilder()
                .username("")
                .password("")
                .query(null)
                .fragment(null)
                .build()
                .toString();
    }

    private static String digest(String token) {
        try {
            return Base64.getUrlEncoder()
                    .withoutPadding()
                    .encodeToString(
                            MessageDigest.getInstance("SHA-256").digest(token.getBytes(StandardCharsets.US_ASCII)));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("Every Java platform has SHA-256", e);
        }
    }
}
