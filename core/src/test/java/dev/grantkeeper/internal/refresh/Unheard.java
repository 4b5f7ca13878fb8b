/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import dev.grantkeeper.internal.answer.Answer;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;

/** Nobody listens, but to what a test overrides. */
class Unheard implements RefreshEvents {
    @Override
    public void refreshed(AccountKey key, TokenSet tokens, Cause cause, Duration took) {}

    @Override
    public void consentEndsSoon(AccountKey key, Instant endsAt) {}

    @Override
    public void waited(AccountKey key, Duration took) {}

    @Override
    public void servedWhileStale(AccountKey key, TokenSet tokens) {}

    @Override
    public void failed(AccountKey key, Answer.Failure failure, Duration took) {}

    @Override
    public void refused(AccountKey key, String error, Duration took) {}

    @Override
    public void ranOut(AccountKey key, String login) {}

    @Override
    public void rejectedAgain(AccountKey key, TokenSet tokens) {}

    @Override
    public void writePending(AccountKey key, IOException cause) {}

    @Override
    public void storedAgain(AccountKey key) {}

    @Override
    public void writeCompleted(AccountKey key, Duration took) {}
}
