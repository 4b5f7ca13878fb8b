/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.internal.wire.Wanted;
import java.io.Serializable;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashSet;
import java.util.Optional;
import java.util.Set;
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

    DeviceLogin(
            String registration,
            String deviceCode,
            String userCode,
            URI verificationUri,
            @Nullable URI verificationUriComplete,
            Instant expiresAt,
            Duration interval,
            Set<String> scopes,
            @Nullable String authorizationDetails,
            @Nullable String resources,
            @Nullable String appState) {
        this.registration = registration;
        this.deviceCode = deviceCode;
        this.userCode = userCode;
        this.verificationUri = verificationUri;
        this.verificationUriComplete = verificationUriComplete;
        this.expiresAt = expiresAt;
        this.interval = interval;
        this.scopes = new LinkedHashSet<>(scopes);
        this.authorizationDetails = authorizationDetails;
        this.resources = resources;
        this.appState = appState;
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

    String registration() {
        return registration;
    }

    String deviceCode() {
        return deviceCode;
    }

    Duration interval() {
        return interval;
    }

    Set<String> scopes() {
        return scopes;
    }

    @Nullable
    String authorizationDetails() {
        return authorizationDetails;
    }

    Set<String> resources() {
        return Wanted.split(resources);
    }

    @Nullable
    String appState() {
        return appState;
    }

    @Override
    public String toString() {
        return "DeviceLogin[" + verificationUri + ", until " + expiresAt + "]";
    }
}
