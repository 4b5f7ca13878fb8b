/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.token;

import java.net.URI;
import java.security.AlgorithmParameters;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.PublicKey;
import java.security.interfaces.ECPrivateKey;
import java.security.interfaces.ECPublicKey;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.ECParameterSpec;
import java.security.spec.EllipticCurve;
import java.time.Instant;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The tokens of one grant, as the authorization server issued them (RFC 6749 section 5.1).
 *
 * <p>Immutable and thread-safe. Access, refresh and ID token and the proof key are secrets: {@link #toString()} names
 * those that are present, never their values. Times are read from the clock of the node that received the response; the
 * server's own clock plays no part.
 */
public final class TokenSet {
    private final String accessToken;
    private final String tokenType;
    private final @Nullable KeyPair proofKey;
    private final Instant receivedAt;
    private final @Nullable Instant expiresAt;
    private final @Nullable Instant refreshAt;
    private final @Nullable String refreshToken;
    private final @Nullable Instant refreshTokenExpiresAt;
    private final @Nullable String idToken;
    private final Set<String> scopes;
    private final @Nullable String authorizationDetails;
    private final Set<String> resources;
    private final @Nullable URI apiBase;

    private TokenSet(Builder builder) {
        this.accessToken = builder.accessToken;
        this.tokenType = builder.tokenType;
        this.proofKey = builder.proofKey;
        this.receivedAt = builder.receivedAt;
        this.expiresAt = builder.expiresAt;
        this.refreshAt = builder.refreshAt;
        this.refreshToken = builder.refreshToken;
        this.refreshTokenExpiresAt = builder.refreshTokenExpiresAt;
        this.idToken = builder.idToken;
        this.scopes = Collections.unmodifiableSet(new LinkedHashSet<>(builder.scopes));
        this.authorizationDetails = builder.authorizationDetails;
        this.resources = Collections.unmodifiableSet(new LinkedHashSet<>(builder.resources));
        this.apiBase = builder.apiBase;
    }

    /**
     * Starts a token set, for tokens that were obtained elsewhere.
     *
     * @param accessToken the access token; printable ASCII without blanks
     * @return a builder whose other parts are: type {@code Bearer}, received now, no expiry known, no refresh token, no
     *     scopes
     * @throws IllegalArgumentException if the token cannot be sent in a header
     */
    public static Builder builder(String accessToken) {
        return new Builder(accessToken);
    }

    /**
     * Derives a token set from this one.
     *
     * @return a builder that has all of this set's parts
     */
    public Builder newBuilder() {
        Builder builder = new Builder(accessToken).tokenType(tokenType).receivedAt(receivedAt);
        builder.proofKey = proofKey;
        builder.expiresAt = expiresAt;
        builder.refreshAt = refreshAt;
        builder.refreshToken = refreshToken;
        builder.refreshTokenExpiresAt = refreshTokenExpiresAt;
        builder.idToken = idToken;
        builder.scopes = scopes;
        builder.authorizationDetails = authorizationDetails;
        builder.resources = resources;
        builder.apiBase = apiBase;
        return builder;
    }

    /**
     * The access token.
     *
     * @return the token, as it is sent in the {@code Authorization} header
     */
    public String accessToken() {
        return accessToken;
    }

    /**
     * The type of the access token, which determines how it is sent (RFC 6749 section 7.1).
     *
     * @return {@code Bearer}, or {@code DPoP} if there is a {@link #proofKey()}; in the server's spelling
     */
    public String tokenType() {
        return tokenType;
    }

    /**
     * The key that the tokens are bound to (DPoP, RFC 9449). A wrapped client uses it by itself. Code that sends the
     * access token without Grantkeeper writes {@code Authorization: DPoP} and signs a proof for each request with this
     * key ({@code ES256}).
     *
     * @return a key on the curve P-256, empty for bearer tokens
     */
    public Optional<KeyPair> proofKey() {
        return Optional.ofNullable(proofKey);
    }

    /**
     * The time when these tokens were received.
     *
     * @return the time, by the clock of the receiving node
     */
    public Instant receivedAt() {
        return receivedAt;
    }

    /**
     * The time when the access token expires: the time of receipt plus {@code expires_in}.
     *
     * @return the time; empty if neither server nor provider preset states one: the token is then used until an API
     *     rejects it
     */
    public Optional<Instant> expiresAt() {
        return Optional.ofNullable(expiresAt);
    }

    /**
     * The time from which the server wants the tokens to be refreshed although they are still valid
     * ({@code refresh_in}, sent by Microsoft Entra ID).
     *
     * @return the time; empty if the server states none
     */
    public Optional<Instant> refreshAt() {
        return Optional.ofNullable(refreshAt);
    }

    /**
     * The refresh token.
     *
     * @return the token, empty if the server issued none
     */
    public Optional<String> refreshToken() {
        return Optional.ofNullable(refreshToken);
    }

    /**
     * The time when the refresh token expires ({@code refresh_token_expires_in} or {@code refresh_expires_in}; not part
     * of any RFC).
     *
     * @return the time; empty if the server states none
     */
    public Optional<Instant> refreshTokenExpiresAt() {
        return Optional.ofNullable(refreshTokenExpiresAt);
    }

    /**
     * The OpenID Connect ID token that was received last. One that a login or a refresh brought encrypted is here as it
     * was signed before.
     *
     * @return the token in its compact form, empty if there was none
     */
    public Optional<String> idToken() {
        return Optional.ofNullable(idToken);
    }

    /**
     * The granted scopes. A server that names none has granted those that were requested (RFC 6749 section 5.1).
     *
     * @return the scopes, unmodifiable, in the server's order
     */
    public Set<String> scopes() {
        return scopes;
    }

    /**
     * The granted authorization details (RFC 9396 section 7), which say more than scopes can.
     *
     * @return a JSON array as the server sent it; empty if it sent none
     */
    public Optional<String> authorizationDetails() {
        return Optional.ofNullable(authorizationDetails);
    }

    /**
     * The resources (RFC 8707) that the access token was requested for. A refresh requests the same.
     *
     * @return the resources, unmodifiable; empty if the server chose
     */
    public Set<String> resources() {
        return resources;
    }

    /**
     * The base URL of this user's API, at providers where it differs from user to user (Salesforce's
     * {@code instance_url}). Access tokens are sent there, too; a refresh may bring another one.
     *
     * @return an https URL in one of the provider's domains; empty if the server sent none
     */
    public Optional<URI> apiBase() {
        return Optional.ofNullable(apiBase);
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof TokenSet that
                && accessToken.equals(that.accessToken)
                && tokenType.equals(that.tokenType)
                && Objects.equals(publicKey(), that.publicKey())
                && receivedAt.equals(that.receivedAt)
                && Objects.equals(expiresAt, that.expiresAt)
                && Objects.equals(refreshAt, that.refreshAt)
                && Objects.equals(refreshToken, that.refreshToken)
                && Objects.equals(refreshTokenExpiresAt, that.refreshTokenExpiresAt)
                && Objects.equals(idToken, that.idToken)
                && scopes.equals(that.scopes)
                && Objects.equals(authorizationDetails, that.authorizationDetails)
                && resources.equals(that.resources)
                && Objects.equals(apiBase, that.apiBase);
    }

    private @Nullable PublicKey publicKey() {
        return proofKey == null ? null : proofKey.getPublic();
    }

    @Override
    public int hashCode() {
        return Objects.hash(accessToken, receivedAt, refreshToken);
    }

    @Override
    public String toString() {
        return "TokenSet[access token, " + (refreshToken == null ? "no refresh token" : "refresh token")
                + (idToken == null ? "" : ", ID token") + (proofKey == null ? "" : ", bound to a key") + ", received "
                + receivedAt + ", expires "
                + (expiresAt == null ? "unknown" : expiresAt) + ", scopes " + scopes + "]";
    }

    /** Collects the parts of a {@link TokenSet}. Not thread-safe. */
    public static final class Builder {
        /** Longer tokens do not fit into a header of any common server. */
        private static final int MAX_TOKEN_LENGTH = 64 * 1024;

        /** Longer details do not fit into a row together with the longest tokens. */
        private static final int MAX_DETAILS_LENGTH = 32 * 1024;

        /**
         * RFC 6749 appendices A.12 and A.17 allow {@code %x20-7E} in tokens. A refresh token travels in a form, and may
         * be all of that; an access token travels in a header, where RFC 6750 section 2.1 leaves no place for blanks.
         * Anything else could break out of the header.
         */
        private static final char FIRST_IN_A_HEADER = '!';

        private static final EllipticCurve P_256 = p256();

        private final String accessToken;
        private String tokenType = "Bearer";
        private @Nullable KeyPair proofKey;
        // Whole milliseconds everywhere: the row format stores no more, so a set equals itself after a round trip.
        private Instant receivedAt = Instant.ofEpochMilli(System.currentTimeMillis());
        private @Nullable Instant expiresAt;
        private @Nullable Instant refreshAt;
        private @Nullable String refreshToken;
        private @Nullable Instant refreshTokenExpiresAt;
        private @Nullable String idToken;
        private Set<String> scopes = Set.of();
        private @Nullable String authorizationDetails;
        private Set<String> resources = Set.of();
        private @Nullable URI apiBase;

        private Builder(String accessToken) {
            this.accessToken = checkToken("access token", accessToken, FIRST_IN_A_HEADER);
        }

        private static String checkToken(String what, String token, char first) {
            if (token.isEmpty() || token.length() > MAX_TOKEN_LENGTH) {
                throw new IllegalArgumentException("The " + what + " has " + token.length()
                        + " characters, between 1 and " + MAX_TOKEN_LENGTH + " are allowed");
            }
            for (int i = 0; i < token.length(); i++) {
                if (token.charAt(i) < first || token.charAt(i) >= 0x7f) {
                    throw new IllegalArgumentException("The " + what
                            + " contains a character that no token may contain (RFC 6749 appendix A), at index " + i);
                }
            }
            return token;
        }

        private static @Nullable Instant millis(@Nullable Instant instant) {
            return instant == null ? null : Instant.ofEpochMilli(instant.toEpochMilli());
        }

        /**
         * Sets the type of the access token. Default: {@code Bearer}.
         *
         * @param tokenType the type; {@code DPoP} needs a {@link #proofKey}
         * @return this builder
         */
        public Builder tokenType(String tokenType) {
            this.tokenType = Objects.requireNonNull(tokenType);
            return this;
        }

        /**
         * Sets the key that the tokens are bound to (RFC 9449), for tokens of the type {@code DPoP}. Default: none.
         *
         * @param proofKey a key on the curve P-256 that can be encoded, {@code null} for none
         * @return this builder
         * @throws IllegalArgumentException if it is another kind of key
         */
        public Builder proofKey(@Nullable KeyPair proofKey) {
            this.proofKey = proofKey == null ? null : checkKey(proofKey);
            return this;
        }

        private static KeyPair checkKey(KeyPair key) {
            if (!(key.getPublic() instanceof ECPublicKey open)
                    || !(key.getPrivate() instanceof ECPrivateKey secret)
                    || !open.getParams().getCurve().equals(P_256)
                    || !secret.getParams().getCurve().equals(P_256)
                    || open.getEncoded() == null
                    || secret.getEncoded() == null) {
                throw new IllegalArgumentException(
                        "A proof key has to be an EC key on the curve P-256 that can be encoded: it is stored with"
                                + " the tokens");
            }
            return key;
        }

        private static EllipticCurve p256() {
            try {
                AlgorithmParameters parameters = AlgorithmParameters.getInstance("EC");
                parameters.init(new ECGenParameterSpec("secp256r1"));
                return parameters.getParameterSpec(ECParameterSpec.class).getCurve();
            } catch (GeneralSecurityException e) {
                throw new IllegalStateException("This Java platform has no P-256", e);
            }
        }

        /**
         * Sets the time when the tokens were received. Default: when the builder was made.
         *
         * @param receivedAt the time, kept in milliseconds
         * @return this builder
         */
        public Builder receivedAt(Instant receivedAt) {
            this.receivedAt = Instant.ofEpochMilli(receivedAt.toEpochMilli());
            return this;
        }

        /**
         * Sets the time when the access token expires. Default: unknown.
         *
         * @param expiresAt the time, kept in milliseconds
         * @return this builder
         */
        public Builder expiresAt(@Nullable Instant expiresAt) {
            this.expiresAt = millis(expiresAt);
            return this;
        }

        /**
         * Sets the time from which the server wants a refresh. Default: unknown.
         *
         * @param refreshAt the time, kept in milliseconds
         * @return this builder
         */
        public Builder refreshAt(@Nullable Instant refreshAt) {
            this.refreshAt = millis(refreshAt);
            return this;
        }

        /**
         * Sets the refresh token. Default: none.
         *
         * @param refreshToken the token, {@code null} for none
         * @return this builder
         * @throws IllegalArgumentException if it contains a character that no token may contain
         */
        public Builder refreshToken(@Nullable String refreshToken) {
            this.refreshToken = refreshToken == null ? null : checkToken("refresh token", refreshToken, ' ');
            return this;
        }

        /**
         * Sets the time when the refresh token expires. Default: unknown.
         *
         * @param refreshTokenExpiresAt the time, kept in milliseconds
         * @return this builder
         */
        public Builder refreshTokenExpiresAt(@Nullable Instant refreshTokenExpiresAt) {
            this.refreshTokenExpiresAt = millis(refreshTokenExpiresAt);
            return this;
        }

        /**
         * Sets the ID token. Default: none.
         *
         * @param idToken the token, {@code null} for none
         * @return this builder
         * @throws IllegalArgumentException if it contains a character that no token may contain
         */
        public Builder idToken(@Nullable String idToken) {
            this.idToken = idToken == null ? null : checkToken("ID token", idToken, FIRST_IN_A_HEADER);
            return this;
        }

        /**
         * Sets the granted scopes. Default: none.
         *
         * @param scopes the scopes
         * @return this builder
         */
        public Builder scopes(String... scopes) {
            return scopes(Arrays.asList(scopes));
        }

        /**
         * Sets the granted scopes. Default: none.
         *
         * @param scopes the scopes
         * @return this builder
         */
        public Builder scopes(Collection<String> scopes) {
            this.scopes = new LinkedHashSet<>(scopes);
            return this;
        }

        /**
         * Sets the granted authorization details (RFC 9396 section 7). Default: none.
         *
         * @param json a JSON array, {@code null} for none
         * @return this builder
         * @throws IllegalArgumentException if it is too long to be stored
         */
        public Builder authorizationDetails(@Nullable String json) {
            if (json != null && json.length() > MAX_DETAILS_LENGTH) {
                throw new IllegalArgumentException("The authorization details have " + json.length()
                        + " characters, at most " + MAX_DETAILS_LENGTH + " can be stored");
            }
            this.authorizationDetails = json;
            return this;
        }

        /**
         * Sets the resources (RFC 8707) that the access token was requested for. Default: none, the server chose.
         *
         * @param resources the resources
         * @return this builder
         */
        public Builder resources(String... resources) {
            return resources(Arrays.asList(resources));
        }

        /**
         * Sets the resources (RFC 8707) that the access token was requested for. Default: none, the server chose.
         *
         * @param resources the resources
         * @return this builder
         */
        public Builder resources(Collection<String> resources) {
            this.resources = new LinkedHashSet<>(resources);
            return this;
        }

        /**
         * Sets the base URL of this user's API. Default: none.
         *
         * @param apiBase an absolute https URL, {@code null} for none
         * @return this builder
         */
        public Builder apiBase(@Nullable URI apiBase) {
            if (apiBase != null && (!"https".equalsIgnoreCase(apiBase.getScheme()) || apiBase.getHost() == null)) {
                throw new IllegalArgumentException("The base of an API has to be an absolute https URL: " + apiBase);
            }
            this.apiBase = apiBase;
            return this;
        }

        /**
         * Makes the token set.
         *
         * @return a token set
         * @throws IllegalArgumentException if the type is {@code DPoP} and there is no proof key, or the other way
         *     round
         */
        public TokenSet build() {
            if (tokenType.equalsIgnoreCase("DPoP") != (proofKey != null)) {
                throw new IllegalArgumentException("Tokens of the type DPoP have a proof key, and no others have one");
            }
            return new TokenSet(this);
        }
    }
}
