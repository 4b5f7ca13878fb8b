/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.call;

import java.util.HashSet;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import okhttp3.Challenge;
import okhttp3.Response;
import org.jspecify.annotations.Nullable;

/** The error codes in the challenges of a 401 (RFC 6750 section 3.1). */
public final class ErrorCodes {
    /**
     * Codes that complain of the request, its proof or the user. Those that begin with {@code insufficient_} (RFC 6750,
     * RFC 9470, Entra ID) complain of rights.
     */
    private static final Set<String> OTHER_COMPLAINTS = Set.of(
            "invalid_request",
            "use_dpop_nonce",
            "invalid_dpop_proof",
            "interaction_required",
            "login_required",
            "consent_required",
            "mfa_required",
            "unmet_authentication_requirements");

    /** Found where the header is malformed, and OkHttp skips it. */
    private static final Pattern ERROR = Pattern.compile("(?i)(?:^|[\\s,;])error\\s*=\\s*[\"']?([\\w.-]{1,100})");

    private static final int LONGEST = 16 * 1024;

    private ErrorCodes() {}

    /**
     * Whether another token may help: there is no code, in whatever scheme, or one that does not complain of something
     * else. Beside a code, challenges without one say nothing: they name schemes.
     *
     * @param response a 401
     */
    public static boolean allowAnotherToken(Response response) {
        Set<String> codes = codes(response);
        return codes.isEmpty() || !codes.stream().allMatch(ErrorCodes::isAnotherComplaint);
    }

    private static boolean isAnotherComplaint(String code) {
        return code.startsWith("insufficient_") || OTHER_COMPLAINTS.contains(code);
    }

    private static Set<String> codes(Response response) {
        Set<String> codes = new HashSet<>();
        for (Challenge challenge : response.challenges()) {
            @Nullable String error = challenge.authParams().get("error");
            if (error != null) {
                // Twitch's parameters stand in single quotes.
                codes.add(error.replaceAll("^'|'$", "").strip().toLowerCase(Locale.ROOT));
            }
        }
        if (codes.isEmpty()) {
            for (String header : response.headers("WWW-Authenticate")) {
                Matcher matcher = ERROR.matcher(header.length() > LONGEST ? header.substring(0, LONGEST) : header);
                if (matcher.find()) {
                    codes.add(matcher.group(1).toLowerCase(Locale.ROOT));
                }
            }
        }
        codes.remove("");
        return codes;
    }
}
