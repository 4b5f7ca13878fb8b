/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.server;

import dev.grantkeeper.internal.refresh.Renewal;
import dev.grantkeeper.internal.refresh.Time;
import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.internal.row.RowFormat;
import dev.grantkeeper.internal.wire.Answer;
import dev.grantkeeper.internal.wire.TokenResponse;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.token.TokenSet;
import java.time.Instant;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Renews what came in exchange for a token, by exchanging that again: RFC 8693, RFC 7523, and Microsoft's on-behalf-of.
 *
 * <p>It rests in this process only, under a name made from the token at hand and from what is asked for, and not in the
 * store, for three reasons. That token comes again with the next request, on whichever node: nothing is lost with the
 * process. It is a new one every hour, and a row for each would fill the store with rows that nobody removes. And one
 * row for each user instead would serve what was given for one token to who shows another, perhaps a weaker one: of a
 * session that was not checked twice, of a client that may do less. A refresh token that comes along is not used here,
 * since nothing may outlive the token at hand; who wants to go on without the user keeps the result of a login by
 * exchange.
 *
 * <p>Thread-safe.
 */
public final class TokenExchangeRenewal implements Renewal {
    private final ExchangeRequest wanted;
    private final AuthorizationServer server;
    private final Revocation revocation;
    private final Time time;

    /** For one exchange. */
    public TokenExchangeRenewal(ExchangeRequest wanted, AuthorizationServer server, Revocation revocation, Time time) {
        this.wanted = wanted;
        this.server = server;
        this.revocation = revocation;
        this.time = time;
    }

    @Override
    public GrantRow begin() {
        return GrantRow.of(RowFormat.newName(), time.now(), null, null);
    }

    @Override
    public boolean possible(GrantRow row) {
        return true;
    }

    @Override
    public Answer.@Nullable Failure prepare() {
        return server.prepare();
    }

    @Override
    public Answer request(GrantRow row) {
        Answer answer = request();
        // A refusal is for good. Of a token that changes the next one may be taken.
        return wanted.changes() && answer instanceof Answer.Failure failure && failure.kind() == Answer.Kind.REFUSED
                ? failure.as(Answer.Kind.MISCONFIGURED)
                : answer;
    }

    /** Makes one token request. */
    public Answer request() {
        Map<String, String> form;
        try {
            form = wanted.form(String.join(server.known().scopeSeparator(), wanted.scopes()));
        } catch (RuntimeException e) { // the application's supplier; its words may hold the token
            return failure(
                    Answer.Kind.TEMPORARY,
                    "The application's supplier of tokens threw " + e.getClass().getName());
        }
        Answer answer = server.send(endpoints -> endpoints.token().request(form));
        if (answer instanceof Answer.Failure failure) {
            return judged(failure);
        }
        return answer instanceof Answer.Tokens tokens
                        && !wanted.accepts(tokens.response().issuedTokenType())
                ? failure(Answer.Kind.MALFORMED, "The token that came is of another kind than calls can carry")
                : answer;
    }

    private static Answer.Failure failure(Answer.Kind kind, String description) {
        return new Answer.Failure(kind, 0, null, description, null, null);
    }

    /** RFC 8693 section 2.2.2: so it says of a subject token that has ended. The second is Keycloak's word. */
    private Answer judged(Answer.Failure failure) {
        boolean refused = "invalid_request".equals(failure.error()) || "invalid_token".equals(failure.error());
        return wanted.isExchange() && refused ? failure.as(Answer.Kind.REFUSED) : failure;
    }

    @Override
    public TokenSet tokens(GrantRow row, TokenResponse response, Instant now) {
        return tokens(response, now);
    }

    /** The token set that an answer makes. */
    public TokenSet tokens(TokenResponse response, Instant now) {
        return response.toTokenSet(null, wanted.scopes(), now, server.known().defaultLifetime());
    }

    @Override
    public Provider.Replay replay() {
        return Provider.Replay
                .PROMPT; // nothing is spent, unless the server takes an assertion once, and then it says so
    }

    @Override
    public @Nullable Instant consentEndsAt(GrantRow row) {
        return null; // what it rests on is asked for again each time
    }

    @Override
    public void revoke(GrantRow row, TokenSet tokens) {
        revocation.revoke(tokens);
    }
}
