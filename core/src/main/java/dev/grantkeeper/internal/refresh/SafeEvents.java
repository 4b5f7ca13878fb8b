/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import dev.grantkeeper.internal.answer.Answer;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;

/**
 * Reports that cannot fail. A refresh reports while it has new tokens in hand, and must not lose them because a
 * listener or a log threw an error. Thread-safe if the receiver is.
 */
record SafeEvents(RefreshEvents receiver) implements RefreshEvents {
    static RefreshEvents of(RefreshEvents receiver) {
        return receiver instanceof SafeEvents ? receiver : new SafeEvents(receiver);
    }

    private static void report(Runnable report) {
        try {
            report.run();
        } catch (Throwable e) {
            // The receiver logs what listeners throw. What the log throws has nowhere to go.
        }
    }

    @Override
    public void refreshed(AccountKey key, TokenSet tokens, Cause cause, Duration took) {
        report(() -> receiver.refreshed(key, tokens, cause, took));
    }

    @Override
    public void consentEndsSoon(AccountKey key, Instant endsAt) {
        report(() -> receiver.consentEndsSoon(key, endsAt));
    }

    @Override
    public void waited(AccountKey key, Duration took) {
        report(() -> receiver.waited(key, took));
    }

    @Override
    public void servedWhileStale(AccountKey key, TokenSet tokens) {
        report(() -> receiver.servedWhileStale(key, tokens));
    }

    @Override
    public void failed(AccountKey key, Answer.Failure failure, Duration took) {
        report(() -> receiver.failed(key, failure, took));
    }

    @Override
    public void refused(AccountKey key, String error, Duration took) {
        report(() -> receiver.refused(key, error, took));
    }

    @Override
    public void ranOut(AccountKey key, String login) {
        report(() -> receiver.ranOut(key, login));
    }

    @Override
    public void rejectedAgain(AccountKey key, TokenSet tokens) {
        report(() -> receiver.rejectedAgain(key, tokens));
    }

    @Override
    public void writePending(AccountKey key, IOException cause) {
        report(() -> receiver.writePending(key, cause));
    }

    @Override
    public void storedAgain(AccountKey key) {
        report(() -> receiver.storedAgain(key));
    }

    @Override
    public void writeCompleted(AccountKey key, Duration took) {
        report(() -> receiver.writeCompleted(key, took));
    }
}
