/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.internal.openid.IdentityException;
import dev.grantkeeper.internal.openid.LogoutTokens;
import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.token.TokenSet;
import java.net.URI;
import java.net.URISyntaxException;
import java.util.Optional;
import okhttp3.HttpUrl;
import org.jspecify.annotations.Nullable;

/**
 * The end of a user's session at the provider, in both directions. The grant is another matter:
 * {@link Account#signOut()} ends that, and an application that only lets its user go home keeps it.
 *
 * <pre>{@code
 * // The user leaves here, and should leave there:
 * URI there = acme.logout().of(account).returnTo("https://app.example/bye").url();
 * response.sendRedirect(there.toString());
 *
 * // The user has left there (a POST to the back-channel logout URI, parameter logout_token):
 * Optional<Logout.Notice> left = acme.logout().verify(logoutToken);
 * left.ifPresent(notice -> sessions.end(notice.id(), notice.session()));
 * response.setStatus(left.isPresent() ? 200 : 400);
 * }</pre>
 *
 * <p>Not thread-safe; {@link Grantkeeper#logout()} makes one for each use.
 */
public final class Logout {
    private final Machinery registration;
    private final Server server;
    private @Nullable GrantRow row;
    private @Nullable String hint;
    private @Nullable String returnTo;
    private @Nullable String state;

    Logout(Machinery registration) {
        this.registration = registration;
        this.server = registration.server();
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
    public Logout of(Account account) throws TokenStoreException {
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
    public Logout hint(String hint) {
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
    public Logout returnTo(String uri) {
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
    public Logout state(String state) {
        this.state = state;
        return this;
    }

    /**
     * Where to send the browser (OpenID Connect RP-Initiated Logout 1.0 section 2). With {@link #of} it holds the ID
     * token, and with that personal data: send the browser there, and write it into no log.
     *
     * @return an absolute URL
     * @throws TokenRequestException if the provider had to be asked first what it is ({@link Discovery}), and did not
     *     say
     * @throws IllegalStateException if the provider has no such endpoint
     */
    public URI url() throws TokenRequestException {
        Provider provider = server.endpoints().provider();
        URI endpoint = provider.endSessionEndpoint()
                .orElseThrow(
                        () -> new IllegalStateException(
                                provider.name()
                                        + " is not known to have an end session endpoint: say endSessionEndpoint(…) when describing it"));
        HttpUrl.Builder url =
                HttpUrl.get(endpoint.toString()).newBuilder().setQueryParameter("client_id", registration.clientId());
        TokenSet tokens = row == null ? null : row.tokens();
        if (row != null && tokens != null && RefreshTokens.elsewhere(row, provider) == null) {
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

    /**
     * Verifies what somebody posted to the back-channel logout URI (OpenID Connect Back-Channel Logout 1.0 section
     * 2.6). Ends nothing: the application's sessions are the application's.
     *
     * @param logoutToken the parameter {@code logout_token}; anything that anybody can send
     * @return whose session has ended; empty if this is no logout token of the provider for this application: answer
     *     400
     * @throws TokenRequestException if the provider's keys could not be fetched, or not where they are: answer 503
     * @throws IllegalStateException if the provider does not speak OpenID Connect
     */
    public Optional<Notice> verify(@Nullable String logoutToken) throws TokenRequestException {
        LogoutTokens tokens = server.endpoints().logoutTokens();
        if (tokens == null) {
            throw new IllegalStateException(server.known().name()
                    + " is not known to speak OpenID Connect: say openId(issuer, jwksUri) when describing it");
        }
        try {
            LogoutTokens.Ended ended = tokens.verify(logoutToken == null ? "" : logoutToken);
            return Optional.of(new Notice(
                    ended.issuer(),
                    Optional.ofNullable(ended.subject()),
                    Optional.ofNullable(ended.session()),
                    !registration.heardLogouts().use(ended.issuer() + " " + ended.id())));
        } catch (IdentityException e) {
            if (e.kind() == IdentityException.Kind.UNAVAILABLE) {
                throw Failures.of(e);
            }
            Log.debug("A logout token was not accepted: {}", String.valueOf(e.getMessage()));
            return Optional.empty();
        }
    }

    @Override
    public String toString() {
        return "Logout[" + server.known().name() + "]";
    }

    /**
     * A user's session at the provider has ended. User, or session, or both are there: without a session all of the
     * user's have ended.
     *
     * @param issuer who says so
     * @param subject the user: the {@code sub} of the ID tokens
     * @param session the session: the {@code sid} among the {@linkplain dev.grantkeeper.token.Identity#claims() claims}
     *     of a login
     * @param repeated whether this process has heard the very same notice within the last hour ({@code jti}): the
     *     provider asks again when it got no answer, and somebody may have recorded it. Who has finished with the first
     *     need do nothing
     */
    public record Notice(String issuer, Optional<String> subject, Optional<String> session, boolean repeated) {
        /**
         * The user, as {@link dev.grantkeeper.token.Identity#id()} names one.
         *
         * @return issuer and subject, empty if the notice names a session only
         */
        public Optional<String> id() {
            return subject.map(user -> issuer + " " + user);
        }

        @Override
        public String toString() {
            return "Notice[issuer=" + issuer + "]";
        }
    }
}
