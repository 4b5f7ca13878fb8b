/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.internal.login.DeviceAttempt;
import dev.grantkeeper.internal.protocol.Requested;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashSet;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A device login (RFC 8628): the user finishes it in a browser elsewhere. For terminals, televisions, and everything
 * without a browser.
 *
 * <pre>{@code
 * DeviceLogin login = service.newLogin().startOnDevice();
 * System.out.println("Open " + login.verificationUri() + " and type in " + login.userCode());
 * if (service.awaitLogin(login) instanceof LoginResult.SignedIn in) {
 *     in.keepAs(userId);
 * }
 * }</pre>
 *
 * <p>Show the code only to the user who started the login: anyone who types it in signs in <em>that</em> user (RFC 8628
 * section 5.4). The holder of this object can collect the tokens. It is {@link java.io.Serializable}, for a session:
 * another process may finish it. Holds a secret; {@link #toString()} shows neither that nor the code. Immutable and
 * thread-safe.
 */
public final class DeviceLogin implements DecoupledLogin {
    private static final long serialVersionUID = 1L;

    /** The registration that the login was started at. */
    private final String registration;

    /** RFC 8628 section 3.2; a secret. */
    private final String deviceCode;

    /** The code that the user types in. */
    private final String userCode;

    /** The page where the user types it in. */
    private final URI verificationUri;

    /** The same with the code in it. */
    private final @Nullable URI verificationUriComplete;

    /** The expiry of both codes. */
    private final Instant expiresAt;

    /** The shortest time between two polls. */
    private final Duration interval;

    /** The requested scopes. */
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
                Requested.split(resources),
                appState);
    }

    /**
     * The code that the user types in.
     *
     * @return printable ASCII, as the server wrote it
     */
    public String userCode() {
        return userCode;
    }

    /**
     * The page where the user types in the code.
     *
     * @return an {@code https} URL, short enough to be shown
     */
    public URI verificationUri() {
        return verificationUri;
    }

    /**
     * The same page with the code in its URL, for a QR code. Show {@link #userCode()} beside it, so that the user can
     * compare.
     *
     * @return an {@code https} URL; empty if the server sent none
     */
    public Optional<URI> verificationUriComplete() {
        return Optional.ofNullable(verificationUriComplete);
    }

    @Override
    public Instant expiresAt() {
        return expiresAt;
    }

    @Override
    public String toString() {
        return "DeviceLogin[" + verificationUri + ", until " + expiresAt + "]";
    }
}
