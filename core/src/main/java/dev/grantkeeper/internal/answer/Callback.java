/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.answer;

import dev.grantkeeper.internal.provider.Facts;
import dev.grantkeeper.internal.provider.ProviderFacts;
import dev.grantkeeper.provider.Provider;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Base64;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import okhttp3.HttpUrl;
import okio.ByteString;
import org.jspecify.annotations.Nullable;

/**
 * The callback that the browser brought (RFC 6749 sections 4.1.2 and 4.1.2.1, RFC 9207). Anybody who can make the
 * user's browser open a URL decides what is in it. {@code toString} shows no code.
 *
 * @param problem the reason why this is not an authorization response; everything else is then {@code null}
 * @param idToken an ID token beside the code (OpenID Connect Core section 3.3.2.5)
 * @param response a response that the server has signed, and perhaps encrypted (JARM section 2.3); everything else is
 *     then {@code null}
 * @param others parameters of no standard, which some providers add
 */
public record Callback(
        @Nullable String problem,
        @Nullable String state,
        @Nullable String issuer,
        @Nullable String error,
        @Nullable String errorDescription,
        @Nullable String code,
        @Nullable String idToken,
        @Nullable String response,
        Map<String, String> others) {
    private static final int MAX_LENGTH = 16 * 1024;
    private static final int MAX_PARAMETER_LENGTH = 8 * 1024;
    private static final int MAX_PARAMETERS = 32;
    private static final Set<String> PROTOCOL =
            Set.of("state", "iss", "error", "error_description", "error_uri", "code", "id_token", "response");

    /** Never, in any flow: tokens do not travel through browsers. */
    private static final String NOT_ASKED_FOR = "access_token";

    /** Parameters that a signed response contains itself. Outside it, anybody could have added them. */
    private static final Set<String> BESIDE_NONE =
            Set.of("state", "iss", "error", "error_description", "code", "id_token");

    /** Reads a query, with or without question mark, or a whole URL. */
    public static Callback parse(@Nullable String query) {
        if (query == null || query.isBlank()) {
            return junk("The callback has no query");
        }
        if (query.length() > MAX_LENGTH) {
            return junk("The callback's query is too long");
        }
        HttpUrl url = HttpUrl.parse("http://localhost/?" + query.substring(start(query)));
        if (url == null || url.querySize() > MAX_PARAMETERS) {
            return junk("The callback's query cannot be read");
        }
        // RFC 6749 section 3.1: a parameter without a value is one that was omitted. Seen: code=…&error=&state=…
        Map<String, String> present = new LinkedHashMap<>();
        for (int i = 0; i < url.querySize(); i++) {
            String name = url.queryParameterName(i);
            String value = url.queryParameterValue(i);
            // Not the issuer: servers that know RFC 9207 send one, and a callback of theirs may have been changed.
            if (value == null || (value.isEmpty() && !name.equals("iss"))) {
                continue;
            }
            if (name.equals(NOT_ASKED_FOR)) {
                return notRequested(name);
            }
            if (PROTOCOL.contains(name) && present.containsKey(name)) {
                return junk("The callback repeats " + name);
            }
            // Not ID tokens: encryption makes long ones longer by a third, and a form has room.
            if (PROTOCOL.contains(name) && !name.equals("id_token") && value.length() > MAX_PARAMETER_LENGTH) {
                return junk("The callback's " + name + " is too long");
            }
            present.putIfAbsent(name, value);
        }
        String response = present.get("response");
        if (response != null && present.keySet().stream().anyMatch(BESIDE_NONE::contains)) {
            return junk("The callback holds a signed response, and something beside it");
        }
        Map<String, String> others = new LinkedHashMap<>();
        url.queryParameterNames().stream()
                .filter(name -> !PROTOCOL.contains(name))
                .forEach(name -> others.put(name, Objects.requireNonNullElse(url.queryParameter(name), "")));
        return new Callback(
                null,
                present.get("state"),
                present.get("iss"),
                present.get("error"),
                present.get("error_description"),
                present.get("code"),
                present.get("id_token"),
                response,
                Collections.unmodifiableMap(others));
    }

    /** The contents of a signed response, after it was verified. */
    public static Callback verified(
            @Nullable String state,
            @Nullable String issuer,
            @Nullable String error,
            @Nullable String errorDescription,
            @Nullable String code,
            Map<String, String> others) {
        return new Callback(
                null, state, issuer, present(error), present(errorDescription), present(code), null, null, others);
    }

    /** The same with the signed response that was encrypted in this one. */
    public Callback withResponse(String signed) {
        return new Callback(problem, state, issuer, error, errorDescription, code, idToken, signed, others);
    }

    /** A callback with a parameter that no request asks for, or not this registration's. */
    public static Callback notRequested(String parameter) {
        return junk("The callback holds " + parameter + ", which was not requested");
    }

    /**
     * Reads a query that the browser brought for another purpose than an authorization response.
     *
     * @param query the query, with or without question mark, or a whole URL
     * @return the parameters that have a value; {@code null} if they cannot be read, or one comes twice: two readers
     *     could then understand two things
     */
    public static @Nullable Map<String, String> parameters(@Nullable String query) {
        if (query == null || query.length() > MAX_LENGTH) {
            return null;
        }
        HttpUrl url = HttpUrl.parse("http://localhost/?" + query.substring(start(query)));
        if (url == null || url.querySize() > MAX_PARAMETERS) {
            return null;
        }
        Map<String, String> present = new LinkedHashMap<>();
        for (int i = 0; i < url.querySize(); i++) {
            String value = url.queryParameterValue(i);
            if (value != null && !value.isEmpty() && present.put(url.queryParameterName(i), value) != null) {
                return null;
            }
        }
        return present;
    }

    /** The same with the code from another parameter, for a server that has its own name for it. */
    public Callback withCodeFrom(String parameter) {
        if (code != null || response != null || !others.containsKey(parameter)) {
            return this;
        }
        Map<String, String> rest = new LinkedHashMap<>(others); // which the application gets: a code is a secret
        String found = rest.remove(parameter);
        return new Callback(
                problem,
                state,
                issuer,
                error,
                errorDescription,
                present(found),
                idToken,
                null,
                Collections.unmodifiableMap(rest));
    }

    private static @Nullable String present(@Nullable String value) {
        return value == null || value.isEmpty() ? null : value;
    }

    /**
     * The state for finding the login that this belongs to. In a signed response it is not verified yet: it finds a
     * login, and proves nothing. {@code null} in a response that is still encrypted.
     */
    public @Nullable String stateToLookFor() {
        if (response == null) {
            return state;
        }
        String[] parts = response.split("\\.", -1);
        try {
            return parts.length == 3
                    ? ServerJson.stateIn(new String(Base64.getUrlDecoder().decode(parts[1]), StandardCharsets.UTF_8))
                    : null;
        } catch (IllegalArgumentException e) {
            return null;
        }
    }

    /**
     * The index of the query's beginning: after the question mark if a scheme is before it, an application's own
     * included.
     */
    private static int start(String query) {
        int mark = query.indexOf('?');
        boolean url = mark > 0 && query.substring(0, mark).matches("(?s)[A-Za-z][A-Za-z0-9+.-]*:.*");
        boolean path = mark > 0 && query.startsWith("/"); // as the JDK's server, Netty and Vert.x name a request
        return mark == 0 || url || path ? mark + 1 : 0;
    }

    /** A callback that is not an authorization response, or not one that counts. */
    public static Callback junk(String problem) {
        return new Callback(problem, null, null, null, null, null, null, null, Map.of());
    }

    /** The granted scopes, from servers that name them in the callback; {@code null} if this one does not. */
    public @Nullable Set<String> grantedScopes(Provider provider) {
        ProviderFacts facts = Facts.of(provider);
        String name = facts.dialect.grantedScopeParameter;
        String scope = name == null ? null : others.get(name);
        Set<String> granted = scope == null ? Set.of() : TokenAnswers.scopes(scope, facts.grantedScopeSeparator());
        return granted.isEmpty() ? null : granted;
    }

    /**
     * Whether one parameter is the HMAC-SHA256 of all others, as {@code name=value} in alphabetical order with
     * {@code &} between them.
     *
     * @param query the query that this was parsed from
     */
    public static boolean hasHmac(String query, String name, String key) {
        HttpUrl url = HttpUrl.parse("http://localhost/?" + query.substring(start(query)));
        String hmac = url == null ? null : url.queryParameter(name);
        if (url == null || hmac == null) {
            return false;
        }
        String message = url.queryParameterNames().stream()
                .filter(other -> !other.equals(name))
                .sorted()
                .map(other -> other + "=" + url.queryParameter(other))
                .collect(Collectors.joining("&"));
        String expected = ByteString.encodeUtf8(message)
                .hmacSha256(ByteString.encodeUtf8(key))
                .hex();
        return MessageDigest.isEqual(
                expected.getBytes(StandardCharsets.US_ASCII),
                hmac.toLowerCase(Locale.ROOT).getBytes(StandardCharsets.UTF_8));
    }

    /** Whether there is a code, of characters that a code may contain (RFC 6749 appendix A.11). */
    public boolean hasCode() {
        return code != null && !code.isEmpty() && code.chars().allMatch(c -> c >= ' ' && c < 0x7f);
    }

    @Override
    public String toString() {
        return "Callback["
                + (problem != null ? problem : response != null ? "signed" : error != null ? "error" : "code") + "]";
    }
}
