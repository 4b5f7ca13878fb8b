/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.login;

import dev.grantkeeper.internal.answer.Answer;
import dev.grantkeeper.internal.answer.RequestFailedException;
import dev.grantkeeper.internal.openid.Identities;
import dev.grantkeeper.internal.openid.IdentityException;
import dev.grantkeeper.internal.protocol.Requested;
import dev.grantkeeper.internal.refresh.Clocks;
import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.internal.row.RowFormat;
import dev.grantkeeper.internal.server.AuthorizationServer;
import dev.grantkeeper.internal.server.ExchangeRequest;
import dev.grantkeeper.internal.server.Revocation;
import dev.grantkeeper.internal.server.TokenExchangeRenewal;
import dev.grantkeeper.token.TokenSet;
import java.util.Map;

/** A token exchange that makes a grant of its own, kept like one of a login. Stores nothing. Thread-safe. */
public final class TokenExchangeFlow {
    private final AuthorizationServer server;
    private final Revocation revocation;
    private final Clocks time;

    /** Exchanges at one server. */
    public TokenExchangeFlow(AuthorizationServer server, Revocation revocation, Clocks time) {
        this.server = server;
        this.revocation = revocation;
        this.time = time;
    }

    /**
     * Exchanges a token once.
     *
     * @param exchange what to request, and the token
     * @param renewal makes the request
     */
    public LoginOutcome exchange(ExchangeRequest exchange, TokenExchangeRenewal renewal) throws RequestFailedException {
        Answer answer = renewal.request();
        if (answer instanceof Answer.Tokens came) {
            TokenSet tokens = renewal.tokens(came.response(), time.now())
                    .newBuilder()
                    .resources(Requested.split(exchange.resource()))
                    .build();
            LoginOutcome outcome = null;
            try {
                outcome = identified(exchange, came, tokens);
                return outcome;
            } finally {
                if (!(outcome instanceof LoginOutcome.SignedIn)) {
                    revocation.revokeLater(tokens);
                }
            }
        }
        Answer.Failure failure = answer instanceof Answer.Lost lost ? lost.failure() : (Answer.Failure) answer;
        if (!failure.isAboutTheGrant()) {
            throw new RequestFailedException(failure);
        }
        return LoginOutcome.Declined.of(failure, null);
    }

    private LoginOutcome identified(ExchangeRequest exchange, Answer.Tokens answer, TokenSet tokens)
            throws RequestFailedException {
        try {
            // Only an access token opens a profile endpoint (RFC 8693 section 2.2.1).
            Identities.Identified user = tokens.tokenType().equalsIgnoreCase("N_A")
                    ? new Identities.Identified(null, tokens)
                    : server.endpoints()
                            .identities()
                            .of(answer.response(), tokens, exchange.scopes().contains("openid"));
            GrantRow row = GrantRow.of(RowFormat.newName(), time.now(), user.tokens(), user.identity());
            return new LoginOutcome.SignedIn(row, user.tokens(), true, Map.of(), null);
        } catch (IdentityException e) {
            if (e.kind() == IdentityException.Kind.OTHER_TENANT) {
                return LoginOutcome.Declined.of(e, null);
            }
            throw new RequestFailedException(e.failure());
        }
    }
}
