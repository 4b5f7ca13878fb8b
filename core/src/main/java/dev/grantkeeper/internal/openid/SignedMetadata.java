/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.openid;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.nimbusds.jose.JOSEObjectType;
import com.nimbusds.jwt.JWTClaimsSet;
import java.io.IOException;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Locale;

/**
 * Metadata that somebody has signed whom the application trusts (RFC 8414 section 2.1, RFC 9728 section 2.2). A
 * document without it is refused, since anybody who could change the document could remove it. Immutable.
 */
public final class SignedMetadata {
    private static final String WHAT = "signed metadata";
    private static final String MEMBER = "signed_metadata";

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
     * @throws IllegalArgumentException if there is no usable key among them, or the signer is blank
     */
    public SignedMetadata(String signer, String jwkSet) {
        if (signer.isBlank()) {
            throw new IllegalArgumentException("The signer of metadata has a name: the iss of what it signs");
        }
        this.signer = signer;
        try {
            this.keys = ProviderKeys.read(jwkSet);
        } catch (IOException e) {
            throw new IllegalArgumentException(
                    "The keys of " + signer + " are not a JWK set with public keys: " + e.getMessage(), e);
        }
    }

    /**
     * The document of a server as the signer attests it: signed claims in place of the plain members of the same name.
     *
     * @param issuer the server that the document has to be about
     * @param json the document, as the server published it
     * @throws IllegalArgumentException if it is not signed, or wrongly
     */
    public String attested(String issuer, String json, InstantSource clock) {
        String what = "The metadata of " + issuer;
        ObjectNode members = members(what, json);
        try {
            JWTClaimsSet claims = verified(what, members, clock.instant());
            // Somebody who signs for several servers must not have one of them pass for another.
            Object about = claims.getClaim("issuer");
            if (!issuer.equals(about == null ? signer : about)) {
                throw ProviderKeys.invalid(WHAT, "it is about another server");
            }
            if (claims.getSubject() != null && !issuer.equals(claims.getSubject())) {
                throw ProviderKeys.invalid(WHAT, "its sub is not the server");
            }
            members.setAll(JSON.<ObjectNode>valueToTree(claims.toJSONObject()));
            return members.toString();
        } catch (IdentityException e) {
            throw new IllegalArgumentException(what + ": " + e.getMessage());
        }
    }

    /**
     * The claims alone, as a document: what is not signed is left out, of whatever name it is.
     *
     * @param what the document, for messages
     * @param json the document, as it was published
     * @return what is signed. The caller checks what it is about
     * @throws IllegalArgumentException if it is not signed, or wrongly
     */
    public String claims(String what, String json, InstantSource clock) {
        try {
            JWTClaimsSet claims = verified(what, members(what, json), clock.instant());
            return JSON.valueToTree(claims.toJSONObject()).toString();
        } catch (IdentityException e) {
            throw new IllegalArgumentException(what + ": " + e.getMessage());
        }
    }

    private static ObjectNode members(String what, String json) {
        try {
            if (JSON.readTree(json.startsWith("\uFEFF") ? json.substring(1) : json) instanceof ObjectNode members) {
                return members;
            }
        } catch (JsonProcessingException e) {
            // said below
        }
        throw new IllegalArgumentException(what + " is not JSON, or not an object");
    }

    private JWTClaimsSet verified(String what, ObjectNode members, Instant now) throws IdentityException {
        if (!members.path(MEMBER).isTextual()) {
            throw new IllegalArgumentException(
                    what + " is not signed (signed_metadata), and has to be signed by " + signer);
        }
        ProviderKeys.Signed signed =
                ProviderKeys.verifyWith(keys, WHAT, members.path(MEMBER).textValue());
        JWTClaimsSet claims = signed.claims();
        String issuerOfKey = signed.issuerOfKey();
        if (!signer.equals(claims.getIssuer()) || (issuerOfKey != null && !signer.equals(issuerOfKey))) {
            throw ProviderKeys.invalid(WHAT, "its iss is not " + signer);
        }
        checkKind(signed);
        signed.checkTimes(WHAT, now);
        signed.checkNames(WHAT);
        return claims;
    }

    /**
     * A signer that is an authorization server signs other things as well, and anybody may have some of them: an ID
     * token of its own must not pass for metadata that says nothing, beside which plain members would count. All of
     * these have a type or an audience, or are events.
     */
    private static void checkKind(ProviderKeys.Signed signed) throws IdentityException {
        JOSEObjectType typ = signed.header().getType();
        String type = typ == null ? "jwt" : typ.getType().toLowerCase(Locale.ROOT);
        JWTClaimsSet claims = signed.claims();
        if (!(type.equals("jwt") || type.equals("application/jwt") || type.endsWith("metadata+jwt"))
                || !claims.getAudience().isEmpty()
                || claims.getClaim("events") != null) {
            throw ProviderKeys.invalid(WHAT, "it is a token of another kind (typ, aud)");
        }
        if (claims.getClaims().containsKey(MEMBER)) {
            // RFC 8414 section 2.1 and RFC 9728 section 2.2
            throw ProviderKeys.invalid(WHAT, "it holds signed_metadata itself");
        }
    }
}
