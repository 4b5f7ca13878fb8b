/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.provider;

import dev.grantkeeper.internal.provider.DialectFacts;
import dev.grantkeeper.internal.provider.ParameterName;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/**
 * The differences between a server's messages and RFC 6749 and RFC 6750: other names, other shapes, other codes.
 *
 * <p>Most servers need none of it: what can be understood without a description is understood from all of them, for
 * example {@code expires_in} as a string, answers in form encoding, errors with status 200, scopes as an array. A
 * method is here because a server that people use needs it, and is called once, where the provider is described:
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
 * {@code /errors/0/message}. Not thread-safe; the provider takes a copy.
 */
public final class Dialect {
    private static final Set<String> OWN_TOKEN_PARAMETERS = Set.of(
            "grant_type",
            "code",
            "code_verifier",
            "refresh_token",
            "redirect_uri",
            "client_id",
            "client_secret",
            "client_assertion",
            "client_assertion_type",
            "device_code");

    /** The meaning of an error for the user's grant. */
    public enum Meaning {
        /** The grant is over, or the code is invalid: the user has to sign in again ({@code invalid_grant}). */
        REFUSED,
        /** The grant is good, and requires user interaction first: another factor, consent, new terms. */
        INTERACTION,
        /** A policy forbids it for now; neither a login nor a retry helps, an administrator has to act. */
        BLOCKED,
        /** The application's registration or configuration is wrong; grants have nothing to do with it. */
        MISCONFIGURED,
        /** A later request may succeed. */
        TEMPORARY
    }

    private static final Set<String> NAMED_PARAMETERS =
            Copies.ordered("client_id", "client_secret", "scope", "redirect_uri", "response_type");

    private static final String POINTER = "(?:/[A-Za-z0-9_.:-]+)+";

    /** The members of a response that may have another place. */
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

    private final DialectFacts facts;
    private Map<String, Meaning> errors;

    Dialect(DialectFacts facts, Map<String, Meaning> errors) {
        this.facts = facts.clone();
        this.errors = errors;
    }

    DialectFacts facts() {
        if (!facts.identityMembers.isEmpty() && !facts.identityMembers.containsKey("sub")) {
            throw new IllegalArgumentException(
                    "The claim sub is missing: call identityMember(\"sub\", …) with the place of the user's id");
        }
        return facts.clone();
    }

    Map<String, Meaning> errors() {
        return errors;
    }

    // ---- Requests -------------------------------------------------------------------------------------------------

    /**
     * Sets the server's name for a parameter of requests: {@code client_id} (TikTok's {@code client_key}) and
     * {@code client_secret} (Deezer's {@code secret}) wherever they are sent, {@code scope} (Slack's
     * {@code user_scope}), {@code redirect_uri} (Printful) and {@code response_type} (Walmart) in the authorization
     * request. Default: the standard's name.
     *
     * @param standard the name in RFC 6749, one of these five
     * @param name the server's name
     * @return this
     * @throws IllegalArgumentException if the standard's name is another one, or the other is not the name of a
     *     parameter
     */
    public Dialect parameterName(String standard, String name) {
        if (!NAMED_PARAMETERS.contains(standard)) {
            throw new IllegalArgumentException(
                    standard + " cannot have another name. Those that can: " + NAMED_PARAMETERS);
        }
        facts.parameterNames = Copies.with(facts.parameterNames, standard, ParameterName.checked(name));
        return this;
    }

    /**
     * Sends token requests as a JSON object (Notion). Default: as a form (RFC 6749 section 4.1.3).
     *
     * @return this
     */
    public Dialect jsonRequests() {
        facts.jsonRequests = true;
        return this;
    }

    /**
     * Adds a header to all requests to the provider's own endpoints, those for tokens and for profiles (Reddit requires
     * a {@code User-Agent} of its own, Notion a version). Calls to APIs carry only the headers that the application
     * sets. Default: none.
     *
     * @param name the header; those of HTTP's own framing and {@code Authorization} cannot be set
     * @param value its value, printable ASCII
     * @return this
     * @throws IllegalArgumentException if the header cannot be set, or not to this value
     */
    public Dialect requestHeader(String name, String value) {
        String lower = name.toLowerCase(Locale.ROOT);
        if (!lower.matches("[a-z0-9._-]{1,64}")
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
     * Adds a parameter to every token request for a user's grant, when the code is redeemed and when tokens are
     * refreshed (Shopify requires {@code expiring}). A parameter of the request itself has precedence. Default: none.
     *
     * @param name the parameter
     * @param value its value
     * @return this
     * @throws IllegalArgumentException if the library itself sends the parameter
     */
    public Dialect tokenParameter(String name, String value) {
        facts.tokenParameters = Copies.with(facts.tokenParameters, checkTokenParameter(name), value);
        return this;
    }

    /**
     * Adds a parameter to every refresh, or replaces one of {@link #tokenParameter} there (Basecamp requires another
     * {@code type} for each of the two requests). A parameter of the request itself has precedence. Default: none.
     *
     * @param name the parameter
     * @param value its value
     * @return this
     * @throws IllegalArgumentException if the library itself sends the parameter
     */
    public Dialect refreshParameter(String name, String value) {
        facts.refreshParameters = Copies.with(facts.refreshParameters, checkTokenParameter(name), value);
        return this;
    }

    /**
     * Adds a parameter to every token request for the application itself (client credentials, RFC 6749 section 4.4;
     * servers that require an {@code audience}). A parameter of the request itself has precedence. Default: none.
     *
     * @param name the parameter
     * @param value its value
     * @return this
     * @throws IllegalArgumentException if the library itself sends the parameter
     */
    public Dialect applicationParameter(String name, String value) {
        facts.applicationParameters = Copies.with(facts.applicationParameters, checkTokenParameter(name), value);
        return this;
    }

    private static String checkTokenParameter(String name) {
        if (ParameterName.isOneOf(ParameterName.checked(name), OWN_TOKEN_PARAMETERS)) {
            throw new IllegalArgumentException("The library itself sends " + name);
        }
        return name;
    }

    /**
     * Repeats the registration's redirect URI in each refresh (GitLab, Yahoo). Default: it is not sent (RFC 6749
     * section 6).
     *
     * @return this
     */
    public Dialect redirectUriOnRefresh() {
        facts.redirectUriOnRefresh = true;
        return this;
    }

    /**
     * Repeats the grant's scopes in each refresh (Entra ID and Azure AD B2C: without them the access token is for
     * another API, or there is none). Default: they are not sent, which requests all that were granted (RFC 6749
     * section 6); a server that narrowed them may refuse the rest. A grant that was imported without scopes sends none.
     *
     * @param unlisted scopes that are sent along, since the server grants them without listing them in its response
     * @return this
     */
    public Dialect scopesOnRefresh(String... unlisted) {
        facts.scopesOnRefresh = true;
        facts.unlistedScopes = Copies.ordered(unlisted);
        return this;
    }

    // ---- Responses ------------------------------------------------------------------------------------------------

    /**
     * Sets the place of a member of a response. If nothing is there, the standard's own name is tried, too. Default:
     * the standard's name.
     *
     * @param name the name in RFC 6749: {@code access_token}, {@code token_type}, {@code expires_in},
     *     {@code refresh_token}, {@code scope}, {@code error}, {@code error_description}; or {@code id_token} or
     *     {@code refresh_token_expires_in}
     * @param pointers its place. An error may have several places at once (Facebook: type, code, subcode); then its
     *     code consists of all that are there, with slashes between them
     * @return this
     * @throws IllegalArgumentException if there is no such member, or one of the places is malformed
     */
    public Dialect member(String name, String... pointers) {
        if (!MEMBERS.contains(name)) {
            throw new IllegalArgumentException(name + " is not a member of a response. There are " + MEMBERS);
        }
        if (pointers.length == 0 || (pointers.length > 1 && !name.equals("error"))) {
            throw new IllegalArgumentException("A member has one place, and only an error has several: " + name);
        }
        facts.members = Copies.with(facts.members, name, checkPointers(pointers));
        return this;
    }

    private static List<String> checkPointers(String... pointers) {
        return Arrays.stream(pointers).map(Dialect::checkPointer).toList();
    }

    private static String checkPointer(String pointer) {
        if (!pointer.matches(POINTER)) {
            throw new IllegalArgumentException("A place in JSON is written like /data/0/id, not " + pointer);
        }
        return pointer;
    }

    /**
     * Sets the place of a claim about the user in a token response, for servers that have neither OpenID Connect nor a
     * profile endpoint (Strava's {@code /athlete/id}). What the response to the code says is stored with the grant.
     * Default: no claims.
     *
     * @param claim the claim's name in OpenID Connect; {@code sub} is required. With {@code iss}, subjects are unique
     *     only within what is there (Slack's teams), and it becomes a part of the identity's issuer
     * @param pointers its place; the values of several places are joined by slashes
     * @return this
     * @throws IllegalArgumentException if there is no place, or one is malformed
     */
    public Dialect identityMember(String claim, String... pointers) {
        if (pointers.length == 0) {
            throw new IllegalArgumentException("The claim " + claim + " needs a place");
        }
        facts.identityMembers = Copies.with(facts.identityMembers, claim, checkPointers(pointers));
        return this;
    }

    /**
     * Sets the token types that are used like {@code Bearer} (Slack's {@code bot}). Default: {@code Bearer}, or no type
     * at all.
     *
     * @param types all types that are accepted; case does not matter
     * @return this
     */
    public Dialect bearerTypes(String... types) {
        facts.bearerTypes = Set.of(types);
        return this;
    }

    /**
     * Sets the separator of scopes in a response (GitHub's and LinkedIn's commas). Default: the same as in a request.
     *
     * @param separator the separator; blanks separate in any case
     * @return this
     */
    public Dialect grantedScopeSeparator(String separator) {
        facts.grantedScopeSeparator = Objects.requireNonNull(separator);
        return this;
    }

    /**
     * Reads a response that is JSON or a form whatever its {@code Content-Type}, HTML included. Default: JSON has to be
     * labelled as JSON, {@code text/plain} or {@code text/javascript} or not at all, and a form as a form: anything
     * under another label may be somebody else's page.
     *
     * @return this
     */
    public Dialect anyContentType() {
        facts.anyContentType = true;
        return this;
    }

    /**
     * Reads {@code "expires_in": 0} as a token that never expires (Mailchimp). Default: as one that expires at once.
     *
     * @return this
     */
    public Dialect zeroMeansForever() {
        facts.zeroMeansForever = true;
        return this;
    }

    /**
     * Adds the meaning of an error that RFC 6749 does not have, or that has another meaning at this server.
     *
     * @param code the code, or the start of codes that have several parts: {@code OAuthException/190} stands for
     *     {@code OAuthException/190/463}, too. A {@code suberror} is such a part (Entra ID):
     *     {@code invalid_grant/consent_required}
     * @param meaning its meaning
     * @return this
     */
    public Dialect error(String code, Meaning meaning) {
        errors = Copies.with(errors, code, Objects.requireNonNull(meaning));
        return this;
    }

    // ---- APIs -----------------------------------------------------------------------------------------------------

    /**
     * Sets the place in a token response that names the address of this user's API (Salesforce's {@code instance_url}).
     * Access tokens are then sent there, too, and only this user's. Default: none.
     *
     * @param pointer the place
     * @param domains the domains of such addresses: one in another domain is ignored
     * @return this
     * @throws IllegalArgumentException if there is no domain, or something is malformed
     */
    public Dialect apiBase(String pointer, String... domains) {
        for (String domain : domains) {
            if (!domain.matches("[a-z0-9-]+(\\.[a-z0-9-]+)+")) {
                throw new IllegalArgumentException("A domain is written like example.com, not " + domain);
            }
        }
        if (domains.length == 0) {
            throw new IllegalArgumentException("The domains of the provider's APIs are missing");
        }
        facts.apiBaseMember = checkPointer(pointer);
        facts.apiBaseDomains = Set.of(domains);
        return this;
    }

    /**
     * Sets the header in which the APIs require a token, without a scheme before it (Shopify's
     * {@code X-Shopify-Access-Token}). Default: {@code Authorization} (RFC 6750). Under this name, too, a token follows
     * no redirect to another host.
     *
     * @param header the header
     * @return this
     * @throws IllegalArgumentException if it is not a header's name
     */
    public Dialect tokenHeader(String header) {
        if (!header.matches("[A-Za-z0-9-]{1,64}")) {
            throw new IllegalArgumentException("A header consists of letters, digits and hyphens: " + header);
        }
        facts.tokenHeader = header;
        facts.tokenScheme = "";
        return this;
    }

    /**
     * Sets the scheme before the token (Zoho's {@code Zoho-oauthtoken}). Default: {@code Bearer}.
     *
     * @param scheme letters, digits and hyphens
     * @return this
     * @throws IllegalArgumentException if it contains anything else
     */
    public Dialect tokenScheme(String scheme) {
        if (!scheme.matches("[A-Za-z0-9-]{1,64}")) {
            throw new IllegalArgumentException("A scheme consists of letters, digits and hyphens: " + scheme);
        }
        facts.tokenScheme = scheme;
        return this;
    }

    /**
     * Sets the values with which an API rejects a token under another status than 401 (Slack under 200, Facebook under
     * 400). They are then treated as a 401. Default: none.
     *
     * @param pointer the place of the value in the response
     * @param values the values
     * @return this
     * @throws IllegalArgumentException if the place is malformed
     */
    public Dialect rejection(String pointer, String... values) {
        facts.rejectionMember = checkPointer(pointer);
        facts.rejections = Set.of(values);
        return this;
    }

    // ---- The callback ---------------------------------------------------------------------------------------------

    /**
     * Sets the parameter of the callback that names the granted scopes, if the token endpoint does not (Strava).
     * Default: none.
     *
     * @param name the parameter
     * @return this
     */
    public Dialect grantedScopeParameter(String name) {
        facts.grantedScopeParameter = Objects.requireNonNull(name);
        return this;
    }

    /**
     * Sets the parameter of the callback that is the code (Amazon's Selling Partner API). {@code code} is read in any
     * case. Default: {@code code}.
     *
     * @param name the parameter
     * @return this
     */
    public Dialect codeParameter(String name) {
        facts.codeParameter = Objects.requireNonNull(name);
        return this;
    }

    /**
     * Sets the parameter of the callback that names the one of the provider's servers that issued the code (Zoho's
     * {@code accounts-server}). A code of another server than this one's is not sent anywhere. Default: none.
     *
     * @param name the parameter
     * @return this
     */
    public Dialect serverParameter(String name) {
        facts.serverParameter = Objects.requireNonNull(name);
        return this;
    }

    /**
     * Sets the parameter of the callback that is an HMAC-SHA256 in hexadecimal digits over all others, in alphabetical
     * order and with the client secret as key (Shopify's {@code hmac}). A callback without it, or with a wrong one, is
     * rejected. Default: none.
     *
     * @param name the parameter
     * @return this
     */
    public Dialect callbackHmac(String name) {
        facts.callbackHmac = Objects.requireNonNull(name);
        return this;
    }

    /**
     * Has every callback posted ({@code response_mode=form_post}; Apple, if scopes are requested). Default: callbacks
     * are GET requests, unless a registration calls {@code formPost()} itself.
     *
     * @return this
     */
    public Dialect formPost() {
        facts.formPost = true;
        return this;
    }
}
