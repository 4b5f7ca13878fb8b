/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.grantkeeper.internal.answer.Callback;
import dev.grantkeeper.internal.login.LoginAttempt;
import dev.grantkeeper.internal.protocol.Requested;
import dev.grantkeeper.internal.row.KeyText;
import dev.grantkeeper.token.SealingKeys;
import java.io.Serializable;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.time.Instant;
import java.util.HexFormat;
import java.util.LinkedHashSet;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A login between the redirect to the authorization server and the callback. It belongs to the browser that started it:
 * keep it in that browser's session or in a cookie.
 *
 * <p>It is {@link Serializable} for session attributes. Applications without sessions put {@link #seal} into a cookie
 * named {@code __Host-} and {@link #sessionKey()} ({@code HttpOnly}, {@code Secure}, {@code Path=/},
 * {@code SameSite=Lax}, ten minutes); without that prefix, any other host of the same domain could set a cookie with
 * another user's login. With {@link Grantkeeper.Builder#formPost()} this cookie, or the session's, has to be
 * {@code SameSite=None}: a browser sends no other with a form that another site posts. Each attempt has its own session
 * key, so two tabs do not disturb each other.
 *
 * <p>Holds secrets; {@link #toString()} shows none. Immutable and thread-safe. It expires after ten minutes, and works
 * once.
 */
public final class PendingLogin implements Serializable {
    private static final long serialVersionUID = 1L;
    private static final String PURPOSE = "pending-login";
    private static final JsonMapper JSON = new JsonMapper();

    /** Browsers drop a cookie of more than 4,096 bytes: name (38 with the sign after it), value and attributes. */
    private static final int MAX_SEALED = 4096 - 38 - 108;

    /** In bytes. Leaves room in a cookie for everything else that a login usually holds. */
    static final int MAX_APP_STATE = 2000;

    /** The registration that the login was started at. */
    private final String registration;

    /** RFC 6749 section 4.1.1. */
    private final String state;

    /** RFC 7636 section 4.1. */
    private final @Nullable String codeVerifier;

    /** OpenID Connect Core section 3.1.2.1. */
    private final @Nullable String nonce;

    /** RFC 9449 section 10. As text, which every kind of session can keep. */
    private final @Nullable String proofKey;

    /** Sent again when the code is redeemed. */
    private final String redirectUri;

    /** The URL to send the browser to. */
    private final String url;

    /** Its expiry. */
    private final @Nullable Instant urlExpiresAt;

    /** The requested scopes. */
    private final LinkedHashSet<String> scopes;

    /** RFC 9396. */
    private final @Nullable String authorizationDetails;

    /** RFC 8707, with blanks between them. */
    private final @Nullable String resources;

    /** The application's own data. */
    private final @Nullable String appState;

    /** The time of its start. */
    private final Instant startedAt;

    /** The longest time before its start at which the user may have authenticated. */
    private final @Nullable Duration maxAge;

    /** The URL of the API that it is for, if the application knows nothing else. */
    private final @Nullable String api;

    /** The server of that API. */
    private final @Nullable String issuer;

    /** The client that the application is there. */
    private final @Nullable String clientId;

    PendingLogin(LoginAttempt attempt) {
        KeyPair key = attempt.proofKey();
        LoginAttempt.Discovered discovered = attempt.discovered();
        this.api = discovered == null ? null : discovered.api();
        this.issuer = discovered == null ? null : discovered.issuer();
        this.clientId = discovered == null ? null : discovered.clientId();
        this.registration = attempt.registration();
        this.state = attempt.state();
        this.codeVerifier = attempt.codeVerifier();
        this.nonce = attempt.nonce();
        this.proofKey = key == null ? null : KeyText.write(key);
        this.redirectUri = attempt.redirectUri();
        this.url = attempt.url();
        this.urlExpiresAt = attempt.urlExpiresAt();
        this.scopes = new LinkedHashSet<>(attempt.scopes());
        this.authorizationDetails = attempt.authorizationDetails();
        this.resources = joined(attempt.resources());
        this.appState = attempt.appState();
        this.startedAt = attempt.startedAt();
        this.maxAge = attempt.maxAge();
    }

    private static @Nullable String joined(Set<String> resources) {
        return resources.isEmpty() ? null : String.join(" ", resources);
    }

    LoginAttempt attempt() {
        return new LoginAttempt(
                registration,
                state,
                codeVerifier,
                nonce,
                proofKey == null ? null : KeyText.read(proofKey),
                redirectUri,
                url,
                urlExpiresAt,
                scopes,
                authorizationDetails,
                Requested.split(resources),
                appState,
                startedAt,
                maxAge,
                discovered(api, issuer, clientId));
    }

    private static LoginAttempt.@Nullable Discovered discovered(
            @Nullable String api, @Nullable String issuer, @Nullable String clientId) {
        return api == null || issuer == null || clientId == null
                ? null
                : new LoginAttempt.Discovered(api, issuer, clientId);
    }

    /**
     * The URL to send the browser to: the authorization endpoint with all parameters of the request.
     *
     * @return an absolute URL
     */
    public URI url() {
        return URI.create(url);
    }

    /**
     * The expiry of {@link #url()}. With {@link dev.grantkeeper.provider.LoginProtection#PUSHED_REQUEST} and
     * {@link dev.grantkeeper.provider.LoginProtection#SIGNED_REQUEST} it may be a minute away; an application that does
     * not redirect at once starts another login when it is over. The user still has ten minutes.
     *
     * @return the time by the application's clock; empty if the URL does not expire before the login
     */
    public Optional<Instant> urlExpiresAt() {
        return Optional.ofNullable(urlExpiresAt);
    }

    /**
     * A name for this attempt, for a session attribute or a cookie.
     *
     * @return letters, digits and hyphens; the login's {@code state} cannot be derived from it
     */
    public String sessionKey() {
        return sessionKey(state);
    }

    /**
     * Returns the session key of the login that a callback belongs to. The state of a response that is encrypted (JARM)
     * cannot be read here: use {@link Grantkeeper#sessionKeyOf} for those.
     *
     * @param query the callback's query, or its whole URL; anything that a browser can send
     * @return the session key; a name that no login has if the query has no state
     */
    public static String sessionKeyOf(@Nullable String query) {
        return sessionKeyOf(Callback.parse(query));
    }

    static String sessionKeyOf(Callback callback) {
        String state = callback.stateToLookFor();
        return state == null ? "login-none" : sessionKey(state);
    }

    private static String sessionKey(String state) {
        return "login-" + digest(state).substring(0, 24);
    }

    private static String digest(String text) {
        try {
            return HexFormat.of()
                    .formatHex(MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("Every Java platform has SHA-256", e);
        }
    }

    /** The bytes of a text in a sealed login, before they are encoded. */
    static int bytes(@Nullable String text) {
        return text == null
                ? 0
                : JSON.getNodeFactory().textNode(text).toString().getBytes(StandardCharsets.UTF_8).length - 2;
    }

    /**
     * Seals this login for a cookie. Browsers silently drop cookies of more than 4,096 bytes, so a login that would not
     * fit is not sealed: its {@linkplain LoginRequest#appState application's own data}, its authorization details or
     * its scopes are too long.
     *
     * @param keys the keys; those that seal the rows may be used, the two purposes are kept apart
     * @return printable ASCII without blanks, at most 3,950 bytes
     * @throws IllegalStateException if it would be longer; a session can keep such a login
     */
    public String seal(SealingKeys keys) {
        ObjectNode json = JSON.createObjectNode();
        json.put("registration", registration);
        json.put("state", state);
        json.put("codeVerifier", codeVerifier);
        json.put("nonce", nonce);
        json.put("proofKey", proofKey);
        json.put("redirectUri", redirectUri);
        json.put("authorizationDetails", authorizationDetails);
        json.put("resources", resources);
        json.put("appState", appState);
        json.put("startedAt", startedAt.toEpochMilli());
        json.put("api", api);
        json.put("issuer", issuer);
        json.put("clientId", clientId);
        json.put("maxAge", maxAge == null ? null : maxAge.toSeconds());
        scopes.forEach(json.putArray("scopes")::add);
        json.removeNulls(); // cookies are small, and several logins may be open at once
        String sealed = keys.seal(PURPOSE, sessionKey(), json.toString());
        if (sealed.length() > MAX_SEALED) {
            throw new IllegalStateException("This login has " + sealed.length() + " bytes when it is sealed, and"
                    + " browsers drop cookies of more than 4096, name and attributes included: " + MAX_SEALED
                    + " are left. Before sealing, appState has " + bytes(appState)
                    + " bytes, the authorization details " + bytes(authorizationDetails) + ", the resources "
                    + bytes(resources) + ", the scopes " + bytes(String.join(" ", scopes))
                    + ". Shorten them, or keep the login in a session");
        }
        return sealed;
    }

    /**
     * Opens a login sealed by {@link #seal}.
     *
     * @param keys the keys
     * @param sessionKey the name that it was stored under: the cookie's name without prefix
     * @param sealed the sealed text; anything that a browser can send
     * @return the login, without its {@link #url()}; empty if this is not a sealed login, or not for this session key
     */
    public static Optional<PendingLogin> unseal(SealingKeys keys, String sessionKey, @Nullable String sealed) {
        if (sealed == null) {
            return Optional.empty();
        }
        try {
            JsonNode json = JSON.readTree(keys.open(PURPOSE, sessionKey, sealed));
            Set<String> scopes = new LinkedHashSet<>();
            json.path("scopes").forEach(scope -> scopes.add(scope.asText()));
            String key = json.path("proofKey").textValue();
            return Optional.of(new PendingLogin(new LoginAttempt(
                    json.path("registration").asText(),
                    json.path("state").asText(),
                    json.path("codeVerifier").textValue(),
                    json.path("nonce").textValue(),
                    key == null ? null : KeyText.read(key),
                    json.path("redirectUri").asText(),
                    json.path("redirectUri").asText(),
                    null,
                    scopes,
                    json.path("authorizationDetails").textValue(),
                    Requested.split(json.path("resources").textValue()),
                    json.path("appState").textValue(),
                    Instant.ofEpochMilli(json.path("startedAt").asLong()),
                    json.path("maxAge").isNumber()
                            ? Duration.ofSeconds(json.path("maxAge").asLong())
                            : null,
                    discovered(
                            json.path("api").textValue(),
                            json.path("issuer").textValue(),
                            json.path("clientId").textValue()))));
        } catch (GeneralSecurityException | JsonProcessingException | IllegalArgumentException e) {
            return Optional.empty();
        }
    }

    @Override
    public String toString() {
        return "PendingLogin[" + sessionKey() + ", started " + startedAt + "]";
    }
}
