/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.call;

import dev.grantkeeper.internal.answer.ServerText;
import dev.grantkeeper.internal.protocol.Challenges;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.Locale;
import java.util.Set;
import okhttp3.Challenge;
import okhttp3.HttpUrl;
import okhttp3.Response;
import org.jspecify.annotations.Nullable;

/**
 * The place where an API says how to get a token for it (RFC 9728 section 5.1), with what else its challenges contain.
 * Everything in it is from outside: a parameter of another form is ignored, and the metadata may be anybody's until its
 * {@code resource} was compared. Of several challenges the first counts that has a parameter.
 *
 * @param metadata the URL of the metadata, of any host, http or https
 * @param scopes the scopes that the call requires (RFC 6750 section 3)
 * @param error the API's error code, made harmless
 * @param dpopOnly whether the API accepts only tokens that are bound to a key: each of these challenges is DPoP's (RFC
 *     9449 section 7.1)
 */
public record ResourceChallenge(
        @Nullable HttpUrl metadata,
        Set<String> scopes,
        @Nullable String error,
        boolean dpopOnly) {
    private static final int MAX_LENGTH = 2048;

    /**
     * Reads the challenges of a 401 or 403.
     *
     * @param response a response; its body is not touched
     * @return {@code null} for another status, and if there is no Bearer or DPoP challenge
     */
    public static @Nullable ResourceChallenge in(Response response) {
        if (response.code() != 401 && response.code() != 403) {
            return null;
        }
        HttpUrl metadata = null;
        Set<String> scopes = new LinkedHashSet<>();
        String error = null;
        boolean found = false;
        boolean dpopOnly = true;
        for (Challenge challenge : Challenges.in(response.headers())) {
            boolean dpop = challenge.scheme().equalsIgnoreCase("DPoP");
            if (dpop || challenge.scheme().equalsIgnoreCase("Bearer")) {
                found = true;
                dpopOnly &= dpop;
                metadata = metadata == null ? url(challenge.authParams().get("resource_metadata")) : metadata;
                error = error == null
                        ? ServerText.harmless(challenge.authParams().get("error"))
                        : error;
                if (scopes.isEmpty()) {
                    scopes.addAll(LoginChallenge.scopes(challenge.authParams().get("scope")));
                }
            }
        }
        return found ? new ResourceChallenge(metadata, Collections.unmodifiableSet(scopes), error, dpopOnly) : null;
    }

    /** An absolute URL. OkHttp would also accept one without slashes. */
    private static @Nullable HttpUrl url(@Nullable String text) {
        if (text == null
                || text.length() > MAX_LENGTH
                || !text.toLowerCase(Locale.ROOT).matches("https?://[^/].*")) {
            return null;
        }
        HttpUrl url = HttpUrl.parse(text);
        boolean plain =
                url != null && url.username().isEmpty() && url.password().isEmpty();
        return plain ? url : null;
    }
}
