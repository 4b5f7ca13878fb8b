/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.testkit;

import dev.grantkeeper.testkit.Settings.Client;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.security.AlgorithmParameters;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PublicKey;
import java.security.Signature;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.ECParameterSpec;
import java.security.spec.ECPoint;
import java.security.spec.ECPublicKeySpec;
import java.security.spec.MGF1ParameterSpec;
import java.security.spec.PSSParameterSpec;
import java.security.spec.RSAPublicKeySpec;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** Client authentication by a signed assertion (RFC 7523, 2.2): RS256, PS256 and ES256. Thread-safe. */
final class ClientAssertions {
    static final String TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

    private final Settings settings;
    private final Set<String> used = ConcurrentHashMap.newKeySet();

    ClientAssertions(Settings settings) {
        this.settings = settings;
    }

    /** The client that an assertion is of, not verified yet. */
    static String subject(String assertion) throws Refused {
        return String.valueOf(part(assertion, 1).get("sub"));
    }

    void verify(Client client, String assertion) throws Refused {
        Map<String, Object> header = part(assertion, 0);
        Map<String, Object> claims = part(assertion, 1);
        Object audience = claims.get("aud");
        List<?> audiences = audience instanceof List<?> list ? list : List.of(String.valueOf(audience));
        if (!client.id().equals(claims.get("iss")) || !client.id().equals(claims.get("sub"))) {
            throw new Refused("invalid_client", "iss and sub must be the client");
        }
        if (!audiences.contains(settings.url) && !audiences.contains(settings.url + FakeAuthorizationServer.TOKEN)) {
            throw new Refused("invalid_client", "The assertion is for another server");
        }
        if (!(claims.get("exp") instanceof Number end)
                || end.longValue() <= settings.time.instant().getEpochSecond()) {
            throw new Refused("invalid_client", "The assertion expired");
        }
        if (!signed(client, header, assertion)) {
            throw new Refused("invalid_client", "The assertion is not signed with a key of the client");
        }
        // RFC 7523, 3: where it is used once, a copy is of no use.
        if (claims.get("jti") != null && !used.add(client.id() + " " + claims.get("jti"))) {
            throw new Refused("invalid_client", "The assertion was used before");
        }
    }

    private static boolean signed(Client client, Map<String, Object> header, String assertion) throws Refused {
        int end = assertion.lastIndexOf('.');
        try {
            byte[] content = assertion.substring(0, end).getBytes(StandardCharsets.UTF_8);
            byte[] signature = Base64.getUrlDecoder().decode(assertion.substring(end + 1));
            String uri = client.jwksUri();
            Map<String, Object> jwks = JsonReader.object(uri == null ? String.valueOf(client.jwks()) : Http.fetch(uri));
            for (Object key : jwks.get("keys") instanceof List<?> keys ? keys : List.of()) {
                if (key instanceof Map<?, ?> jwk
                        && (header.get("kid") == null || header.get("kid").equals(jwk.get("kid")))
                        && verified(jwk, String.valueOf(header.get("alg")), content, signature)) {
                    return true;
                }
            }
            return false;
        } catch (IOException | GeneralSecurityException | IllegalArgumentException e) {
            throw new Refused("invalid_client", "The keys of the client are of no use: " + e.getMessage());
        }
    }

    static boolean verified(Map<?, ?> jwk, String algorithm, byte[] content, byte[] signature)
            throws GeneralSecurityException {
        boolean rsa = "RSA".equals(jwk.get("kty"));
        if (rsa == algorithm.startsWith("ES")) {
            return false;
        }
        Signature verifier = switch (algorithm) {
            case "RS256" -> Signature.getInstance("SHA256withRSA");
            case "PS256" -> Signature.getInstance("RSASSA-PSS");
            case "ES256" -> Signature.getInstance("SHA256withECDSAinP1363Format");
            default -> throw new GeneralSecurityException("alg " + algorithm);
        };
        if (algorithm.equals("PS256")) {
            verifier.setParameter(new PSSParameterSpec("SHA-256", "MGF1", MGF1ParameterSpec.SHA256, 32, 1));
        }
        verifier.initVerify(rsa ? rsa(jwk) : ec(jwk));
        verifier.update(content);
        return verifier.verify(signature);
    }

    private static PublicKey rsa(Map<?, ?> jwk) throws GeneralSecurityException {
        return KeyFactory.getInstance("RSA").generatePublic(new RSAPublicKeySpec(number(jwk, "n"), number(jwk, "e")));
    }

    private static PublicKey ec(Map<?, ?> jwk) throws GeneralSecurityException {
        AlgorithmParameters curve = AlgorithmParameters.getInstance("EC");
        curve.init(new ECGenParameterSpec("secp256r1"));
        return KeyFactory.getInstance("EC")
                .generatePublic(new ECPublicKeySpec(
                        new ECPoint(number(jwk, "x"), number(jwk, "y")),
                        curve.getParameterSpec(ECParameterSpec.class)));
    }

    private static BigInteger number(Map<?, ?> jwk, String name) {
        return new BigInteger(1, Base64.getUrlDecoder().decode(String.valueOf(jwk.get(name))));
    }

    private static Map<String, Object> part(String assertion, int index) throws Refused {
        String[] parts = assertion.split("\\.", -1);
        try {
            if (parts.length != 3) {
                throw new IllegalArgumentException("not three parts");
            }
            return JsonReader.object(new String(Base64.getUrlDecoder().decode(parts[index]), StandardCharsets.UTF_8));
        } catch (IllegalArgumentException e) {
            throw new Refused("invalid_client", "The assertion is not a JWT: " + e.getMessage());
        }
    }
}
