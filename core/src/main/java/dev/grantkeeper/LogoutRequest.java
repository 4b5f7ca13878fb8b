/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.internal.server.RefreshTokenRenewal;
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
     * Says whose session is to end: the provider gets the ID token that the account's grant came with, and need not ask
     * the user ({@code id_token_hint}). Call it before {@link Account#signOut()}, which forgets that token. Default:
     * the provider asks.
     *
     * @param account the account; one without grant says nothing
     * @return this
     * @throws TokenStoreException if the store failed
     * @throws IllegalArgumentException if it is an account of another {@link Grantkeeper}
     */
    public LogoutRequest account(Account account) throws TokenStoreException {
        if (!account.isOf(registration)) {
            throw new IllegalArgumentException("The account " + account.key() + " is not one of " + registration.name()
                    + ", whose provider would get another one's ID token: ask the Grantkeeper that it came from");
        }
        this.row = account.row();
        return this;
    }

    /**
     * Says whose session is to end in the provider's own words, where it does not want the ID token
     * ({@code logout_hint}). Microsoft Entra ID takes the value of the optional claim {@code login_hint}, and otherwise
     * shows a list of accounts. Default: nothing.
     *
     * @param hint what the provider documents
     * @return this
     */
    public LogoutRequest logoutHint(String hint) {
        this.hint = hint;
        return this;
    }

    /**
     * Sets where the provider sends the browser afterwards. It has to be registered there. Default: nowhere.
     *
     * @param uri an absolute URI without fragment
     * @return this
     * @throws IllegalArgumentException if it is none
     */
    public LogoutRequest returnTo(String uri) {
        try {
            URI checked = new URI(uri);
            if (checked.isAbsolute() && checked.getRawFragment() == null) {
                this.returnTo = uri;
                return this;
            }
        } catch (URISyntaxException e) {
            // said below
        }
        throw new IllegalArgumentException("The URI to return to is absolute and has no fragment: " + uri);
    }

    /**
     * Sets what comes back with the browser. Default: nothing.
     *
     * @param state a text that tells a stranger nothing
     * @return this
     */
    public LogoutRequest state(String state) {
        this.state = state;
        return this;
    }

    /**
     * Where to send the browser (OpenID Connect RP-Initiated Logout 1.0 section 2). With {@link #account} it holds the
     * ID token, and with that personal data: send the browser there, and write it into no log.
     *
     * @return an absolute URL
     * @throws AuthorizationServerException if the provider had to be asked first what it is ({@link Discovery}), and
     *     did not say
     * @throws IllegalStateException if the provider has no such endpoint
     */
    public URI url() throws AuthorizationServerException {
        Provider provider = registration.endpoints().provider();
        URI endpoint = provider.endSessionEndpoint()
                .orElseThrow(
                        () -> new IllegalStateException(
                                provider.name()
                                        + " is not known to have an end session endpoint: say endSessionEndpoint(…) when describing it"));
        HttpUrl.Builder url =
                HttpUrl.get(endpoint.toString()).newBuilder().setQueryParameter("client_id", registration.clientId());
        TokenSet tokens = row == null ? null : row.tokens();
        if (row != null && tokens != null && RefreshTokenRenewal.elsewhere(row, provider) == null) {
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
