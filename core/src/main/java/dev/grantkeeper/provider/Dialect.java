/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.provider;

import dev.grantkeeper.internal.provider.DialectFacts;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/**
 * Where the messages of a server differ from RFC 6749 and RFC 6750: other names, other shapes, other codes.
 *
 * <p>Most servers need none of it: what can be understood without being told is understood from all of them, for
 * example {@code expires_in} as a string, answers in form encoding, errors with status 200, scopes as an array. A field
 * is here because a server that people use needs it, and each is said once, where the provider is described:
 *
 * <pre>{@code
 * Provider.builder("acme")…
 *     .dialect(d -> d
 *         .member("refresh_token_expires_in", "/x_refresh_token_expires_in")
 *         .error("bad_refresh_token", Dialect.Meaning.REFUSED))
 *     .build();
 * }</pre>
 *
 * Places in JSON are written as pointers (RFC 6901) without escapes: {@code /authed_user/access_token},
 * {@code /errors/0/message}. Immutable and thread-safe.
 */
public final class Dialect {
    /** What an error means for the user's grant. */
    public enum Meaning {
        /** The grant has ended, or the code is no good: the user has to sign in again ({@code invalid_grant}). */
        REFUSED,
        /** The grant is good, and the server wants to see the user first: another factor, consent, new terms. */
        INTERACTION,
        /** A policy forbids it for now; neither a login nor a retry helps, somebody has to be told. */
        BLOCKED,
        /** The application's registration or configuration is wrong; grants have nothing to do with it. */
        MISCONFIGURED,
        /** Later it will work. */
        TEMPORARY
    }

    private static final String POINTER = "(?:/[A-Za-z0-9_.:-]+)+";

    /** The members of an answer that may be elsewhere. */
    private static final Set<String> MEMBERS = Set.of(
            "access_token",
            "token_type",
            "expires_in",
            "refresh_token",
            "refresh_token_expires_in",
            "id_token",
            "scope",
            "error",
            "error_description");

    /** No differences. */
    public static final Dialect STANDARD = new Dialect(DialectFacts.STANDARD, Map.of());

    final DialectFacts facts;
    private final Map<String, Meaning> errors;

    private Dialect(DialectFacts facts, Map<String, Meaning> errors) {
        this.facts = facts;
        this.errors = errors;
    }

    Builder newBuilder() {
        return new Builder(facts.clone(), errors);
    }

    /**
     * What the server calls {@code client_id}.
     *
     * @return the name of the parameter
     */
    public String clientIdParameter() {
        return facts.clientIdParameter;
    }

    /**
     * What the server calls {@code scope} in the authorization request.
     *
     * @return the name of the parameter
     */
    public String scopeParameter() {
        return facts.scopeParameter;
    }

    /**
     * Whether token requests are JSON rather than a form.
     *
     * @return whether they are
     */
    public boolean jsonRequests() {
        return facts.jsonRequests;
    }

    /**
     * Headers of all requests to the provider's own endpoints.
     *
     * @return from name to value
     */
    public Map<String, String> requestHeaders() {
        return facts.requestHeaders;
    }

    /**
     * What is sent with every token request for a user's grant.
     *
     * @return from name to value
     */
    public Map<String, String> tokenParameters() {
        return facts.tokenParameters;
    }

    /**
     * Whether a refresh repeats the redirect URI.
     *
     * @return whether it does
     */
    public boolean redirectUriOnRefresh() {
        return facts.redirectUriOnRefresh;
    }

    /**
     * Where the members of an answer are that are not where RFC 6749 puts them.
     *
     * @return from the standard's name to pointers
     */
    public Map<String, List<String>> members() {
        return facts.members;
    }

    /**
     * Where an answer of the token endpoint tells who the user is.
     *
     * @return from claim to pointers; empty if it does not, otherwise {@code sub} is among them
     */
    public Map<String, List<String>> identityMembers() {
        return facts.identityMembers;
    }

    /**
     * Token types that are used like {@code Bearer}.
     *
     * @return in the server's spelling; where there are any, {@code Bearer} counts only if it is among them
     */
    public Set<String> bearerTypes() {
        return facts.bearerTypes;
    }

    /**
     * What stands between two scopes in an answer.
     *
     * @return empty if it is what stands between them in a request
     */
    public Optional<String> grantedScopeSeparator() {
        return Optional.ofNullable(facts.grantedScopeSeparator);
    }

    /**
     * Whether answers are read whatever their {@code Content-Type} says.
     *
     * @return whether they are
     */
    public boolean anyContentType() {
        return facts.anyContentType;
    }

    /**
     * Whether {@code "expires_in": 0} says that the token never expires.
     *
     * @return whether it does
     */
    public boolean zeroMeansForever() {
        return facts.zeroMeansForever;
    }

    /**
     * What the server's own error codes mean.
     *
     * @return from code to meaning
     */
    public Map<String, Meaning> errors() {
        return errors;
    }

    /**
     * What an error means.
     *
     * @param error the code; parts after a slash say more precisely which error it is
     * @return what is known of the code, or of the longest part of it from the start; empty if that is nothing
     */
    public Optional<Meaning> meaningOf(String error) {
        for (int end = error.length(); end > 0; end = error.lastIndexOf('/', end - 1)) {
            Meaning meaning = errors.get(error.substring(0, end));
            if (meaning != null) {
                return Optional.of(meaning);
            }
        }
        return Optional.empty();
    }

    /**
     * Where an answer says at which address this user's API is.
     *
     * @return a pointer, empty if it does not
     */
    public Optional<String> apiBaseMember() {
        return Optional.ofNullable(facts.apiBaseMember);
    }

    /**
     * Where such an address may be.
     *
     * @return facts.domains; their subdomains are meant, too
     */
    public Set<String> apiBaseDomains() {
        return facts.apiBaseDomains;
    }

    /**
     * Which header carries access tokens.
     *
     * @return {@code Authorization}, or what the APIs want instead
     */
    public String tokenHeader() {
        return facts.tokenHeader;
    }

    /**
     * The word before the token in that header.
     *
     * @return {@code Bearer}, or what the APIs want instead; empty for none
     */
    public String tokenScheme() {
        return facts.tokenScheme;
    }

    /**
     * Where an API says, with another status than 401, that it does not take the token.
     *
     * @return a pointer, empty if it uses 401
     */
    public Optional<String> rejectionMember() {
        return Optional.ofNullable(facts.rejectionMember);
    }

    /**
     * What an API says there.
     *
     * @return the values
     */
    public Set<String> rejections() {
        return facts.rejections;
    }

    /**
     * Which parameter of the callback tells what was granted.
     *
     * @return its name, empty if there is none
     */
    public Optional<String> grantedScopeParameter() {
        return Optional.ofNullable(facts.grantedScopeParameter);
    }

    /**
     * Which parameter of the callback tells at which of the provider's servers the code is good.
     *
     * @return its name, empty if there is none
     */
    public Optional<String> serverParameter() {
        return Optional.ofNullable(facts.serverParameter);
    }

    /**
     * Which parameter of the callback is a code over all others, made with the client secret.
     *
     * @return its name, empty if there is none
     */
    public Optional<String> callbackHmac() {
        return Optional.ofNullable(facts.callbackHmac);
    }

    /**
     * Whether the provider posts the callback.
     *
     * @return whether it always does
     */
    public boolean formPost() {
        return facts.formPost;
    }

    /** Collects what is different. Not thread-safe. */
    public static final class Builder {
        private final DialectFacts facts;
        private Map<String, Meaning> errors;

        private Builder(DialectFacts facts, Map<String, Meaning> errors) {
            this.facts = facts;
            this.errors = errors;
        }

        /**
         * Sets what the server calls {@code client_id}, in the browser and at the token endpoint (TikTok).
         *
         * @param name the parameter
         * @return this builder
         */
        public Builder clientIdParameter(String name) {
            facts.clientIdParameter = Objects.requireNonNull(name);
            return this;
        }

        /**
         * Sets what the server calls {@code scope} in the authorization request (Slack, for tokens of users).
         *
         * @param name the parameter
         * @return this builder
         */
        public Builder scopeParameter(String name) {
            facts.scopeParameter = Objects.requireNonNull(name);
            return this;
        }

        /**
         * Sends token requests as a JSON object (Notion). Default: as a form (RFC 6749 section 4.1.3).
         *
         * @return this builder
         */
        public Builder jsonRequests() {
            facts.jsonRequests = true;
            return this;
        }

        /**
         * Adds a header to all requests to the provider's own endpoints, those for tokens and for profiles (Reddit
         * wants a {@code User-Agent} of its own, Notion a version). Calls to APIs carry what the application gives
         * them.
         *
         * @param name the header; those of HTTP's own framing and {@code Authorization} are the library's
         * @param value its value
         * @return this builder
         */
        public Builder requestHeader(String name, String value) {
            String lower = name.toLowerCase(Locale.ROOT);
            if (!lower.matches("[a-z0-9-]{1,64}")
                    || Set.of("authorization", "host", "content-length", "content-type", "transfer-encoding", "dpop")
                            .contains(lower)) {
                throw new IllegalArgumentException("This header cannot be set: " + name);
            }
            if (!value.chars().allMatch(c -> c >= ' ' && c < 0x7f)) {
                throw new IllegalArgumentException("The value of a header is printable ASCII: " + name);
            }
            facts.requestHeaders = Copies.with(facts.requestHeaders, name, value);
            return this;
        }

        /**
         * Adds a parameter to every token request for a user's grant, when the code is redeemed and when it is
         * refreshed (Shopify wants {@code expiring}). What the request itself says goes before.
         *
         * @param name the parameter
         * @param value its value
         * @return this builder
         */
        public Builder tokenParameter(String name, String value) {
            if (Set.of(
                            "grant_type",
                            "code",
                            "code_verifier",
                            "refresh_token",
                            "redirect_uri",
                            "client_id",
                            "client_secret")
                    .contains(name)) {
                throw new IllegalArgumentException("The library itself sends " + name);
            }
            facts.tokenParameters = Copies.with(facts.tokenParameters, name, value);
            return this;
        }

        /**
         * Repeats the registration's redirect URI when refreshing (GitLab, Yahoo). Default: not (RFC 6749 section 6).
         *
         * @return this builder
         */
        public Builder redirectUriOnRefresh() {
            facts.redirectUriOnRefresh = true;
            return this;
        }

        /**
         * Says where a member of an answer is. Where there is nothing, the standard's own name is looked at, too.
         *
         * @param name what RFC 6749 calls it: {@code access_token}, {@code token_type}, {@code expires_in},
         *     {@code refresh_token}, {@code scope}, {@code error}, {@code error_description}; or {@code id_token} or
         *     {@code refresh_token_expires_in}
         * @param pointers where it is. An error may be in several places at once (Facebook: type, code, subcode); then
         *     its code is all that are there, with slashes between them
         * @return this builder
         */
        public Builder member(String name, String... pointers) {
            if (!MEMBERS.contains(name)) {
                throw new IllegalArgumentException("No member of an answer: " + name + ". There are " + MEMBERS);
            }
            if (pointers.length == 0 || (pointers.length > 1 && !name.equals("error"))) {
                throw new IllegalArgumentException("One place, and for an error several: " + name);
            }
            for (String pointer : pointers) {
                checkPointer(pointer);
            }
            facts.members = Copies.with(facts.members, name, List.of(pointers));
            return this;
        }

        private static String checkPointer(String pointer) {
            if (!pointer.matches(POINTER)) {
                throw new IllegalArgumentException("A place in JSON is written like /data/0/id, not " + pointer);
            }
            return pointer;
        }

        /**
         * Says where an answer of the token endpoint tells who the user is, for servers that have neither OpenID
         * Connect nor a profile (Strava's {@code /athlete/id}). What the answer to the code says is kept with the
         * grant.
         *
         * @param claim what OpenID Connect calls it; {@code sub} is needed. With {@code iss}, subjects are unique only
         *     within what is there (Slack's teams), and it becomes a part of the identity's issuer
         * @param pointers where it is; what is found at several is joined by slashes
         * @return this builder
         */
        public Builder identityMember(String claim, String... pointers) {
            if (pointers.length == 0) {
                throw new IllegalArgumentException("Say where " + claim + " is");
            }
            List<String> checked =
                    Arrays.stream(pointers).map(Builder::checkPointer).toList();
            facts.identityMembers = Copies.with(facts.identityMembers, claim, checked);
            return this;
        }

        /**
         * Says which token types are used like {@code Bearer} (Slack's {@code bot}). Default: {@code Bearer}, and none
         * at all.
         *
         * @param types all that are taken; case does not matter
         * @return this builder
         */
        public Builder bearerTypes(String... types) {
            facts.bearerTypes = Set.of(types);
            return this;
        }

        /**
         * Sets what stands between two scopes in an answer (GitHub's and LinkedIn's commas). Default: the same as in a
         * request.
         *
         * @param separator the separator; blanks separate in any case
         * @return this builder
         */
        public Builder grantedScopeSeparator(String separator) {
            facts.grantedScopeSeparator = Objects.requireNonNull(separator);
            return this;
        }

        /**
         * Reads an answer that is JSON or a form whatever its {@code Content-Type} says, HTML included. Default: JSON
         * has to be called so, or {@code text/plain} or {@code text/javascript} or nothing at all, and a form has to be
         * called a form: what comes under another name may be somebody else's page.
         *
         * @return this builder
         */
        public Builder anyContentType() {
            facts.anyContentType = true;
            return this;
        }

        /**
         * Takes {@code "expires_in": 0} for a token that never expires (Mailchimp). Default: for one that ends at once.
         *
         * @return this builder
         */
        public Builder zeroMeansForever() {
            facts.zeroMeansForever = true;
            return this;
        }

        /**
         * Says what an error means that RFC 6749 does not know, or that this server means differently.
         *
         * @param code the code, or how codes begin that have several parts: {@code OAuthException/190} stands for
         *     {@code OAuthException/190/463}, too. A {@code suberror} is such a part (Entra ID):
         *     {@code invalid_grant/consent_required}
         * @param meaning what it means
         * @return this builder
         */
        public Builder error(String code, Meaning meaning) {
            errors = Copies.with(errors, code, Objects.requireNonNull(meaning));
            return this;
        }

        /**
         * Says where an answer tells at which address this user's API is (Salesforce's {@code instance_url}). Access
         * tokens then go there, too, and only this user's.
         *
         * @param pointer where it is
         * @param domains where such an address may be: one in another domain is not believed
         * @return this builder
         */
        public Builder apiBase(String pointer, String... domains) {
            for (String domain : domains) {
                if (!domain.matches("[a-z0-9-]+(\\.[a-z0-9-]+)+")) {
                    throw new IllegalArgumentException("A domain is written like example.com, not " + domain);
                }
            }
            if (domains.length == 0) {
                throw new IllegalArgumentException("Say in which domains the provider's APIs are");
            }
            facts.apiBaseMember = checkPointer(pointer);
            facts.apiBaseDomains = Set.of(domains);
            return this;
        }

        /**
         * Sets in which header of their own APIs want a token, and nothing beside it (Shopify's
         * {@code X-Shopify-Access-Token}). Default: {@code Authorization} (RFC 6750). There, too, a token follows no
         * redirect to another host.
         *
         * @param header the header
         * @return this builder
         */
        public Builder tokenHeader(String header) {
            if (!header.matches("[A-Za-z0-9-]{1,64}")) {
                throw new IllegalArgumentException("A header consists of letters, digits and hyphens: " + header);
            }
            facts.tokenHeader = header;
            facts.tokenScheme = "";
            return this;
        }

        /**
         * Sets the word before the token (Zoho's {@code Zoho-oauthtoken}). Default: {@code Bearer}.
         *
         * @param scheme letters, digits and hyphens
         * @return this builder
         */
        public Builder tokenScheme(String scheme) {
            if (!scheme.matches("[A-Za-z0-9-]{1,64}")) {
                throw new IllegalArgumentException("A scheme consists of letters, digits and hyphens: " + scheme);
            }
            facts.tokenScheme = scheme;
            return this;
        }

        /**
         * Says how an API rejects a token with another status than 401: Slack with 200, Facebook with 400. That is then
         * treated as a 401.
         *
         * @param pointer where in the answer it says so
         * @param values what it says
         * @return this builder
         */
        public Builder rejection(String pointer, String... values) {
            facts.rejectionMember = checkPointer(pointer);
            facts.rejections = Set.of(values);
            return this;
        }

        /**
         * Names the parameter of the callback that tells what the user has granted, where the token endpoint does not
         * say (Strava).
         *
         * @param name the parameter
         * @return this builder
         */
        public Builder grantedScopeParameter(String name) {
            facts.grantedScopeParameter = Objects.requireNonNull(name);
            return this;
        }

        /**
         * Names the parameter of the callback that tells at which of the provider's servers the code is good (Zoho's
         * {@code accounts-server}). A code for another server than this one's is not sent anywhere.
         *
         * @param name the parameter
         * @return this builder
         */
        public Builder serverParameter(String name) {
            facts.serverParameter = Objects.requireNonNull(name);
            return this;
        }

        /**
         * Names the parameter of the callback that is an HMAC-SHA256 in hexadecimal digits over all others, in
         * alphabetical order and with the client secret as key (Shopify's {@code hmac}). A callback without it, or with
         * a wrong one, is refused.
         *
         * @param name the parameter
         * @return this builder
         */
        public Builder callbackHmac(String name) {
            facts.callbackHmac = Objects.requireNonNull(name);
            return this;
        }

        /**
         * Says that the provider posts the callback ({@code response_mode=form_post}; Apple, where there are scopes).
         *
         * @return this builder
         */
        public Builder formPost() {
            facts.formPost = true;
            return this;
        }

        Dialect build() {
            if (!facts.identityMembers.isEmpty() && !facts.identityMembers.containsKey("sub")) {
                throw new IllegalArgumentException("Say which member of the answer is the user's id: claim sub");
            }
            return new Dialect(facts.clone(), errors);
        }
    }
}
