/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.server;

import dev.grantkeeper.internal.answer.Answer;
import dev.grantkeeper.internal.answer.TokenResponse;
import dev.grantkeeper.internal.protocol.Requested;
import dev.grantkeeper.internal.protocol.Resource;
import dev.grantkeeper.internal.provider.Facts;
import dev.grantkeeper.internal.refresh.Clocks;
import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.token.TokenSet;
import java.time.Instant;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Renews tokens that were exchanged for a token at hand, by exchanging it again: RFC 8693, RFC 7523, and Microsoft's
 * on-behalf-of.
 *
 * <p>The tokens are kept in this process only, under a name made of the token at hand and of the request, and not in
 * the store, for three reasons. The token at hand arrives again with the next request, on whichever node: nothing is
 * lost with the process. It changes every hour, and a row for each would fill the store with rows that nobody removes.
 * And one row for each user instead would serve what was issued for one token to a caller that presents another,
 * perhaps weaker one: of a session that was not authenticated as strongly, or of a client with fewer rights. A refresh
 * token that comes along is not used here, since nothing may outlive the token at hand; an application that continues
 * without the user stores the result of a login by exchange.
 *
 * <p>Thread-safe.
 */
public final class TokenExchangeRenewal extends UserlessRenewal {
    private final ExchangeRequest wanted;
    private final Supplier<ForApi> api;

    /**
     * The API that tokens are for, where the application knows nothing else.
     *
     * @param resource its own name (RFC 8707)
     * @param bound whether it accepts only tokens that are bound to a key (DPoP)
     */
    public record ForApi(@Nullable String resource, boolean bound) {
        /** No particular API. */
        public static final ForApi NONE = new ForApi(null, false);
    }

    /** For one exchange. */
    public TokenExchangeRenewal(
            ExchangeRequest wanted, AuthorizationServer server, Revocation revocation, Clocks time) {
        this(wanted, server, revocation, time, () -> ForApi.NONE);
    }

    /** For one exchange, and an API that may be known in the end only. */
    public TokenExchangeRenewal(
            ExchangeRequest wanted,
            AuthorizationServer server,
            Revocation revocation,
            Clocks time,
            Supplier<ForApi> api) {
        super(server, revocation, time);
        this.wanted = wanted;
        this.api = api;
    }

    @Override
    public Answer request(GrantRow row, Resource resource) {
        if (!resource.isOwn()) {
            return failure(Answer.Kind.MISCONFIGURED, "This grant is good for one resource only");
        }
        // No identity is made from an ID token here, so nothing fails because of one.
        Answer answer = request(Endpoints::decrypted);
        // A refusal is final. Where the token changes, the next one may be accepted.
        return wanted.changes() && answer instanceof Answer.Failure failure && failure.kind() == Answer.Kind.REFUSED
                ? failure.as(Answer.Kind.MISCONFIGURED)
                : answer;
    }

    /** Makes one token request. An encrypted ID token stays as it is, since a login verifies it. */
    public Answer request() {
        return request((endpoints, answer) -> answer);
    }

    private Answer request(BiFunction<Endpoints, Answer, Answer> reading) {
        Map<String, String> form;
        try {
            form = wanted.form(String.join(Facts.of(server.known()).scopeSeparator, wanted.scopes()));
        } catch (RuntimeException e) { // the application's supplier; its message may contain the token
            return failure(
                    Answer.Kind.TEMPORARY,
                    "The application's supplier of tokens threw " + e.getClass().getName());
        }
        ForApi its = api.get();
        if (its.resource() != null) {
            form.putIfAbsent(Requested.RESOURCE, its.resource());
        }
        Answer answer = server.send(
                endpoints -> reading.apply(endpoints, endpoints.token().request(form, its.bound())));
        if (answer instanceof Answer.Tokens tokens
                && !wanted.accepts(tokens.response().issuedTokenType())) {
            answer = failure(Answer.Kind.MALFORMED, "The issued token is of a type that calls cannot carry")
                    .with(Answer.Unused.of(tokens.response(), false));
        }
        if (answer instanceof Answer.Failure failure) {
            revocation.revokeLater(failure);
            return judged(failure);
        }
        return answer;
    }

    private static Answer.Failure failure(Answer.Kind kind, String description) {
        return new Answer.Failure(kind, 0, null, description, null, null);
    }

    /** RFC 8693 section 2.2.2: the error code for a subject token that has expired. The second one is Keycloak's. */
    private Answer judged(Answer.Failure failure) {
        boolean refused = "invalid_request".equals(failure.error()) || "invalid_token".equals(failure.error());
        return wanted.isExchange() && refused ? failure.as(Answer.Kind.REFUSED) : failure;
    }

    @Override
    public TokenSet tokens(GrantRow row, Resource resource, TokenResponse response, Instant now) {
        return tokens(response, now);
    }

    /** The token set that an answer makes. */
    public TokenSet tokens(TokenResponse response, Instant now) {
        return response.toTokenSet(
                null, wanted.scopes(), now, Facts.of(server.known()).defaultLifetime());
    }
}
