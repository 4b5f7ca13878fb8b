/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A login that is about to begin, with everything that can be said beforehand. {@code state}, PKCE ({@code S256}) and, where
 * {@code openid} is asked for, a nonce are always there; nothing turns them off. Not thread-safe: make one for each attempt.
 */
public final class LoginRequest {
    private final Grantkeeper grantkeeper;
    private Set<String> scopes;
    private final Map<String, String> parameters = new LinkedHashMap<>();
    private @Nullable String carried;

    LoginRequest(Grantkeeper grantkeeper, Set<String> scopes) {
        this.grantkeeper = grantkeeper;
        this.scopes = scopes;
    }

    /**
     * Sets what to ask for. Default: the scopes of the {@link Grantkeeper.Builder}.
     *
     * @param scopes exactly what is sent
     * @return this request
     */
    public LoginRequest scopes(String... scopes) {
        this.scopes = Grantkeeper.Builder.checkScopes(new LinkedHashSet<>(Arrays.asList(scopes)));
        return this;
    }

    /**
     * Sets what the server should ask of the user (OpenID Connect Core section 3.1.2.1). Default: the server decides.
     *
     * @param prompt for example {@code login}, {@code consent}, {@code select_account}
     * @return this request
     */
    public LoginRequest prompt(String prompt) {
        return parameter("prompt", prompt);
    }

    /**
     * Sets who is expected to sign in. Default: nobody in particular.
     *
     * @param loginHint for example an e-mail address
     * @return this request
     */
    public LoginRequest loginHint(String loginHint) {
        return parameter("login_hint", loginHint);
    }

    /**
     * Sets the {@code claims} parameter (OpenID Connect Core section 5.5). Default: none.
     *
     * @param json a JSON object
     * @return this request
     */
    public LoginRequest claims(String json) {
        return parameter("claims", json);
    }

    /**
     * Adds a parameter that this library does not know, for example Spotify's {@code show_dialog}.
     *
     * @param name the parameter
     * @param value its value
     * @return this request
     * @throws IllegalArgumentException if the library itself decides about this parameter, or the provider refuses it
     */
    public LoginRequest parameter(String name, String value) {
        String reason = grantkeeper.provider().forbiddenParameters().get(name);
        if (reason != null) {
            throw new IllegalArgumentException("The parameter " + name + " cannot be sent: " + reason);
        }
        parameters.put(name, value);
        return this;
    }

    /**
     * Gives the attempt something to carry: where to return to, which socket waits. It travels with the
     * {@link PendingLogin}, never through the browser's address bar, and comes back with the result.
     *
     * @param text the application's own data
     * @return this request
     */
    public LoginRequest carry(String text) {
        this.carried = text;
        return this;
    }

    /**
     * Begins.
     *
     * @return the login; send the browser to its {@link PendingLogin#url()}
     */
    public PendingLogin start() {
        return grantkeeper.start(scopes, parameters, carried);
    }

    /**
     * Begins a login that the user finishes on another device (RFC 8628), where this one has no browser. Asks the server for the
     * codes.
     *
     * @return the login; show the user its {@link DeviceLogin#verificationUri()} and {@link DeviceLogin#userCode()}, then wait with
     *     {@link Grantkeeper#finishLogin(DeviceLogin)}
     * @throws TokenRequestException if the server gives no codes, or some that cannot be shown: only {@code https} pages are
     * @throws IllegalStateException if the provider has no device authorization endpoint
     */
    public DeviceLogin startOnDevice() throws TokenRequestException {
        return grantkeeper.startOnDevice(scopes, parameters, carried);
    }
}
