/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.openid;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.JWSHeader;
import com.nimbusds.jose.Payload;
import com.nimbusds.jose.crypto.ECDSAVerifier;
import com.nimbusds.jose.crypto.RSASSAVerifier;
import com.nimbusds.jose.jwk.Curve;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.jwk.JWK;
import com.nimbusds.jose.jwk.JWKMatcher;
import com.nimbusds.jose.jwk.KeyType;
import com.nimbusds.jose.jwk.KeyUse;
import com.nimbusds.jose.jwk.OctetKeyPair;
import com.nimbusds.jose.jwk.RSAKey;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.PlainJWT;
import com.nimbusds.jwt.SignedJWT;
import dev.grantkeeper.internal.answer.Reply;
import dev.grantkeeper.internal.answer.ServerText;
import dev.grantkeeper.internal.wire.Http;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.math.BigInteger;
import java.net.URI;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.Signature;
import java.security.spec.EdECPoint;
import java.security.spec.EdECPublicKeySpec;
import java.security.spec.NamedParameterSpec;
import java.text.ParseException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The keys of one provider (RFC 7517), which verify what it has signed: ID tokens, UserInfo responses, logout tokens,
 * authorization responses.
 *
 * <p>Keys are fetched when they are needed, and again after five minutes, or when none of the known ones fits a token.
 * Strangers can make up tokens that never fit, so such a fetch costs the right to another for a minute; the token that
 * verifies because of it restores the right. A provider may thus rotate its keys as often as it likes, and a thousand
 * made-up key ids in a minute cost one fetch. While the provider is down, the last keys stay in use for a day.
 *
 * <p>Only these keys count, whatever a token's header brings along or points to. Thread-safe.
 */
public final class ProviderKeys {
    private static final int MAX_LENGTH = 64 * 1024;
    private static final int MAX_KEYS = 100;

    /** RFC 7517 section 4, RFC 7518 section 6, RFC 8037 section 2. */
    private static final List<String> NEEDED = List.of("kty", "use", "alg", "kid", "n", "e", "crv", "x", "y");

    private static final JsonMapper JSON = JsonMapper.builder()
            .disable(StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION)
            .build();
    private static final int LEAST_RSA_BITS = 2048;
    private static final Duration MAX_SKEW = Duration.ofMinutes(1);
    private static final Duration LIVE = Duration.ofMinutes(5);
    private static final Duration BETWEEN_FETCHES = Duration.ofMinutes(1);
    private static final Duration AFTER_FAILURE = Duration.ofSeconds(15);
    private static final Duration SURVIVE_OUTAGE = Duration.ofHours(24);

    // Asymmetric ones only. "none" and the HMAC family cannot get in: anybody who knows a public key could make those.
    private static final Set<JWSAlgorithm> ALGORITHMS = Set.of(
            JWSAlgorithm.RS256,
            JWSAlgorithm.RS384,
            JWSAlgorithm.RS512,
            JWSAlgorithm.PS256,
            JWSAlgorithm.PS384,
            JWSAlgorithm.PS512,
            JWSAlgorithm.ES256,
            JWSAlgorithm.ES384,
            JWSAlgorithm.ES512,
            JWSAlgorithm.EdDSA,
            JWSAlgorithm.Ed25519);

    /** A JWT that the provider has signed. */
    public record Signed(
            JWSHeader header, JWTClaimsSet claims, @Nullable String issuerOfKey, Payload payload) {
        /**
         * Checks that no object in it names a member twice: the library takes the last one, other readers the first. A
         * claim that is repeated as it is does no harm. For documents; an ID token is worth more than an address in it.
         */
        void checkNames(String what) throws IdentityException {
            try {
                RepeatedClaims.read(payload.toString());
            } catch (IOException e) {
                throw invalid(what, "it names a member twice");
            }
        }

        /** Checks those times that are there; which ones have to be is the caller's business. */
        void checkTimes(String what, Instant now) throws IdentityException {
            Date expires = claims.getExpirationTime();
            if (expires != null && !now.isBefore(expires.toInstant().plus(MAX_SKEW))) {
                throw invalid(what, "it has expired");
            }
            if (isFuture(claims.getNotBeforeTime(), now)) {
                throw invalid(what, "it is not valid yet");
            }
            if (isFuture(claims.getIssueTime(), now)) {
                throw invalid(what, "it was issued in the future");
            }
        }

        private static boolean isFuture(@Nullable Date time, Instant now) {
            return time != null && now.isBefore(time.toInstant().minus(MAX_SKEW));
        }

        @Override
        public String toString() {
            return "Signed[" + header.getAlgorithm() + "]";
        }
    }

    /** One key; Microsoft's common key set names the issuer that each one signs for. */
    record Key(JWK jwk, @Nullable String issuer) {}

    /** The keys that were fetched at one time; no two sets are equal. */
    private static final class KeySet {
        final List<Key> keys;
        final long fetchedAt;

        KeySet(List<Key> keys, long fetchedAt) {
            this.keys = keys;
            this.fetchedAt = fetchedAt;
        }
    }

    private final URI where;
    private final Set<JWSAlgorithm> accepted;
    private final Http http;
    private final LongSupplier ticker;
    // Not a monitor, since it is held while keys are fetched.
    private final ReentrantLock fetching = new ReentrantLock();
    private volatile @Nullable KeySet known;
    private @Nullable Long spentAt; // guarded by fetching: when a fetch was spent on a token that did not fit
    private @Nullable Long failedAt; // guarded by fetching
    private @Nullable IOException failure; // guarded by fetching

    /**
     * The keys at a URL. Fetches nothing yet.
     *
     * @param algorithms the algorithms that the provider may use for this client; empty for all that are safe
     * @param ticker monotonic time in nanoseconds
     */
    public ProviderKeys(URI where, Set<String> algorithms, Http http, LongSupplier ticker) {
        this.where = where;
        this.accepted = algorithms.isEmpty()
                ? ALGORITHMS
                : algorithms.stream().map(JWSAlgorithm::new).collect(Collectors.toUnmodifiableSet());
        this.http = http;
        this.ticker = ticker;
    }

    /** Whether signatures with this algorithm can be verified. */
    public static boolean knows(String algorithm) {
        return ALGORITHMS.contains(new JWSAlgorithm(algorithm));
    }

    /**
     * Verifies the signature. The claims are not checked: issuer, audience and times are the caller's task.
     *
     * @param what for messages, for example {@code ID token}
     * @param compact the compact form; anything that anybody can send
     * @throws IdentityException if none of the provider's keys has signed this, or the keys could not be fetched; the
     *     message shows nothing of it
     */
    public Signed verify(String what, String compact) throws IdentityException {
        SignedJWT jwt = parse(what, compact);
        JWTClaimsSet claims = claims(what, jwt);
        check(what, jwt.getHeader(), accepted);
        long began = ticker.getAsLong();
        try {
            KeySet set = current(began);
            Key key = signer(what, jwt, set);
            if (key == null) {
                KeySet newer = newerThan(set, began);
                key = newer == set ? null : signer(what, jwt, newer);
                if (key == null) {
                    throw invalid(what, "none of the provider's keys has signed it");
                }
                restore();
            }
            return new Signed(jwt.getHeader(), claims, key.issuer(), jwt.getPayload());
        } catch (IdentityException e) {
            throw e;
        } catch (IOException e) {
            throw unavailable(e);
        }
    }

    /**
     * Verifies a signature with keys that the application has named, and that nobody fetches.
     *
     * @throws IdentityException as {@link #verify}
     */
    static Signed verifyWith(List<Key> keys, String what, String compact) throws IdentityException {
        SignedJWT jwt = parse(what, compact);
        JWTClaimsSet claims = claims(what, jwt);
        check(what, jwt.getHeader(), ALGORITHMS);
        Key key = signer(what, jwt, new KeySet(keys, 0));
        if (key == null) {
            throw invalid(what, "none of the keys that are trusted for it has signed it");
        }
        return new Signed(jwt.getHeader(), claims, key.issuer(), jwt.getPayload());
    }

    /**
     * The keys that the provider publishes for encryption.
     *
     * @throws IdentityException if the keys could not be fetched
     */
    List<JWK> forEncryption() throws IdentityException {
        try {
            return current(ticker.getAsLong()).keys.stream()
                    .map(Key::jwk)
                    .filter(key -> KeyUse.ENCRYPTION.equals(key.getKeyUse()))
                    .toList();
        } catch (IOException e) {
            throw unavailable(e);
        }
    }

    private static IdentityException unavailable(IOException e) {
        String why = e instanceof UnusableKeysException
                ? String.valueOf(e.getMessage())
                : "The provider's keys could not be fetched; try again later";
        return new IdentityException(IdentityException.Kind.UNAVAILABLE, why, e);
    }

    // ---- Tokens ---------------------------------------------------------------------------------------------------

    private static void check(String what, JWSHeader header, Set<JWSAlgorithm> accepted) throws IdentityException {
        if (!accepted.contains(header.getAlgorithm())) {
            throw invalid(what, "its algorithm is not accepted");
        }
        if (header.getCriticalParams() != null) {
            // RFC 7515 section 4.1.11: no extension is supported here
            throw invalid(what, "its header requires an extension that is not supported (crit)");
        }
        if (!header.isBase64URLEncodePayload()) {
            // RFC 7797 section 6: without crit, other readers take the same signature for that of another text.
            throw invalid(what, "its payload is not encoded (b64)");
        }
    }

    private static SignedJWT parse(String what, String compact) throws IdentityException {
        if (!isCompact(compact)) {
            throw invalid(what, "it is not a signed JWT");
        }
        try {
            return SignedJWT.parse(compact);
        } catch (ParseException | RuntimeException e) { // NullPointerException for null in JSON
            throw invalid(what, "it is not a signed JWT");
        }
    }

    /** Whether a text has the form of a signed JWT, by whomever. */
    static boolean isSigned(String compact) {
        try {
            return isCompact(compact) && SignedJWT.parse(compact).getHeader() != null;
        } catch (ParseException | RuntimeException e) {
            return false;
        }
    }

    private static boolean isCompact(String compact) {
        // Counted before anything is split: a megabyte of dots must not become a million strings. And base64url without
        // padding only, since the decoder underneath accepts more than RFC 7515 section 2 does.
        return compact.length() <= MAX_LENGTH
                && compact.chars().filter(c -> c == '.').limit(3).count() == 2
                && compact.chars().allMatch(ProviderKeys::mayStandInAToken);
    }

    static boolean mayStandInAToken(int c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || "-_.".indexOf(c) >= 0;
    }

    /** The claims of a JWT, signed (by anybody) or not. */
    static JWTClaimsSet unverifiedClaims(String what, String compact) throws IdentityException {
        if (!compact.endsWith(".")) {
            return claims(what, parse(what, compact));
        }
        try {
            if (isCompact(compact)) {
                PlainJWT jwt = PlainJWT.parse(compact);
                return named(what, jwt.getPayload().toJSONObject(), jwt.getJWTClaimsSet());
            }
        } catch (IdentityException e) {
            throw e;
        } catch (ParseException | RuntimeException e) {
            // reported below
        }
        throw invalid(what, "it is not a JWT");
    }

    private static JWTClaimsSet claims(String what, SignedJWT jwt) throws IdentityException {
        try {
            return named(what, jwt.getPayload().toJSONObject(), jwt.getJWTClaimsSet());
        } catch (ParseException | RuntimeException e) {
            return repeatedClaims(what, jwt);
        }
    }

    /**
     * OpenID Connect Core section 2: a subject is a string. The parser takes numbers, too, and rounds those that are
     * large: two users would become one.
     */
    private static JWTClaimsSet named(String what, @Nullable Map<String, Object> raw, JWTClaimsSet claims)
            throws IdentityException {
        if (raw != null && raw.get("sub") instanceof Number) {
            throw invalid(what, "its sub is a number, and has to be a text (OpenID Connect Core section 2)");
        }
        return claims;
    }

    private static JWTClaimsSet repeatedClaims(String what, SignedJWT jwt) throws IdentityException {
        try {
            Map<String, Object> raw = RepeatedClaims.read(jwt.getPayload().toString());
            return named(what, raw, JWTClaimsSet.parse(raw));
        } catch (IdentityException e) {
            throw e;
        } catch (IOException | ParseException | RuntimeException e) {
            throw invalid(what, "its claims cannot be read");
        }
    }

    static IdentityException invalid(String what, String why) {
        // The parser's reasons quote claims.
        return new IdentityException(
                IdentityException.Kind.INVALID, "The " + what + " is not valid: " + ServerText.harmless(why), null);
    }

    private static @Nullable Key signer(String what, SignedJWT jwt, KeySet set) throws IdentityException {
        JWSHeader header = jwt.getHeader();
        JWKMatcher fits = matcher(header);
        List<Key> fitting =
                set.keys.stream().filter(key -> fits.matches(key.jwk())).toList();
        if (header.getKeyID() == null && fitting.size() > 1) {
            // OpenID Connect Core section 10.1; trying them all would let the token choose.
            throw invalid(what, "it does not say which of several keys has signed it");
        }
        for (Key key : fitting) {
            if (hasSigned(key.jwk(), jwt)) {
                return key;
            }
        }
        return null;
    }

    /**
     * By key type, purpose, algorithm and name. Not by the certificate (x5t#S256), which the library's own matcher
     * compares as well: keys are made without certificates here, and none would fit.
     */
    private static JWKMatcher matcher(JWSHeader header) {
        JWSAlgorithm algorithm = header.getAlgorithm();
        JWKMatcher.Builder fits = new JWKMatcher.Builder()
                .keyType(KeyType.forAlgorithm(algorithm))
                .keyID(header.getKeyID())
                .keyUses(KeyUse.SIGNATURE, null)
                .algorithms(algorithm, null);
        return (JWSAlgorithm.Family.ED.contains(algorithm) ? fits.curves(Curve.forJWSAlgorithm(algorithm)) : fits)
                .build();
    }

    private static boolean hasSigned(JWK key, SignedJWT jwt) {
        try {
            if (key instanceof RSAKey rsa) {
                return jwt.verify(new RSASSAVerifier(rsa));
            }
            if (key instanceof ECKey ec) {
                return jwt.verify(new ECDSAVerifier(ec));
            }
            return key instanceof OctetKeyPair pair && Curve.Ed25519.equals(pair.getCurve()) && hasSigned(pair, jwt);
        } catch (JOSEException | GeneralSecurityException | RuntimeException e) {
            return false;
        }
    }

    /** RFC 8037 with the JDK's own Ed25519: the library's needs another dependency. */
    private static boolean hasSigned(OctetKeyPair key, SignedJWT jwt) throws GeneralSecurityException {
        byte[] littleEndian = key.getDecodedX();
        byte[] y = new byte[littleEndian.length];
        for (int i = 0; i < y.length; i++) {
            y[i] = littleEndian[y.length - 1 - i];
        }
        boolean xIsOdd = (y[0] & 0x80) != 0; // RFC 8032 section 5.1.2
        y[0] &= 0x7f;
        Signature signature = Signature.getInstance("Ed25519");
        signature.initVerify(KeyFactory.getInstance("Ed25519")
                .generatePublic(new EdECPublicKeySpec(
                        NamedParameterSpec.ED25519, new EdECPoint(xIsOdd, new BigInteger(1, y)))));
        signature.update(jwt.getSigningInput());
        return signature.verify(jwt.getSignature().decode());
    }

    // ---- Keys -----------------------------------------------------------------------------------------------------

    private boolean isWithin(Duration time, @Nullable Long since) {
        return since != null && ticker.getAsLong() - since < time.toNanos();
    }

    private KeySet current(long began) throws IOException {
        KeySet set = known;
        if (set != null && isWithin(LIVE, set.fetchedAt)) {
            return set;
        }
        KeySet last = set != null && isWithin(SURVIVE_OUTAGE, set.fetchedAt) ? set : null;
        if (last == null) {
            fetching.lock();
        } else if (!fetching.tryLock()) {
            return last; // another thread is fetching, and these will do meanwhile
        }
        try {
            KeySet now = known;
            if (now != null && now != set) {
                return now;
            }
            if (last != null && isWithin(AFTER_FAILURE, failedAt)) {
                return last;
            }
            if (failure != null && failedAt != null && failedAt - began >= 0) {
                throw failure; // it happened while we waited
            }
            try {
                return fetch();
            } catch (IOException e) {
                if (last != null) {
                    return last;
                }
                throw e;
            }
        } finally {
            fetching.unlock();
        }
    }

    /**
     * Newer keys, for a token that does not fit the given ones; the same if there are none, or it is too early to ask.
     */
    private KeySet newerThan(KeySet set, long began) throws IOException {
        if (set.fetchedAt - began >= 0) {
            return set;
        }
        fetching.lock();
        try {
            KeySet now = known;
            if (now != null && now != set) {
                return now;
            }
            if (failure != null && isWithin(AFTER_FAILURE, failedAt)) {
                throw failure;
            }
            if (isWithin(BETWEEN_FETCHES, spentAt)) {
                return set;
            }
            KeySet newer = fetch();
            spentAt = ticker.getAsLong();
            return newer;
        } finally {
            fetching.unlock();
        }
    }

    private void restore() {
        fetching.lock();
        try {
            spentAt = null;
        } finally {
            fetching.unlock();
        }
    }

    private KeySet fetch() throws IOException {
        try {
            Reply reply = get();
            if (reply.status() != 200) {
                throw new UnusableKeysException("The provider's keys could not be fetched: status " + reply.status());
            }
            KeySet set = new KeySet(read(reply.body()), ticker.getAsLong());
            known = set;
            failedAt = null;
            failure = null;
            return set;
        } catch (IOException e) {
            failedAt = ticker.getAsLong();
            failure = e;
            throw e;
        }
    }

    /** Asks a second time if the connection failed: a login depends on it, and its code is spent. */
    private Reply get() throws IOException {
        try {
            return http.get(where.toString(), null);
        } catch (InterruptedIOException e) {
            throw e; // that was all the time there is
        } catch (IOException e) {
            return http.get(where.toString(), null);
        }
    }

    static List<Key> read(String json) throws IOException {
        JsonNode all;
        try {
            all = JSON.readTree(json).path("keys");
        } catch (JsonProcessingException e) {
            throw new UnusableKeysException("The provider's keys are not JSON");
        }
        if (!all.isArray()) {
            throw new UnusableKeysException("The provider's keys are not a JWK set: there is no list of keys");
        }
        List<Key> keys = new ArrayList<>();
        String problem = "the list is empty";
        for (int i = 0; i < all.size() && i < MAX_KEYS; i++) {
            try {
                JWK key = key(all.get(i));
                JsonNode issuer = all.get(i).path("issuer");
                keys.add(new Key(key, issuer.isTextual() ? issuer.textValue() : null));
            } catch (ParseException | RuntimeException e) {
                problem = "the last of " + all.size() + ": " + ServerText.harmless(e.getMessage());
            }
        }
        if (keys.isEmpty()) {
            // This does not mean that all keys are gone: the last ones stay.
            throw new UnusableKeysException("The provider publishes no key that can be used (" + problem + ")");
        }
        return List.copyOf(keys);
    }

    /**
     * A public key that is strong enough. Made of the members that verifying needs, and of nothing else: the parser
     * would throw away a key because of a certificate or a purpose that nobody looks at.
     *
     * @throws ParseException if it is none, which does not make the others unusable
     */
    private static JWK key(JsonNode published) throws ParseException {
        Map<String, Object> members = new LinkedHashMap<>();
        for (String name : NEEDED) {
            JsonNode value = published.path(name);
            if (value.isTextual() && !value.textValue().isBlank()) {
                members.put(name, value.textValue());
            } else if (name.equals("kid") && value.isIntegralNumber()) {
                members.put(name, value.asText());
            }
        }
        JWK key = JWK.parse(members).toPublicJWK();
        if (key == null) {
            throw new ParseException("it is not a public key", 0);
        }
        if (key instanceof RSAKey && key.size() < LEAST_RSA_BITS) {
            throw new ParseException("an RSA key of " + key.size() + " bits is too short", 0);
        }
        return key;
    }

    /** The provider answered, and its keys are of no use. The message shows what is wrong with them. */
    private static final class UnusableKeysException extends IOException {
        private static final long serialVersionUID = 1L;

        UnusableKeysException(String message) {
            super(message);
        }
    }

    @Override
    public String toString() {
        return "ProviderKeys[" + where + "]";
    }
}
