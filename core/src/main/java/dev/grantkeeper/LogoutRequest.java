/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.internal.server.Endpoints;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.token.TokenSet;
import java.net.URI;
import java.net.URISyntaxException;
import okhttp3.HttpUrl;
import org.jspecify.annotations.Nullable;

/**
 * Ends a user's session at the provider (OpenID Connect RP-Initiated Logout 1.0): configure it, then send the browser
 * to {@link #url()}. The grant is kept: {@link Account#signOut()} ends that.
 *
 * <pre>{@code
 * URI logout = acme.newLogout().account(account).returnTo("https://app.example/bye").url();
 * response.sendRedirect(logout.toString());
 * }</pre>
 *
 * <p>Not thread-safe; {@link Grantkeeper#newLogout()} makes one for each use.
 */
public final class LogoutRequest {
    private final Machinery registration;
    private @Nullable GrantRow row;
    private @Nullable String hint;
    private @Nullable String returnTo;
    private @Nullable String state;

    LogoutRequest(Machinery registration) {
        this.registration = registration;
    }

    /**
     * Sets the account whose session is to end: the provider is sent the ID token of its grant ({@code id_token_hint})
     * and need not ask the user. Call it before {@link Account#signOut()}, which removes that token. Default: none, the
     * provider asks.
     *
     * @param account the account; one without a grant adds nothing
     * @return this
     * @throws TokenStoreException if the store failed
     * @throws IllegalArgumentException if the account belongs to another {@link Grantkeeper}
     */
    public LogoutRequest account(Account account) throws TokenStoreException {
        if (!account.isOf(registration)) {
            throw new IllegalArgumentException(
                    "The account " + account.key() + " is not one of " + registration.name()
                            + ", whose provider would get the ID token of another one: use the Grantkeeper that the account came from");
        }
        this.row = account.row();
        return this;
    }

    /**
     * Sets the {@code logout_hint}, for providers that do not accept the ID token. Microsoft Entra ID expects the value
     * of the optional claim {@code login_hint}, and otherwise shows a list of accounts. Default: none.
     *
     * @param hint a value that the provider documents
     * @return this
     */
    public LogoutRequest logoutHint(String hint) {
        this.hint = hint;
        return this;
    }

    /**
     * Sets the URI that the provider sends the browser to afterwards. It has to be registered with the provider.
     * Default: none.
     *
     * @param uri an absolute URI without fragment
     * @return this
     * @throws IllegalArgumentException if it is not
     */
    public LogoutRequest returnTo(String uri) {
        try {
            URI checked = new URI(uri);
            if (checked.isAbsolute() && checked.getRawFragment() == null) {
                this.returnTo = uri;
                return this;
            }
        } catch (URISyntaxException e) {
            // reported below
        }
        throw new IllegalArgumentException("The URI to return to is absolute and has no fragment: " + uri);
    }

    /**
     * Sets the {@code state} that comes back with the browser. Default: none.
     *
     * @param state a text that reveals nothing to strangers
     * @return this
     */
    public LogoutRequest state(String state) {
        this.state = state;
        return this;
    }

    /**
     * The URL that ends the session (OpenID Connect RP-Initiated Logout 1.0 section 2). With {@link #account} it
     * contains the ID token and with it personal data: send the browser there, and log it nowhere.
     *
     * @return an absolute URL
     * @throws AuthorizationServerException if the provider's metadata is needed ({@link Discovery}) and cannot be
     *     fetched
     * @throws IllegalStateException if the provider has no end session endpoint
     */
    public URI url() throws AuthorizationServerException {
        Endpoints endpoints = registration.endpoints();
        Provider provider = endpoints.provider();
        URI endpoint = provider.endSessionEndpoint().orElse(null);
        if (endpoint == null) {
            throw Exceptions.of(endpoints.missing("end session endpoint", "endSessionEndpoint(…)"));
        }
        HttpUrl.Builder url =
                HttpUrl.get(endpoint.toString()).newBuilder().setQueryParameter("client_id", registration.clientId());
        TokenSet tokens = row == null ? null : row.tokens();
        if (row != null && tokens != null && registration.isFromThere(row, endpoints)) {
            tokens.idToken().ifPresent(idToken -> url.setQueryParameter("id_token_hint", idToken));
        }
        if (hint != null) {
            url.setQueryParameter("logout_hint", hint);
        }
        if (returnTo != null) {
            url.setQueryParameter("post_logout_redirect_uri", returnTo);
        }
        if (state != null) {
            url.setQueryParameter("state", state);
        }
        return URI.create(url.build().toString());
    }

    @Override
    public String toString() {
        return "LogoutRequest[" + registration.provider().name() + "]";
    }
}
