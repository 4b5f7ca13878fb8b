/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.call;

import dev.grantkeeper.internal.answer.Claims;
import dev.grantkeeper.internal.answer.ServerText;
import dev.grantkeeper.internal.protocol.Challenges;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import okhttp3.Challenge;
import okhttp3.Response;
import org.jspecify.annotations.Nullable;

/**
 * A demand of an API that only another login can meet: scopes (RFC 6750 section 3.1), a stronger or a more recent
 * authentication (RFC 9470), or what Microsoft Entra ID calls a claims challenge. Everything in it is from outside: a
 * parameter of another form is ignored. A challenge may also name its authorization server; the library never contacts
 * it.
 *
 * @param kind the kind of demand
 * @param error the API's error code
 * @param description the API's text for people, made harmless
 * @param scopes the scopes that were not granted so far
 * @param parameters the parameters that the login has to send: {@code acr_values}, {@code max_age}, {@code claims}
 */
public record LoginChallenge(
        Kind kind, String error, @Nullable String description, Set<String> scopes, Map<String, String> parameters) {
    /** The kind of demand. */
    public enum Kind {
        /** Scopes that were not granted. */
        SCOPES,
        /** Another authentication of the user. */
        STEP_UP,
        /** Claims that the token does not have. */
        CLAIMS
    }

    private static final int MAX_LENGTH = 4096;
    private static final int MAX_CLAIMS = 16 * 1024;

    /**
     * Looks for a challenge that names what a login has to request. One that names nothing, or only what was granted,
     * does not count: the same login would bring the same response.
     *
     * @param response a response; its body is not touched
     * @param granted the scopes of the token that was sent
     * @param token that token, which no message may hold
     */
    public static @Nullable LoginChallenge in(Response response, Set<String> granted, String token) {
        if (response.code() != 401 && response.code() != 403) {
            return null;
        }
        LoginChallenge best = null;
        for (Challenge challenge : Challenges.in(response.headers())) {
            LoginChallenge found = of(challenge, granted, token);
            if (found != null && (best == null || (best.isAboutTheToken() && !found.isAboutTheToken()))) {
                best = found;
            }
        }
        return best;
    }

    /** Whether it rejects the token as well, so that another one of the same grant may do. */
    public boolean isAboutTheToken() {
        return error.equals("invalid_token");
    }

    private static @Nullable LoginChallenge of(Challenge challenge, Set<String> granted, String token) {
        String scheme = challenge.scheme();
        String error = challenge.authParams().get("error");
        if (error == null || !(scheme.equalsIgnoreCase("Bearer") || scheme.equalsIgnoreCase("DPoP"))) {
            return null;
        }
        Set<String> scopes = new LinkedHashSet<>();
        Map<String, String> parameters = new LinkedHashMap<>();
        Kind kind = switch (error) {
            case "insufficient_scope" -> {
                scopes.addAll(scopes(challenge.authParams().get("scope")));
                yield Kind.SCOPES;
            }
            case "insufficient_user_authentication" -> {
                // RFC 9470 section 3: it may ask for both at once.
                scopes.addAll(scopes(challenge.authParams().get("scope")));
                put(parameters, "acr_values", visible(challenge.authParams().get("acr_values")));
                put(parameters, "max_age", seconds(challenge.authParams().get("max_age")));
                yield Kind.STEP_UP;
            }
            // Azure's Resource Manager sends invalid_token, and claims all the same.
            case "insufficient_claims", "invalid_token" -> {
                put(parameters, "claims", claims(challenge.authParams().get("claims")));
                yield Kind.CLAIMS;
            }
            default -> null;
        };
        scopes.removeAll(granted);
        if (kind == null || (scopes.isEmpty() && parameters.isEmpty())) {
            return null;
        }
        return new LoginChallenge(
                kind,
                error,
                ServerText.harmless(challenge.authParams().get("error_description"), List.of(token)),
                Collections.unmodifiableSet(scopes),
                Collections.unmodifiableMap(parameters));
    }

    private static void put(Map<String, String> parameters, String name, @Nullable String value) {
        if (value != null) {
            parameters.put(name, value);
        }
    }

    /** The scopes that a challenge names (RFC 6750 section 3); none if one cannot be a scope. */
    static List<String> scopes(@Nullable String scope) {
        String visible = visible(scope);
        return visible == null ? List.of() : Arrays.asList(visible.strip().split(" +"));
    }

    /** Names between blanks (RFC 6749 section 3.3). */
    private static @Nullable String visible(@Nullable String names) {
        return names != null
                        && !names.isBlank()
                        && names.length() <= MAX_LENGTH
                        && names.chars().allMatch(c -> c >= ' ' && c < 0x7f && c != '"' && c != '\\')
                ? names
                : null;
    }

    private static @Nullable String seconds(@Nullable String maxAge) {
        return maxAge != null && maxAge.matches("[0-9]{1,9}") ? maxAge : null;
    }

    /** Base64 of a JSON object; seen with both alphabets, padded and not. */
    private static @Nullable String claims(@Nullable String base64) {
        if (base64 == null || base64.length() > MAX_CLAIMS) {
            return null;
        }
        try {
            byte[] bytes =
                    Base64.getUrlDecoder().decode(base64.replace('+', '-').replace('/', '_'));
            return Claims.read(StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes))
                    .toString());
        } catch (IllegalArgumentException | CharacterCodingException e) {
            return null;
        }
    }
}
