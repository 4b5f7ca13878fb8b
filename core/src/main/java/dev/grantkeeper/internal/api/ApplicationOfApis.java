/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.api;

import dev.grantkeeper.internal.answer.Answer;
import dev.grantkeeper.internal.answer.TokenResponse;
import dev.grantkeeper.internal.protocol.Resource;
import dev.grantkeeper.internal.refresh.Clocks;
import dev.grantkeeper.internal.refresh.Renewal;
import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.internal.row.RowFormat;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.TokenSet;
import java.time.Instant;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.function.BiPredicate;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Renews the application's own grants, one for each API. The row names the API. Thread-safe.
 *
 * @param renewals the renewal for an API, by its URL
 * @param isLookedFor notes that the server of an API, by its URL, does not know the client, as a grant has heard;
 *     returns whether another try may succeed
 */
public record ApplicationOfApis(
        Function<String, Renewal> renewals, BiPredicate<String, String> isLookedFor, Clocks time) implements Renewal {
    private Renewal of(GrantRow row) {
        return renewals.apply(Objects.requireNonNull(row.api()));
    }

    /** The account of a key is the URL of the API. */
    @Override
    public GrantRow begin(AccountKey key) {
        return GrantRow.of(RowFormat.newName(), time.now(), null, null).forApi(key.account());
    }

    @Override
    public boolean possible(GrantRow row) {
        return true;
    }

    @Override
    public CompletableFuture<Prepared> prepare(GrantRow row) {
        return of(row).prepare(row);
    }

    @Override
    public String endpoint(GrantRow row) {
        return String.valueOf(row.api());
    }

    @Override
    public Answer request(GrantRow row, Resource resource) {
        Answer answer = of(row).request(row, resource);
        return answer instanceof Answer.Failure failure
                        && failure.isAboutTheClient()
                        && isLookedFor.test(String.valueOf(row.api()), row.login())
                ? failure.as(Answer.Kind.TEMPORARY).retryAfter(UsersOfApis.UNTIL_LOOKED_FOR)
                : answer;
    }

    @Override
    public TokenSet tokens(GrantRow row, Resource resource, TokenResponse response, Instant now) {
        return of(row).tokens(row, resource, response, now);
    }

    @Override
    public Provider.Replay replay(GrantRow row) {
        return Provider.Replay.PROMPT;
    }

    @Override
    public @Nullable Instant consentEndsAt(GrantRow row) {
        return null;
    }

    @Override
    public void revoke(GrantRow row, TokenSet tokens) {
        of(row).revoke(row, tokens);
    }
}
