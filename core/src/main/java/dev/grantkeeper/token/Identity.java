/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.token;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The user who granted access: the claims of a verified ID token (OpenID Connect Core sections 2 and 5.1) or, for
 * providers without OpenID Connect, the response of their profile endpoint.
 *
 * <p>Find users again by {@link #id()} and by nothing else. E-mail addresses, user names and telephone numbers change
 * hands; an application that keys accounts on them gives one person's account to another.
 *
 * <p>Immutable and thread-safe. {@link #toString()} shows the issuer only, since the rest is personal data.
 */
public final class Identity {
    private final String issuer;
    private final String subject;
    private final Map<String, Object> claims;

    private Identity(String issuer, String subject, Map<String, Object> claims) {
        this.issuer = issuer;
        this.subject = subject;
        this.claims = claims;
    }

    /**
     * Makes an identity. The library does this itself; the method is here for tests of applications.
     *
     * @param issuer the issuer: the {@code iss} claim, or the name of a provider without OpenID Connect
     * @param subject the user's id at the issuer; not empty
     * @param claims all other claims, as strings, numbers, booleans, lists and maps
     * @return the identity
     */
    public static Identity of(String issuer, String subject, Map<String, ?> claims) {
        if (issuer.isEmpty() || subject.isEmpty()) {
            throw new IllegalArgumentException("An identity needs an issuer and a subject");
        }
        return new Identity(issuer, subject, Collections.unmodifiableMap(new LinkedHashMap<>(claims)));
    }

    /**
     * The one key by which to find this user again: issuer and subject in one text. The subject alone is not enough: it
     * is unique only at its issuer (OpenID Connect Core section 2).
     *
     * @return the issuer, a blank, and the subject
     */
    public String id() {
        return issuer + " " + subject;
    }

    /**
     * The issuer, which vouches for this identity.
     *
     * @return the {@code iss} claim, or the name of a provider without OpenID Connect
     */
    public String issuer() {
        return issuer;
    }

    /**
     * The user's id at the issuer.
     *
     * @return the {@code sub} claim, or the id at the profile endpoint
     */
    public String subject() {
        return subject;
    }

    /**
     * The display name.
     *
     * @return the {@code name} claim; without one, given and family name, if both are present (Azure AD v1.0)
     */
    public Optional<String> name() {
        return claim("name").or(() -> givenName().flatMap(given -> familyName().map(family -> given + " " + family)));
    }

    /**
     * The given name.
     *
     * @return the {@code given_name} claim
     */
    public Optional<String> givenName() {
        return claim("given_name");
    }

    /**
     * The family name.
     *
     * @return the {@code family_name} claim
     */
    public Optional<String> familyName() {
        return claim("family_name");
    }

    /**
     * The name under which the user signs in. It may change and may be given to somebody else later.
     *
     * @return {@code preferred_username}, or Azure AD v1.0's {@code unique_name} or {@code upn}
     */
    public Optional<String> userName() {
        return claim("preferred_username").or(() -> claim("unique_name")).or(() -> claim("upn"));
    }

    /**
     * The e-mail address. It identifies nobody and is often not verified.
     *
     * @return the {@code email} claim
     */
    public Optional<String> email() {
        return claim("email");
    }

    /**
     * All claims, under the provider's names.
     *
     * @return an unmodifiable map of strings, numbers, booleans, lists and maps
     */
    public Map<String, Object> claims() {
        return claims;
    }

    /**
     * A claim that is a text, for example Entra ID's {@code oid}, {@code tid} and {@code ver}.
     *
     * @param name the claim's name
     * @return the text; empty if there is none, if it is blank, or if the claim is not a text (see {@link #claims()})
     */
    public Optional<String> claim(String name) {
        return claims.get(name) instanceof String text && !text.isBlank() ? Optional.of(text) : Optional.empty();
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof Identity that
                && issuer.equals(that.issuer)
                && subject.equals(that.subject)
                && claims.equals(that.claims);
    }

    @Override
    public int hashCode() {
        return Objects.hash(issuer, subject);
    }

    @Override
    public String toString() {
        return "Identity[issuer=" + issuer + "]";
    }
}
