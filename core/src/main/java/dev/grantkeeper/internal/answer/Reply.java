/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.answer;

import java.util.List;
import okhttp3.Challenge;
import okhttp3.Headers;
import okhttp3.MediaType;
import org.jspecify.annotations.Nullable;

/**
 * An HTTP response of an authorization server, read to its end. Immutable.
 *
 * @param status the HTTP status
 * @param type the media type
 * @param body the body as UTF-8, of bounded length
 * @param retryAfter the values of {@code Retry-After}
 * @param headers all headers
 * @param challenges the challenges of a 401
 */
public record Reply(
        int status,
        @Nullable MediaType type,
        String body,
        List<String> retryAfter,
        Headers headers,
        List<Challenge> challenges) {
    /** Without the byte order mark that some servers send; RFC 8259 section 8.1 lets a reader ignore it. */
    public Reply {
        if (body.startsWith("\uFEFF")) {
            body = body.substring(1);
        }
    }

    @Override
    public String toString() {
        return "Reply[status=" + status + ", " + body.length() + " characters]";
    }
}
