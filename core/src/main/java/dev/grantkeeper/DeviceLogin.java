/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.internal.login.DeviceAttempt;
import dev.grantkeeper.internal.wire.Wanted;
import java.io.Serializable;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashSet;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A login that the user finishes on another device (RFC 8628): for terminals, televisions, and everything without a
 * browser.
 *
 * <pre>{@code
 * DeviceLogin login = service.newLogin().startOnDevice();
 * System.out.println("Open " + login.verificationUri() + " and type in " + login.userCode());
 * if (service.awaitLogin(login) instanceof LoginResult.SignedIn in) {
 *     in.keepAs(userId);
 * }
 * }</pre>
 *
 * <p>Show the code to who began the login and to nobody else: whoever types it in signs in <em>your</em> user (RFC 8628
 * section 5.4). Whoever holds this object can collect the tokens. It is {@link Serializable}, for a session: another
 * process may finish what this one began. Holds a secret; {@link #toString()} does not show it, nor the code. Immutable
 * and thread-safe.
 */
public final class DeviceLogin implements Serializable {
    private static final long serialVersionUID = 1L;

    /** Where the login began. */
    private final String registration;

    /** RFC 8628 section 3.2; a secret. */
    private final String deviceCode;

    /** What the user types in. */
    private final String userCode;

    /** Where the user types it in. */
    private final URI verificationUri;

    /** The same with the code in it. */
    private final @Nullable URI verificationUriComplete;

    /** When both codes end. */
    private final Instant expiresAt;

    /** Between two questions, at least. */
    private final Duration interval;

    /** What was asked for. */
    private final LinkedHashSet<String> scopes;

    /** RFC 9396. */
    private final @Nullable String authorizationDetails;

    /** RFC 8707, with blanks between them. */
    private final @Nullable String resources;

    /** The application's own data. */
    private final @Nullable String appState;

    DeviceLogin(DeviceAttempt attempt) {
        this.registration = attempt.registration();
        this.deviceCode = attempt.deviceCode();
        this.userCode = attempt.userCode();
        this.verificationUri = attempt.verificationUri();
        this.verificationUriComplete = attempt.verificationUriComplete();
        this.expiresAt = attempt.expiresAt();
        this.interval = attempt.interval();
        this.scopes = new LinkedHashSet<>(attempt.scopes());
        this.authorizationDetails = attempt.authorizationDetails();
        this.resources = attempt.resources().isEmpty() ? null : String.join(" ", attempt.resources());
        this.appState = attempt.appState();
    }

    DeviceAttempt attempt() {
        return new DeviceAttempt(
                registration,
                deviceCode,
                userCode,
                verificationUri,
                verificationUriComplete,
                expiresAt,
                interval,
                scopes,
                authorizationDetails,
                Wanted.split(resources),
                appState);
    }

    /**
     * What the user types in.
     *
     * @return printable ASCII, as the server wrote it
     */
    public String userCode() {
        return userCode;
    }

    /**
     * Where the user types it in.
     *
     * @return an {@code https} URL; it fits on a screen
     */
    public URI verificationUri() {
        return verificationUri;
    }

    /**
     * The same with the code in it, for a QR code. Show {@link #userCode()} beside it all the same, so that the user
     * can compare.
     *
     * @return an {@code https} URL; empty if the server gave none
     */
    public Optional<URI> verificationUriComplete() {
        return Optional.ofNullable(verificationUriComplete);
    }

    /**
     * Until when the user can finish.
     *
     * @return the time
     */
    public Instant expiresAt() {
        return expiresAt;
    }

    @Override
    public String toString() {
        return "DeviceLogin[" + verificationUri + ", until " + expiresAt + "]";
    }
}
