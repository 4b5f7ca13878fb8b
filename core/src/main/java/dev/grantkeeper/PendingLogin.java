/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.grantkeeper.internal.login.LoginAttempt;
import dev.grantkeeper.internal.row.KeyText;
import dev.grantkeeper.internal.wire.Callback;
import dev.grantkeeper.internal.wire.Wanted;
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
 * A login on its way: between the redirect to the authorization server and the callback. It belongs to the browser that
 * began, and to no other: keep it where only that browser brings it back, in its session or in a cookie.
 *
 * <p>It is {@link Serializable} for session attributes. Applications without sessions put {@link #seal} into a cookie
 * named {@code __Host-} and {@link #sessionKey()} ({@code HttpOnly}, {@code Secure}, {@code Path=/},
 * {@code SameSite=Lax}, a few minutes): a cookie without that prefix could come from any other host of the same domain,
 * with somebody else's login. With {@link Grantkeeper.Builder#formPost()} the cookie, or the session's own, has to be
 * {@code SameSite=None}: a browser sends no other along with a form that another site posts. Each attempt has a slot of
 * its own, so two tabs never meet.
 *
 * <p>Holds secrets; {@link #toString()} shows none. Immutable and thread-safe. It ends after ten minutes, and works
 * once.
 */
public final class PendingLogin implements Serializable {
    private static final long serialVersionUID = 1L;
    private static final String PURPOSE = "pending-login";
    private static final JsonMapper JSON = new JsonMapper();

    /** Where the login began. */
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

    /** Where to send the browser. */
    private final String url;

    /** Until when. */
    private final @Nullable Instant urlExpiresAt;

    /** What was asked for. */
    private final LinkedHashSet<String> scopes;

    /** RFC 9396. */
    private final @Nullable String authorizationDetails;

    /** RFC 8707, with blanks between them. */
    private final @Nullable String resources;

    /** The application's own data. */
    private final @Nullable String appState;

    /** When it began. */
    private final Instant startedAt;

    /** How long before that the user may have authenticated. */
    private final @Nullable Duration maxAge;

    PendingLogin(LoginAttempt attempt) {
        KeyPair key = attempt.proofKey();
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
                Wanted.split(resources),
                appState,
                startedAt,
                maxAge);
    }

    /**
     * Where to send the browser: the authorization endpoint with everything that the request needs.
     *
     * @return an absolute URL
     */
    public URI url() {
        return URI.create(url);
    }

    /**
     * Until when the browser has to get there. With {@link dev.grantkeeper.provider.LoginProtection#PUSHED_REQUEST} and
     * {@link dev.grantkeeper.provider.LoginProtection#SIGNED_REQUEST} that may be a minute; an application that does
     * not redirect at once begins anew when it is over. The user then has the ten minutes.
     *
     * @return that time by the application's clock, empty if there is no limit of its own
     */
    public Optional<Instant> urlExpiresAt() {
        return Optional.ofNullable(urlExpiresAt);
    }

    /**
     * A name for this attempt, for a session attribute or a cookie.
     *
     * @return letters, digits and hyphens; nobody can guess the login's {@code state} from it
     */
    public String sessionKey() {
        return sessionKey(state);
    }

    /**
     * Finds the sessionKey that a callback belongs to.
     *
     * @param query the callback's query, or its whole URL; anything that a browser can send
     * @return the sessionKey; a name that no login has if the query names none
     */
    public static String sessionKeyOf(@Nullable String query) {
        String state = Callback.parse(query).stateToLookFor();
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

    /**
     * Seals this login, for a cookie.
     *
     * @param keys the keys; those that seal the rows will do, the two purposes are kept apart
     * @return printable ASCII without blanks
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
        json.put("maxAge", maxAge == null ? null : maxAge.toSeconds());
        scopes.forEach(json.putArray("scopes")::add);
        json.removeNulls(); // cookies are small, and several logins may be open at once
        return keys.seal(PURPOSE, sessionKey(), json.toString());
    }

    /**
     * Opens what {@link #seal} made.
     *
     * @param keys the keys
     * @param sessionKey the name under which it came: the cookie's name
     * @param sealed the sealed text; anything that a browser can send
     * @return the login, without its {@link #url()}; empty if this is not what was sealed, or not for this sessionKey
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
                    Wanted.split(json.path("resources").textValue()),
                    json.path("appState").textValue(),
                    Instant.ofEpochMilli(json.path("startedAt").asLong()),
                    json.path("maxAge").isNumber()
                            ? Duration.ofSeconds(json.path("maxAge").asLong())
                            : null)));
        } catch (GeneralSecurityException | JsonProcessingException | IllegalArgumentException e) {
            return Optional.empty();
        }
    }

    @Override
    public String toString() {
        return "PendingLogin[" + sessionKey() + ", started " + startedAt + "]";
    }
}
