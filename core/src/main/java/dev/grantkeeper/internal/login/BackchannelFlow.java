/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.login;

import dev.grantkeeper.internal.answer.Answer;
import dev.grantkeeper.internal.answer.RequestFailedException;
import dev.grantkeeper.internal.log.Log;
import dev.grantkeeper.internal.protocol.Requested;
import dev.grantkeeper.internal.provider.Facts;
import dev.grantkeeper.internal.provider.ProviderFacts;
import dev.grantkeeper.internal.refresh.Clocks;
import dev.grantkeeper.internal.server.AuthorizationServer;
import dev.grantkeeper.internal.server.Endpoints;
import dev.grantkeeper.internal.wire.BackchannelEndpoint;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The start of a backchannel login (OpenID Connect CIBA Core 1.0), and the notifications about it; {@link LoginPolling}
 * does the rest. Stores nothing. Thread-safe.
 *
 * <p>There is no push mode. FAPI-CIBA forbids it: tokens would come unrequested, without proof that this client is the
 * one that gets them.
 *
 * @param server the server
 * @param registration the registration
 * @param polling waits for the logins
 * @param time the clocks
 */
public record BackchannelFlow(AuthorizationServer server, String registration, LoginPolling polling, Clocks time) {
    /** Sent by the library itself. */
    private static final Set<String> OWN =
            Set.of("client_id", "client_secret", "scope", "client_notification_token", "request");

    private static final List<String> HINTS = List.of("login_hint", "login_hint_token", "id_token_hint");

    /** 256 bits, twice as many as CIBA Core section 7.1 demands. */
    private static final int TOKEN_BYTES = 32;

    private static final SecureRandom RANDOM = new SecureRandom();

    /**
     * Starts a login. What is wrong with the request itself is found before anything is sent.
     *
     * @param scopes exactly what is requested
     * @param parameters everything else that is sent
     * @param appState the application's own data
     * @param maxAge the longest time before now at which the user may have authenticated
     * @param ping whether the server is to send a notification
     * @throws IllegalStateException if the request is wrong
     */
    public BackchannelAttempt start(
            Set<String> scopes,
            Map<String, String> parameters,
            @Nullable String appState,
            @Nullable Duration maxAge,
            boolean ping)
            throws RequestFailedException {
        check(scopes, parameters);
        Endpoints endpoints = server.endpoints();
        BackchannelEndpoint endpoint = endpoints.backchannel();
        if (endpoint == null) {
            throw endpoints.missing("backchannel authentication endpoint", "backchannelAuthenticationEndpoint(…)");
        }
        if (endpoints.idTokens() == null) {
            throw endpoints.missing("jwks_uri, which the scope openid needs", "openId(issuer, jwksUri)");
        }
        check(Facts.of(endpoints.provider()), parameters, ping);
        endpoint.checkSigning();
        Map<String, String> form = new LinkedHashMap<>(parameters);
        form.keySet().removeAll(OWN);
        form.entrySet()
                .removeIf(one -> HINTS.contains(one.getKey()) && one.getValue().isBlank());
        form.put("scope", String.join(Facts.of(endpoints.provider()).scopeSeparator, scopes));
        if (maxAge != null) {
            form.put("max_age", Long.toString(maxAge.toSeconds()));
        }
        String token = ping ? newToken() : null;
        if (token != null) {
            form.put("client_notification_token", token);
        }
        Instant now = time.now();
        BackchannelEndpoint.Accepted accepted = endpoint.authenticate(form);
        return new BackchannelAttempt(
                registration,
                accepted.authReqId(),
                token,
                now,
                time.now().plus(accepted.lifetime()),
                accepted.interval(),
                maxAge,
                scopes,
                parameters.get(Requested.AUTHORIZATION_DETAILS),
                Requested.split(parameters.get(Requested.RESOURCE)),
                appState);
    }

    private static String newToken() {
        byte[] bytes = new byte[TOKEN_BYTES];
        RANDOM.nextBytes(bytes);
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }

    /** CIBA Core section 7.1. */
    private static void check(Set<String> scopes, Map<String, String> parameters) {
        if (!scopes.contains("openid")) {
            throw new IllegalStateException(
                    "A backchannel login needs the scope openid (CIBA Core section 7.1): add it to scopes(…)");
        }
        List<String> hints = HINTS.stream()
                .filter(name -> !parameters.getOrDefault(name, "").isBlank())
                .toList();
        if (hints.size() != 1) {
            throw new IllegalStateException("A backchannel login names its user in exactly one way (CIBA Core section"
                    + " 7.1): call one of loginHint(…), loginHintToken(…) and idTokenHint(…). Here "
                    + (hints.isEmpty() ? "there is none" : "are " + String.join(" and ", hints)));
        }
    }

    /** A server that does not take part would reject the request, or leave the application waiting. */
    private static void check(ProviderFacts facts, Map<String, String> parameters, boolean ping)
            throws RequestFailedException {
        Set<String> modes = facts.backchannelTokenDeliveryModes;
        String mode = ping ? "ping" : "poll";
        if (!modes.isEmpty() && !modes.contains(mode)) {
            String other = ping ? "poll" : "ping";
            throw unsupported(
                    facts,
                    "offers backchannel logins in the modes " + modes + ", and not in the mode " + mode + ". "
                            + (!modes.contains(other)
                                    ? "Push is not offered here: FAPI-CIBA forbids it"
                                    : ping
                                            ? "Leave ping() out, and register the client for poll"
                                            : "Call ping(), and register the client with a notification endpoint"));
        }
        if (parameters.containsKey("user_code") && !facts.backchannelUserCodeParameter) {
            throw unsupported(
                    facts,
                    "is not known to accept user codes, which are secrets of the user's. If it does, call"
                            + " backchannelUserCodeParameter(true) on its builder; if not, leave userCode(…) out");
        }
    }

    private static RequestFailedException unsupported(ProviderFacts facts, String why) {
        String message = facts.name + " " + why;
        if (!facts.fromMetadata) {
            throw new IllegalStateException(message);
        }
        return new RequestFailedException(new Answer.Failure(Answer.Kind.MISCONFIGURED, 0, null, message, null, null));
    }

    /**
     * Accepts the server's notification that a user has decided (CIBA Core section 10.2): the poller of the login, now
     * or when it begins, asks for the tokens at once. Sends nothing itself.
     *
     * @param login the login that the application found; {@code null} if it found none
     * @return whether it is the server's, about this login
     */
    public boolean accept(@Nullable BackchannelAttempt login, @Nullable String authorization, @Nullable String body) {
        if (login == null
                || !login.registration().equals(registration)
                || !BackchannelNotification.read(authorization, body).isOf(login)) {
            Log.debug(
                    "A notification was not accepted: {}", login == null ? "there is no such login" : "it is made up");
            return false;
        }
        polling.wake(login);
        return true;
    }
}
