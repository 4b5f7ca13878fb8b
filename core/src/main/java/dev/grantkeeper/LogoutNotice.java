/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The provider's notice that a user's session there has ended: verified by {@link Grantkeeper#verifyLogoutToken}
 * (OpenID Connect Back-Channel Logout 1.0), or brought by a browser, unsigned, to
 * {@link Grantkeeper#readFrontChannelLogout}. It names a user, a session, or both; if it names no session, all of the
 * user's sessions have ended. Immutable and thread-safe.
 */
public final class LogoutNotice {
    private final String issuer;
    private final @Nullable String subject;
    private final @Nullable String sessionId;
    private final boolean repeated;

    LogoutNotice(String issuer, @Nullable String subject, @Nullable String sessionId, boolean repeated) {
        this.issuer = issuer;
        this.subject = subject;
        this.sessionId = sessionId;
        this.repeated = repeated;
    }

    /**
     * The issuer of the notice.
     *
     * @return the provider's issuer identifier; that of the provider's description for a request of Entra ID that names
     *     none
     */
    public String issuer() {
        return issuer;
    }

    /**
     * The user: the {@code sub} of the ID tokens.
     *
     * @return the subject; empty if the notice names a session only
     */
    public Optional<String> subject() {
        return Optional.ofNullable(subject);
    }

    /**
     * The user as {@link dev.grantkeeper.token.Identity#id()} names one.
     *
     * @return issuer and subject; empty if the notice names a session only
     */
    public Optional<String> id() {
        return subject().map(user -> issuer + " " + user);
    }

    /**
     * The session: the {@code sid} among the {@linkplain dev.grantkeeper.token.Identity#claims() claims} of a login.
     *
     * @return the session id; empty if all of the user's sessions have ended
     */
    public Optional<String> sessionId() {
        return Optional.ofNullable(sessionId);
    }

    /**
     * Whether this process has verified the same notice ({@code jti}) within the last hour: a provider repeats a notice
     * that was not answered, and somebody may have recorded one. If the first was handled, there is nothing left to do.
     * Always {@code false} for a notice that a browser brought.
     *
     * @return whether it is a repetition
     */
    public boolean repeated() {
        return repeated;
    }

    @Override
    public String toString() {
        return "LogoutNotice[issuer=" + issuer + "]";
    }
}
