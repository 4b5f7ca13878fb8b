/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.token;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Who granted: what a verified ID token says of the user (OpenID Connect Core section 2 and 5.1) or, for providers
 * without OpenID Connect, their profile endpoint.
 *
 * <p>Find users again by {@link #id()} and by nothing else. E-mail addresses, user names and telephone numbers change
 * hands; who keys accounts on them gives one person's account to another.
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
     * @param issuer who vouches for it: the {@code iss} claim, or the name of a provider without OpenID Connect
     * @param subject the user's id there; not empty
     * @param claims everything else that was said, as strings, numbers, booleans, lists and maps
     * @return the identity
     */
    public static Identity of(String issuer, String subject, Map<String, ?> claims) {
        if (issuer.isEmpty() || subject.isEmpty()) {
            throw new IllegalArgumentException("An identity needs an issuer and a subject");
        }
        return new Identity(issuer, subject, Collections.unmodifiableMap(new LinkedHashMap<>(claims)));
    }

    /**
     * The one thing by which to find this user again: issuer and subject in one text. The subject alone is not enough,
     * it is unique only at its issuer (OpenID Connect Core section 2).
     *
     * @return the issuer, a blank, and the subject
     */
    public String id() {
        return issuer + " " + subject;
    }

    /**
     * Who vouches for this identity.
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
     * The name to show.
     *
     * @return the {@code name} claim; where there is none, given and family name, if both are there (Azure AD's first
     *     version)
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
     * @return {@code preferred_username}, or what Azure AD's first version called {@code unique_name} or {@code upn}
     */
    public Optional<String> userName() {
        return claim("preferred_username").or(() -> claim("unique_name")).or(() -> claim("upn"));
    }

    /**
     * The e-mail address, as far as the provider cares. It identifies nobody and is often not verified.
     *
     * @return the {@code email} claim
     */
    public Optional<String> email() {
        return claim("email");
    }

    /**
     * Everything that was said, under the provider's names.
     *
     * @return an unmodifiable map of strings, numbers, booleans, lists and maps
     */
    public Map<String, Object> claims() {
        return claims;
    }

    /**
     * A claim that is a text, for example Entra ID's {@code oid}, {@code tid} and {@code ver}.
     *
     * @param name the provider's name for it
     * @return the text; empty if there is none, if it is blank, or if it is something else: {@link #claims()} has it
     *     then
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
