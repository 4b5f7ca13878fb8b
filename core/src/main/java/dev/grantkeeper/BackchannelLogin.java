/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.internal.login.BackchannelAttempt;
import dev.grantkeeper.internal.login.BackchannelNotification;
import dev.grantkeeper.internal.protocol.Requested;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.time.Instant;
import java.util.HexFormat;
import java.util.LinkedHashSet;
import org.jspecify.annotations.Nullable;

/**
 * A backchannel login (OpenID Connect Client-Initiated Backchannel Authentication Core 1.0, CIBA): the application
 * names the user, and the authorization server asks that user on a device of its own choice, usually a phone. For call
 * centers, points of sale, and banks.
 *
 * <pre>{@code
 * BackchannelLogin login = bank.newLogin().loginHint("alice").bindingMessage("W4SCT").startBackchannel();
 * if (bank.awaitLogin(login) instanceof LoginResult.SignedIn in) {
 *     in.keepAs(userId);
 * }
 * }</pre>
 *
 * <p>With {@link LoginRequest#ping()} the server also posts a notification as soon as the user has decided, and
 * {@link Grantkeeper#acceptNotification} takes it. Keep the login under its {@link #notificationKey()} until then.
 *
 * <p>The holder of this object can collect the tokens. It is {@link java.io.Serializable}: another process may finish
 * it. Holds secrets; {@link #toString()} shows none. Immutable and thread-safe.
 */
public final class BackchannelLogin implements DecoupledLogin {
    private static final long serialVersionUID = 1L;
    private static final String PREFIX = "backchannel-";

    /** The registration that the login was started at. */
    private final String registration;

    /** CIBA Core section 7.3; a secret. */
    private final String authReqId;

    /** The token of the server's notification; a secret. */
    private final @Nullable String notificationToken;

    /** The time of its start. */
    private final Instant startedAt;

    /** Its expiry. */
    private final Instant expiresAt;

    /** The shortest time between two polls. */
    private final Duration interval;

    /** The longest time before its start at which the user may have authenticated. */
    private final @Nullable Duration maxAge;

    /** The requested scopes. */
    private final LinkedHashSet<String> scopes;

    /** RFC 9396. */
    private final @Nullable String authorizationDetails;

    /** RFC 8707, with blanks between them. */
    private final @Nullable String resources;

    /** The application's own data. */
    private final @Nullable String appState;

    BackchannelLogin(BackchannelAttempt attempt) {
        this.registration = attempt.registration();
        this.authReqId = attempt.authReqId();
        this.notificationToken = attempt.notificationToken();
        this.startedAt = attempt.startedAt();
        this.expiresAt = attempt.expiresAt();
        this.interval = attempt.interval();
        this.maxAge = attempt.maxAge();
        this.scopes = new LinkedHashSet<>(attempt.scopes());
        this.authorizationDetails = attempt.authorizationDetails();
        this.resources = attempt.resources().isEmpty() ? null : String.join(" ", attempt.resources());
        this.appState = attempt.appState();
    }

    BackchannelAttempt attempt() {
        return new BackchannelAttempt(
                registration,
                authReqId,
                notificationToken,
                startedAt,
                expiresAt,
                interval,
                maxAge,
                scopes,
                authorizationDetails,
                Requested.split(resources),
                appState);
    }

    /**
     * A name for this login, under which an application finds it when a notification arrives.
     *
     * @return letters, digits and hyphens; the login's {@code auth_req_id} cannot be derived from it
     */
    public String notificationKey() {
        return key(authReqId);
    }

    /**
     * Returns the notification key of the login that a notification is about.
     *
     * @param body the notification's body; anything that somebody may post
     * @return the key; a name that no login has if the body names no login
     */
    public static String notificationKeyOf(@Nullable String body) {
        String id = BackchannelNotification.read(null, body).authReqId();
        return id == null ? PREFIX + "none" : key(id);
    }

    private static String key(String authReqId) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(authReqId.getBytes(StandardCharsets.UTF_8));
            return PREFIX + HexFormat.of().formatHex(digest, 0, 16);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("Every Java platform has SHA-256", e);
        }
    }

    @Override
    public Instant expiresAt() {
        return expiresAt;
    }

    @Override
    public String toString() {
        return "BackchannelLogin[" + notificationKey() + ", until " + expiresAt + "]";
    }
}
