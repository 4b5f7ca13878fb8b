/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.internal.answer.Answer;
import dev.grantkeeper.internal.log.Log;
import dev.grantkeeper.internal.refresh.RefreshEvents;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;

/** Reports to the log what happens to the application's registrations. They are nobody's grants. Thread-safe. */
final class RegistrationReporter implements RefreshEvents {
    @Override
    public void refreshed(AccountKey key, TokenSet tokens, Cause cause, Duration took) {
        Log.debug("Metadata of {} and the client there are stored", key.account());
    }

    @Override
    public void consentEndsSoon(AccountKey key, Instant endsAt) {
        // nobody consents to a registration
    }

    @Override
    public void waited(AccountKey key, Duration took) {
        Log.debug("Another node has registered at {}", key.account());
    }

    @Override
    public void servedWhileStale(AccountKey key, TokenSet tokens) {
        Log.debug("What is known of {} has to do for now", key.account());
    }

    @Override
    public void failed(AccountKey key, Answer.Failure failure, Duration took) {
        Log.warn("Nothing can be sent to {} for now: {}", key.account(), String.valueOf(failure.description()));
    }

    @Override
    public void refused(AccountKey key, String error, Duration took) {
        Log.warn("{} refuses to register the application: {}", key.account(), error);
    }

    @Override
    public void ranOut(AccountKey key, String login) {
        // a registration can always be made again
    }

    @Override
    public void rejectedAgain(AccountKey key, TokenSet tokens) {
        Log.warn("{} rejects a client that it has just registered", key.account());
    }

    @Override
    public void writePending(AccountKey key, IOException cause) {
        Log.warn("The client at {} is not used before the store has it", key.account());
    }

    @Override
    public void storedAgain(AccountKey key) {
        Log.warn("The store had lost the client at {}; it was written again", key.account());
    }

    @Override
    public void writeCompleted(AccountKey key, Duration took) {
        Log.info("The store has the client at {}", key.account());
    }
}
