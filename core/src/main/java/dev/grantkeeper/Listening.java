/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.internal.refresh.RefreshEvents;
import dev.grantkeeper.internal.wire.Answer;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Logs what happens, and tells the application's listener, which may throw what it likes. Thread-safe. */
final class Listening implements RefreshEvents {
    private static final Logger LOG = LoggerFactory.getLogger(Grantkeeper.class);

    private final GrantListener listener;
    private final InstantSource clock;

    Listening(GrantListener listener, InstantSource clock) {
        this.listener = listener;
        this.clock = clock;
    }

    @Override
    public void refreshed(AccountKey key, TokenSet tokens, Duration took) {
        LOG.debug("Refreshed {} in {} ms", key, took.toMillis());
        tell(GrantListener.Kind.REFRESHED, key, took, tokens, null);
    }

    @Override
    public void waited(AccountKey key, Duration took) {
        LOG.debug("Waited {} ms while another node refreshed {}", took.toMillis(), key);
        tell(GrantListener.Kind.WAITED, key, took, null, null);
    }

    @Override
    public void servedWhileStale(AccountKey key, TokenSet tokens) {
        LOG.debug("Serving {} with tokens that could not be refreshed and are still valid", key);
        tell(GrantListener.Kind.SERVED_WHILE_STALE, key, Duration.ZERO, tokens, null);
    }

    @Override
    public void failed(AccountKey key, Answer.Failure failure) {
        String detail = failure.kind()
                + (failure.status() == 0 ? "" : " " + failure.status())
                + (failure.error() == null ? "" : " " + failure.error())
                + (failure.description() == null ? "" : ": " + failure.description());
        if (failure.kind() == Answer.Kind.MISCONFIGURED) {
            LOG.error("The authorization server does not accept this application. Nobody is signed out. {}", detail);
        } else {
            LOG.warn("The token request for {} failed: {}", key, detail);
        }
        tell(GrantListener.Kind.FAILED, key, Duration.ZERO, null, detail);
    }

    @Override
    public void refused(AccountKey key, String error) {
        LOG.info("The authorization server ended the grant of {}: {}", key, error);
        tell(GrantListener.Kind.REFUSED, key, Duration.ZERO, null, error);
    }

    @Override
    public void writePending(AccountKey key, IOException cause) {
        LOG.warn(
                "New tokens of {} could not be stored. They are kept in memory, and storing them is tried again: {}",
                key,
                cause.getMessage());
        tell(GrantListener.Kind.WRITE_PENDING, key, Duration.ZERO, null, cause.getMessage());
    }

    @Override
    public void writeLanded(AccountKey key) {
        LOG.info("The tokens of {} are stored now", key);
        tell(GrantListener.Kind.WRITE_LANDED, key, Duration.ZERO, null, null);
    }

    void signedIn(AccountKey key, TokenSet tokens) {
        LOG.debug("{} signed in", key);
        tell(GrantListener.Kind.SIGNED_IN, key, Duration.ZERO, tokens, null);
    }

    void signedOut(AccountKey key) {
        LOG.debug("{} signed out", key);
        tell(GrantListener.Kind.SIGNED_OUT, key, Duration.ZERO, null, null);
    }

    private void tell(
            GrantListener.Kind kind,
            AccountKey key,
            Duration took,
            @Nullable TokenSet tokens,
            @Nullable String detail) {
        Instant expires = tokens == null ? null : tokens.expiresAt().orElse(null);
        try {
            listener.on(new GrantListener.Event(kind, key, clock.instant(), took, expires, detail));
        } catch (RuntimeException e) {
            LOG.warn("A GrantListener threw", e);
        }
    }
}
