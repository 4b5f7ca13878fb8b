/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.call;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.grantkeeper.internal.provider.DialectFacts;
import java.io.IOException;
import okhttp3.MediaType;
import okhttp3.Response;

/** Rejections of a token that some APIs send with another status than 401: Slack with 200, Facebook with 400. */
public final class ApiRejection {
    /** A longer body is something else, and is not held up. */
    private static final int LONGEST = 4096;

    private static final JsonMapper JSON = new JsonMapper();

    private ApiRejection() {}

    /**
     * Whether a response rejects the token.
     *
     * @param response a response; its body stays readable
     */
    public static boolean isOne(Response response, DialectFacts dialect) throws IOException {
        String member = dialect.rejectionMember;
        MediaType type = member == null ? null : response.body().contentType();
        if (member == null
                || type == null
                || !type.subtype().equals("json")
                || response.body().contentLength() > LONGEST) {
            return false;
        }
        byte[] body = response.peekBody(LONGEST + 1L).bytes();
        if (body.length > LONGEST) {
            return false;
        }
        try {
            return dialect.rejections.contains(JSON.readTree(body).at(member).asText());
        } catch (JsonProcessingException e) {
            return false;
        }
    }
}
