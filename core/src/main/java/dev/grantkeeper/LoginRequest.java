/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.internal.answer.Claims;
import dev.grantkeeper.internal.login.AuthorizationDetails;
import dev.grantkeeper.internal.protocol.Requested;
import dev.grantkeeper.internal.provider.Facts;
import dev.grantkeeper.internal.provider.ParameterName;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A login to be started, with its options. {@code state}, PKCE ({@code S256}) and, with the scope {@code openid}, a
 * nonce are always sent; nothing turns them off. Not thread-safe: make one for each attempt.
 */
public final class LoginRequest {
    private final LoginStarter registration;
    private @Nullable Set<String> scopes;
    private final Map<String, String> parameters = new LinkedHashMap<>();
    /** Parameters that only a backchannel login has; a browser must not carry some of them. */
    private final Map<String, String> backchannel = new LinkedHashMap<>();

    private boolean ping;
    private @Nullable String appState;
    private @Nullable String redirectUri;
    private @Nullable Duration maxAge;

    LoginRequest(LoginStarter registration) {
        this.registration = registration;
        this.scopes = registration.scopes();
        resources(registration.resources());
    }

    /**
     * Sets the scopes to request. Default: the scopes of the {@link Grantkeeper.Builder}.
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
        this.scopes = Requested.scopes(scopes);
        return this;
    }

    /**
     * Sets the {@code prompt} parameter (OpenID Connect Core section 3.1.2.1). Default: none, the server decides.
     *
     * @param prompt for example {@code login}, {@code consent}, {@code select_account}
     * @return this request
     */
    public LoginRequest prompt(String prompt) {
        return parameter("prompt", prompt);
    }

    /**
     * Sets the {@code login_hint} parameter: the user who is expected to sign in. Default: none.
     *
     * @param loginHint for example an e-mail address
     * @return this request
     */
    public LoginRequest loginHint(String loginHint) {
        return parameter("login_hint", loginHint);
    }

    /**
     * Sets the {@code id_token_hint} parameter: an ID token that was issued for the user who is expected to sign in.
     * Default: none.
     *
     * @param idToken {@link dev.grantkeeper.token.TokenSet#idToken()} of an earlier login
     * @return this request
     */
    public LoginRequest idTokenHint(String idToken) {
        return parameter("id_token_hint", idToken);
    }

    /**
     * Sets the {@code login_hint_token} of a backchannel login: a token that names the user (CIBA Core section 7.1).
     * Default: none.
     *
     * @param loginHintToken the token, in a form that application and server have agreed on
     * @return this request
     */
    public LoginRequest loginHintToken(String loginHintToken) {
        return onlyBackchannel("login_hint_token", loginHintToken);
    }

    /**
     * Sets the {@code binding_message} of a backchannel login: a text that the user sees both here and on the device
     * that asks for consent, so that nobody consents to another request (CIBA Core section 7.1). Default: none.
     *
     * @param bindingMessage short, plain text
     * @return this request
     */
    public LoginRequest bindingMessage(String bindingMessage) {
        return onlyBackchannel("binding_message", bindingMessage);
    }

    /**
     * Sets the {@code user_code} of a backchannel login: a secret that only user and server know, without which nobody
     * can make the server disturb the user (CIBA Core section 7.1). Default: none. The provider has to accept it:
     * {@link dev.grantkeeper.provider.Provider.Builder#backchannelUserCodeParameter}.
     *
     * @param userCode the code, as the user typed it in
     * @return this request
     */
    public LoginRequest userCode(String userCode) {
        return onlyBackchannel("user_code", userCode);
    }

    /**
     * Sets the {@code requested_expiry} of a backchannel login: the time that the user should have to decide. Default:
     * none, the server decides. {@link BackchannelLogin#expiresAt()} returns what the server grants.
     *
     * @param requestedExpiry whole seconds, at least one
     * @return this request
     * @throws IllegalArgumentException if it is less
     */
    public LoginRequest requestedExpiry(Duration requestedExpiry) {
        if (requestedExpiry.toSeconds() < 1) {
            throw new IllegalArgumentException("requestedExpiry is less than a second: " + requestedExpiry);
        }
        return onlyBackchannel("requested_expiry", Long.toString(requestedExpiry.toSeconds()));
    }

    /**
     * Has the server post a notification when the user has decided about a backchannel login (ping mode, CIBA Core
     * section 10.2): {@link Grantkeeper#acceptNotification} takes it. Default: none, the server is polled. For clients
     * that are registered with {@code backchannel_token_delivery_mode=ping} and a notification endpoint.
     *
     * @return this request
     */
    public LoginRequest ping() {
        ping = true;
        return this;
    }

    private LoginRequest onlyBackchannel(String name, String value) {
        backchannel.put(name, value);
        return this;
    }

    private void checkNotBackchannel() {
        if (ping || !backchannel.isEmpty()) {
            throw new IllegalStateException(
                    (ping ? "ping()" : backchannel.keySet().iterator().next())
                            + " is for backchannel logins: call startBackchannel()");
        }
    }

    /**
     * Sets how long ago the user may have authenticated (OpenID Connect Core section 3.1.2.1). Default: any time. With
     * the scope {@code openid} the ID token has to contain that time, and it is checked. Without it, and in a device
     * login, only the API that demanded it can check (RFC 9470). Zero demands an authentication now.
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
     * Requests what a failed call was missing: the scopes that an API demanded, besides those that were granted and
     * those of this request (RFC 6750 section 3.1), {@code acr_values} and {@code max_age} (RFC 9470), or
     * {@code claims}. Where the grant has simply ended it changes nothing, so it can always be called. Default:
     * nothing.
     *
     * @param required the exception that a call threw
     * @return this request
     */
    public LoginRequest inResponseTo(LoginRequiredException required) {
        Set<String> wanted = scopes == null ? new LinkedHashSet<>() : new LinkedHashSet<>(scopes);
        // Entra ID: it stands for all that was granted, and goes with no scope that has a name.
        if (wanted.stream().noneMatch(scope -> scope.endsWith("/.default"))) {
            required.granted().stream().filter(Requested::isScope).forEach(wanted::add);
        }
        wanted.addAll(required.scopes());
        this.scopes = scopes == null && wanted.isEmpty() ? null : Requested.scopes(wanted);
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
     * Sets the authorization details (rich authorization requests, RFC 9396), for example one payment. Default: none.
     * The granted details are in {@link dev.grantkeeper.token.TokenSet#authorizationDetails()}, and
     * {@link LoginResult.SignedIn#authorizationDetailsAsRequested()} compares the two.
     *
     * @param json a JSON array of objects, each with a {@code type}
     * @return this request
     * @throws IllegalArgumentException if it is not
     */
    public LoginRequest authorizationDetails(String json) {
        return set(Requested.AUTHORIZATION_DETAILS, AuthorizationDetails.checked(json));
    }

    /**
     * Sets the resource indicators (RFC 8707): the APIs that the access token is for, also when it is refreshed.
     * Default: the resources of the {@link Grantkeeper.Builder}.
     *
     * @param resources absolute URIs as the server knows the APIs; none for what the server chooses
     * @return this request
     * @throws IllegalArgumentException if one is not an absolute URI, or the provider rejects the parameter
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
     * @throws IllegalArgumentException if one is not an absolute URI, or the provider rejects the parameter
     */
    public LoginRequest resources(Collection<String> resources) {
        parameters.remove(Requested.RESOURCE);
        return resources.isEmpty() ? this : set(Requested.RESOURCE, String.join(" ", Requested.resources(resources)));
    }

    /**
     * Adds a parameter that this library does not know, for example Spotify's {@code show_dialog}.
     *
     * @param name the parameter
     * @param value its value
     * @return this request
     * @throws IllegalArgumentException if the library itself decides about this parameter, however it is spelled, or
     *     the provider rejects it, or this is not the name of a parameter
     */
    public LoginRequest parameter(String name, String value) {
        boolean resource = ParameterName.isSame(ParameterName.checked(name), Requested.RESOURCE);
        if ((resource && whyForbidden(name) == null) || ParameterName.isSame(name, Requested.AUTHORIZATION_DETAILS)) {
            // Sent with the code as well, and again later: more than a parameter.
            throw new IllegalArgumentException("The parameter " + name + " has a method of its own here: call "
                    + (resource ? "resources(…)" : "authorizationDetails(…)"));
        }
        return set(name, value);
    }

    /** Whether the provider accepts a parameter. */
    boolean mayBeSent(String name) {
        return whyForbidden(name) == null;
    }

    private @Nullable String whyForbidden(String name) {
        return ParameterName.find(name, Facts.of(registration.provider()).forbiddenParameters);
    }

    private LoginRequest set(String name, String value) {
        String reason = whyForbidden(name);
        if (reason != null) {
            throw new IllegalArgumentException("The parameter " + name + " cannot be sent: " + reason);
        }
        parameters.put(name, value);
        return this;
    }

    /**
     * Sets the application's own data for this attempt, for example the page to return to or the socket that waits. It
     * is kept in the {@link PendingLogin}, never in the browser's address bar, and returned with the result. Default:
     * none.
     *
     * @param text the application's own data, at most 2,000 bytes, so that the login fits into a cookie
     * @return this request
     * @throws IllegalArgumentException if it is longer
     */
    public LoginRequest appState(String text) {
        int bytes = PendingLogin.bytes(text);
        if (bytes > PendingLogin.MAX_APP_STATE) {
            throw new IllegalArgumentException("appState has " + bytes + " bytes, and may have "
                    + PendingLogin.MAX_APP_STATE + ", so that a sealed login fits into a cookie. Keep the data in a"
                    + " place of your own, and pass its key");
        }
        this.appState = text;
        return this;
    }

    /** Sets the registered redirect URI with the port of a receiver on this machine (RFC 8252 section 7.3). */
    LoginRequest redirectUri(String withPort) {
        this.redirectUri = withPort;
        return this;
    }

    boolean isOf(Machinery other) {
        return registration == other;
    }

    boolean isOf(ApiContext other) {
        return registration instanceof ApiRegistration api && api.isOf(other);
    }

    /**
     * Starts the login. A pushed request ({@link dev.grantkeeper.provider.LoginProtection#PUSHED_REQUEST}) is a call to
     * the authorization server, and so is fetching metadata that are not known yet ({@link Discovery}); otherwise it
     * does no I/O.
     *
     * @return the login; send the browser to its {@link PendingLogin#url()}
     * @throws AuthorizationServerException if the server is unreachable or rejects the pushed request, or the signing
     *     key cannot sign. The request is then not sent through the browser instead
     * @throws IllegalStateException if the builder has no redirect URI, or an option is for backchannel logins only
     */
    public PendingLogin start() throws AuthorizationServerException {
        checkNotBackchannel();
        return registration.start(scopes, parameters, appState, maxAge, redirectUri);
    }

    /**
     * Starts a device login (RFC 8628), for programs without a browser: the user finishes it in a browser elsewhere.
     * Requests the codes from the server.
     *
     * @return the login; show the user its {@link DeviceLogin#verificationUri()} and {@link DeviceLogin#userCode()},
     *     then wait with {@link Grantkeeper#awaitLogin}
     * @throws AuthorizationServerException if the server issues no codes, or a verification page that is not
     *     {@code https}
     * @throws IllegalStateException if the provider has no device authorization endpoint, or an option is for
     *     backchannel logins only
     */
    public DeviceLogin startOnDevice() throws AuthorizationServerException {
        checkNotBackchannel();
        Map<String, String> all = new LinkedHashMap<>(parameters);
        if (maxAge != null) {
            all.put("max_age", Long.toString(maxAge.toSeconds()));
        }
        return registration.startOnDevice(scopes, all, appState);
    }

    /**
     * Starts a backchannel login (OpenID Connect CIBA Core 1.0): the server asks the user on another device. The
     * request needs the scope {@code openid}, and exactly one of {@link #loginHint}, {@link #loginHintToken} and
     * {@link #idTokenHint}. It is signed with {@link dev.grantkeeper.provider.LoginProtection#SIGNED_REQUEST}, as
     * FAPI-CIBA requires.
     *
     * @return the login; wait with {@link Grantkeeper#awaitLogin}
     * @throws AuthorizationServerException if the server does not start the login:
     *     {@link AuthorizationServerException.Kind#REFUSED} if it does not know the user, or does not accept the user
     *     code or the binding message; {@link AuthorizationServerException#error()} tells them apart
     * @throws IllegalStateException if the scope or the hint is missing, there are several hints, the provider has no
     *     backchannel authentication endpoint or is known to support something else, or there is no key to sign with.
     *     Nothing was sent then
     */
    public BackchannelLogin startBackchannel() throws AuthorizationServerException {
        Map<String, String> all = new LinkedHashMap<>(parameters);
        all.putAll(backchannel);
        return registration.startBackchannel(scopes, all, appState, maxAge, ping);
    }
}
