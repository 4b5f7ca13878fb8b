/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.internal.login.AuthorizationDetails;
import dev.grantkeeper.internal.wire.Claims;
import dev.grantkeeper.internal.wire.Wanted;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A login that is about to begin, with everything that can be said beforehand. {@code state}, PKCE ({@code S256}) and,
 * where {@code openid} is asked for, a nonce are always there; nothing turns them off. Not thread-safe: make one for
 * each attempt.
 */
public final class LoginRequest {
    private final Machinery registration;
    private Set<String> scopes;
    private final Map<String, String> parameters = new LinkedHashMap<>();
    private @Nullable String appState;
    private @Nullable String redirectUri;
    private @Nullable Duration maxAge;

    LoginRequest(Machinery registration) {
        this.registration = registration;
        this.scopes = registration.scopes();
        resources(registration.resources());
    }

    /**
     * Sets what to ask for. Default: the scopes of the {@link Grantkeeper.Builder}.
     *
     * @param scopes exactly what is sent
     * @return this request
     */
    public LoginRequest scopes(String... scopes) {
        return scopes(Arrays.asList(scopes));
    }

    /**
     * Sets the scopes to request. Default: the scopes of the {@link Grantkeeper.Builder}.
     *
     * @param scopes exactly what is sent
     * @return this request
     */
    public LoginRequest scopes(Collection<String> scopes) {
        this.scopes = Wanted.scopes(scopes);
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
     * Sets how long ago the user may have authenticated before this login begins (OpenID Connect Core section 3.1.2.1).
     * Default: any time. Where {@code openid} is asked for, the ID token then has to say when that was, and it is
     * checked; without it, and on another device, only the API can tell that asked for it (RFC 9470). Zero asks for a
     * password now.
     *
     * @param maxAge whole seconds, not negative
     * @return this request
     * @throws IllegalArgumentException if it is negative
     */
    public LoginRequest maxAge(Duration maxAge) {
        if (maxAge.isNegative()) {
            throw new IllegalArgumentException("maxAge is negative: " + maxAge);
        }
        this.maxAge = maxAge;
        return this;
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
     * Asks for what a call was missing: the scopes that an API wants, beside those that were granted and those of this
     * request (RFC 6750 section 3.1), {@code acr_values} and {@code max_age} (RFC 9470), or {@code claims}. Where the
     * grant has simply ended it changes nothing, so it can always be said. Default: nothing is answered.
     *
     * @param required what a call threw
     * @return this request
     */
    public LoginRequest inResponseTo(LoginRequiredException required) {
        Set<String> wanted = new LinkedHashSet<>(scopes);
        // Entra ID: it stands for all that was granted, and goes with no scope that has a name.
        if (wanted.stream().noneMatch(scope -> scope.endsWith("/.default"))) {
            required.granted().stream().filter(Wanted::isScope).forEach(wanted::add);
        }
        wanted.addAll(required.scopes());
        this.scopes = Wanted.scopes(wanted);
        required.loginParameters().forEach((name, value) -> {
            if (name.equals("max_age")) {
                maxAge(Duration.ofSeconds(Long.parseLong(value)));
            } else {
                parameter(name, name.equals("claims") ? Claims.merged(parameters.get(name), value) : value);
            }
        });
        return this;
    }

    /**
     * Sets what to ask for where scopes do not say enough (rich authorization requests, RFC 9396), for example one
     * payment. Default: nothing. What was granted is in {@link dev.grantkeeper.token.TokenSet#authorizationDetails()},
     * and {@link LoginResult.SignedIn#authorizationDetailsAsRequested()} tells whether it is the same.
     *
     * @param json a JSON array of objects, each with a {@code type}
     * @return this request
     * @throws IllegalArgumentException if it is not
     */
    public LoginRequest authorizationDetails(String json) {
        return set(Wanted.AUTHORIZATION_DETAILS, AuthorizationDetails.checked(json));
    }

    /**
     * Sets for which APIs the access token is (resource indicators, RFC 8707), also when it is refreshed. Default: the
     * resources of the {@link Grantkeeper.Builder}.
     *
     * @param resources absolute URIs as the server knows the APIs; none for what the server chooses
     * @return this request
     * @throws IllegalArgumentException if one is not an absolute URI, or the provider refuses the parameter
     */
    public LoginRequest resources(String... resources) {
        return resources(Arrays.asList(resources));
    }

    /**
     * Sets the resource indicators (RFC 8707): the APIs that the access token is for, also when it is refreshed.
     * Default: the resources of the {@link Grantkeeper.Builder}.
     *
     * @param resources absolute URIs as the server knows the APIs; none for what the server chooses
     * @return this request
     * @throws IllegalArgumentException if one is not an absolute URI, or the provider refuses the parameter
     */
    public LoginRequest resources(Collection<String> resources) {
        parameters.remove(Wanted.RESOURCE);
        return resources.isEmpty() ? this : set(Wanted.RESOURCE, String.join(" ", Wanted.resources(resources)));
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
        if (name.equals(Wanted.AUTHORIZATION_DETAILS)
                || (name.equals(Wanted.RESOURCE)
                        && !registration.provider().forbiddenParameters().containsKey(name))) {
            // Sent with the code as well, and again later: more than a parameter.
            throw new IllegalArgumentException("The parameter " + name + " has a method of its own here: say "
                    + (name.equals(Wanted.RESOURCE) ? "resources(…)" : "authorizationDetails(…)"));
        }
        return set(name, value);
    }

    private LoginRequest set(String name, String value) {
        String reason = registration.provider().forbiddenParameters().get(name);
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
    public LoginRequest appState(String text) {
        this.appState = text;
        return this;
    }

    /** The registered one with the port that a receiver on this machine has got (RFC 8252 section 7.3). */
    LoginRequest redirectUri(String withPort) {
        this.redirectUri = withPort;
        return this;
    }

    boolean isOf(Machinery other) {
        return registration == other;
    }

    /**
     * Begins. Where the request is pushed ({@link dev.grantkeeper.provider.LoginProtection#PUSHED_REQUEST}) that is a
     * call to the authorization server, and where the server has to be asked first what it is ({@link Discovery})
     * another one; otherwise it does no I/O.
     *
     * @return the login; send the browser to its {@link PendingLogin#url()}
     * @throws AuthorizationServerException if the server could not be asked, does not take the pushed request, or the
     *     signing key cannot sign. The request is then not sent through the browser instead
     */
    public PendingLogin start() throws AuthorizationServerException {
        return registration.start(scopes, parameters, appState, maxAge, redirectUri);
    }

    /**
     * Begins a login that the user finishes on another device (RFC 8628), where this one has no browser. Asks the
     * server for the codes.
     *
     * @return the login; show the user its {@link DeviceLogin#verificationUri()} and {@link DeviceLogin#userCode()},
     *     then wait with {@link Grantkeeper#awaitLogin(DeviceLogin)}
     * @throws AuthorizationServerException if the server gives no codes, or some that cannot be shown: only
     *     {@code https} pages are
     * @throws IllegalStateException if the provider has no device authorization endpoint
     */
    public DeviceLogin startOnDevice() throws AuthorizationServerException {
        Map<String, String> all = new LinkedHashMap<>(parameters);
        if (maxAge != null) {
            all.put("max_age", Long.toString(maxAge.toSeconds()));
        }
        return registration.startOnDevice(scopes, all, appState);
    }
}
