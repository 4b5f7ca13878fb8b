/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.login;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.grantkeeper.internal.answer.ServerJson;
import dev.grantkeeper.internal.provider.DialectFacts;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A notification that somebody posted (CIBA Core section 10.2): who it is from is known after {@link #isOf}.
 * {@code toString} shows no secret.
 *
 * @param token the bearer token; {@code null} if there is none
 * @param authReqId the login that it names; {@code null} if it names none
 */
public record BackchannelNotification(
        @Nullable String token, @Nullable String authReqId) {
    /** RFC 6750 section 2.1. */
    private static final Pattern BEARER = Pattern.compile("(?i)Bearer +([A-Za-z0-9._~+/-]+=*)");

    /** In characters. A server sends a few dozen, or pushed tokens that are of no use here. */
    private static final int MAX_BODY = 16 * 1024;

    private static final int MAX_HEADER = 2048;

    /** Reads a notification; anything at all may come. */
    public static BackchannelNotification read(@Nullable String authorization, @Nullable String body) {
        return new BackchannelNotification(tokenIn(authorization), authReqIdIn(body));
    }

    private static @Nullable String tokenIn(@Nullable String authorization) {
        if (authorization == null || authorization.length() > MAX_HEADER) {
            return null;
        }
        Matcher matcher = BEARER.matcher(authorization.strip());
        return matcher.matches() ? matcher.group(1) : null;
    }

    private static @Nullable String authReqIdIn(@Nullable String body) {
        ObjectNode json =
                body == null || body.length() > MAX_BODY || !body.strip().startsWith("{")
                        ? null
                        : ServerJson.read(null, body, DialectFacts.STANDARD);
        return json == null ? null : ServerJson.text(json, "auth_req_id");
    }

    /** Whether it is the server's, about this login. Compared in constant time: anybody may post something. */
    boolean isOf(BackchannelAttempt login) {
        String expected = login.notificationToken();
        return expected != null && isSame(expected, token) && isSame(login.authReqId(), authReqId);
    }

    private static boolean isSame(String expected, @Nullable String actual) {
        return MessageDigest.isEqual(
                expected.getBytes(StandardCharsets.UTF_8),
                (actual == null ? "" : actual).getBytes(StandardCharsets.UTF_8));
    }

    @Override
    public String toString() {
        return "BackchannelNotification[token " + (token == null ? "absent" : "present") + "]";
    }
}
