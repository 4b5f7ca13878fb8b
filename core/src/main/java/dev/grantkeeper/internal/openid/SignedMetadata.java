/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.openid;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.nimbusds.jwt.JWTClaimsSet;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Date;
import java.util.List;

/**
 * Metadata that somebody has signed whom the application trusts (RFC 8414 section 2.1). A document without it is
 * refused, since anybody who could change the document could remove it. Immutable.
 */
public final class SignedMetadata {
    private static final String WHAT = "signed metadata";
    private static final String MEMBER = "signed_metadata";
    private static final Duration MAX_SKEW = Duration.ofMinutes(1);

    /** As strict as the reader of what results: a member that stands there twice must not get lost on the way. */
    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private final String signer;
    private final List<ProviderKeys.Key> keys;

    /**
     * Trusts a signer.
     *
     * @param signer the {@code iss} of the signed metadata
     * @param jwkSet the signer's public keys
     * @throws IllegalArgumentException if there is no usable key among them
     */
    public SignedMetadata(String signer, String jwkSet) {
        this.signer = signer;
        try {
            this.keys = ProviderKeys.read(jwkSet);
        } catch (IOException e) {
            throw new IllegalArgumentException(
                    "The keys of " + signer + " are not a JWK set with public keys: " + e.getMessage(), e);
        }
    }

    /**
     * The document as the signer attests it: signed claims in place of the plain members of the same name.
     *
     * @param issuer the server that the document has to be about
     * @param json the document, as the server published it
     * @throws IllegalArgumentException if it is not signed, or wrongly
     */
    public String attested(String issuer, String json, InstantSource clock) {
        try {
            JsonNode plain = JSON.readTree(json.startsWith("\uFEFF") ? json.substring(1) : json);
            if (!(plain instanceof ObjectNode members) || !members.path(MEMBER).isTextual()) {
                throw new IllegalArgumentException("The metadata of " + issuer
                        + " is not signed (signed_metadata), and has to be signed by " + signer);
            }
            ProviderKeys.Signed signed =
                    ProviderKeys.verifyWith(keys, WHAT, members.path(MEMBER).textValue());
            JWTClaimsSet claims = signed.claims();
            if (!signer.equals(claims.getIssuer())) {
                throw ProviderKeys.invalid(WHAT, "its iss is not " + signer);
            }
            // Somebody who signs for several servers must not have one of them pass for another.
            Object about = claims.getClaim("issuer");
            if (!issuer.equals(about == null ? signer : about)) {
                throw ProviderKeys.invalid(WHAT, "it is about another server");
            }
            checkTimes(claims, clock.instant());
            members.setAll(JSON.<ObjectNode>valueToTree(claims.toJSONObject()));
            return members.toString();
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("The metadata of " + issuer + " is not JSON");
        } catch (IdentityException e) {
            throw new IllegalArgumentException("The metadata of " + issuer + ": " + e.getMessage());
        }
    }

    private static void checkTimes(JWTClaimsSet claims, Instant now) throws IdentityException {
        Date expires = claims.getExpirationTime();
        Date notBefore = claims.getNotBeforeTime();
        if (expires != null && !now.isBefore(expires.toInstant().plus(MAX_SKEW))) {
            throw ProviderKeys.invalid(WHAT, "it has expired");
        }
        if (notBefore != null && now.isBefore(notBefore.toInstant().minus(MAX_SKEW))) {
            throw ProviderKeys.invalid(WHAT, "it is not valid yet");
        }
    }
}
