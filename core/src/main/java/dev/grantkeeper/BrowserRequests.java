/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.internal.answer.Callback;
import dev.grantkeeper.internal.openid.IdTokens;
import dev.grantkeeper.internal.protocol.Origins;
import dev.grantkeeper.provider.Provider;
import java.net.URI;
import java.net.URISyntaxException;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import okhttp3.HttpUrl;
import org.jspecify.annotations.Nullable;

/**
 * Requests that a browser brings because another site told it to: front-channel logout, and logins that a third party
 * initiates. Nothing in them is signed, and any site can make any browser send them. They name things, and prove
 * nothing.
 */
final class BrowserRequests {
    private BrowserRequests() {}

    /** OpenID Connect Front-Channel Logout 1.0 section 2. */
    static Optional<LogoutNotice> logout(Provider provider, @Nullable String query) {
        String expected = issuer(provider);
        Map<String, String> parameters = Callback.parameters(query);
        if (parameters == null) {
            return Optional.empty();
        }
        String session = parameters.get("sid");
        String issuer = parameters.get("iss");
        if (session == null) {
            return Optional.empty();
        }
        // Entra ID sends sid without iss. The issuer is public, so a forged request could have named it as well.
        boolean ours = issuer == null ? IdTokens.isOfEntraId(expected) : IdTokens.isIssuer(expected, issuer);
        return ours
                ? Optional.of(new LogoutNotice(issuer == null ? expected : issuer, null, session, false))
                : Optional.empty();
    }

    /** OpenID Connect Core section 4. */
    static Optional<LoginRequest> login(
            LoginRequest request, Provider provider, @Nullable String query, String... targetOrigins) {
        Set<String> origins =
                Stream.of(targetOrigins).map(BrowserRequests::origin).collect(Collectors.toUnmodifiableSet());
        String expected = issuer(provider);
        Map<String, String> parameters = Callback.parameters(query);
        String issuer = parameters == null ? null : parameters.get("iss");
        if (parameters == null || issuer == null || !IdTokens.isIssuer(expected, issuer)) {
            return Optional.empty();
        }
        String wanted = parameters.get("target_link_uri");
        if (wanted != null) {
            String target = target(wanted, origins);
            if (target == null) {
                return Optional.empty();
            }
            if (PendingLogin.bytes(target) <= PendingLogin.MAX_APP_STATE) {
                request.appState(target); // a longer one costs the page to go to, and not the login
            }
        }
        String hint = parameters.get("login_hint");
        if (hint != null && request.mayBeSent("login_hint")) {
            request.loginHint(hint);
        }
        return Optional.of(request);
    }

    private static String issuer(Provider provider) {
        return provider.issuer()
                .orElseThrow(() -> new IllegalStateException(provider.name()
                        + " is not known to support OpenID Connect: call openId(issuer, jwksUri) on its builder"));
    }

    private static String origin(String text) {
        HttpUrl url = HttpUrl.parse(text);
        if (url == null
                || !text.matches("(?i)https?://[^/?#@\\\\]+/?")
                || !url.username().isEmpty()
                || !url.encodedPath().equals("/")) {
            throw new IllegalArgumentException(
                    "An origin is a scheme, a host and perhaps a port, like https://app.example, not " + text);
        }
        return Origins.of(url);
    }

    /**
     * The target, as OkHttp writes it: what was compared is what the browser gets. {@code null} if it is not at one of
     * the origins, or if readers could disagree about that.
     */
    private static @Nullable String target(String text, Set<String> origins) {
        HttpUrl url = HttpUrl.parse(text);
        if (url == null || !text.chars().allMatch(c -> c > ' ' && c < 0x7f)) {
            return null;
        }
        try {
            URI uri = new URI(text); // stricter: no backslash, and a scheme is followed by an authority
            String authority = uri.getRawAuthority();
            return authority != null
                            && uri.getScheme() != null
                            && authority.indexOf('@') < 0
                            && origins.contains(Origins.of(url))
                            && !url.encodedPath().startsWith("//") // a path alone would be another host
                    ? url.toString()
                    : null;
        } catch (URISyntaxException e) {
            return null;
        }
    }
}
