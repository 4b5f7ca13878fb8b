/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.testkit;

import dev.grantkeeper.testkit.Settings.Client;
import dev.grantkeeper.testkit.Settings.User;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The server's memory: codes, tokens, and families, that is, everything that came of one login.
 *
 * <p>A refresh token is fresh, spent (used, but within its grace period) or gone. {@link #refresh} decides about its
 * use, and is the server of the project's protocol model, rule for rule. All methods hold one monitor: tokens are spent
 * one at a time.
 */
final class Grants {
    private static final Duration CODE_LIFETIME = Duration.ofSeconds(60);
    /** The lifetime of logins on another device. */
    static final Duration DECOUPLED_LIFETIME = Duration.ofMinutes(10);
    /** A demo that runs for months forgets its oldest tokens. */
    private static final int MOST_ENTRIES = 200_000;

    private final Settings settings;
    private final Counters counters;
    private final SecureRandom random = new SecureRandom();
    private final Map<String, Code> codes = new Bounded<>(); // guarded by this
    private final Map<String, Device> devices = new Bounded<>(); // by both codes; guarded by this
    private final Map<String, Device> backchannels = new Bounded<>(); // by auth_req_id; guarded by this
    // Tokens by their digests: the file is of no use to somebody who finds it.
    private final Map<String, Access> accessTokens = new Bounded<>(); // guarded by this
    private final Map<String, Refresh> refreshTokens = new Bounded<>(); // guarded by this
    private @Nullable GrantsFile file; // guarded by this

    Grants(Settings settings, Counters counters) {
        this.settings = settings;
        this.counters = counters;
    }

    enum State {
        FRESH,
        SPENT,
        GONE
    }

    /** Everything that came of one login. */
    static final class Family {
        final String client;
        final User user;
        final String scope;
        final Instant authorizedAt;
        final @Nullable String nonce;
        /** Those of the authorization request (RFC 8707); empty if it named none. */
        final List<String> resources;

        /** The thumbprint of the key that the tokens are bound to (RFC 9449, 5). */
        @Nullable
        String key;

        boolean refreshable = true;
        boolean live = true;

        Family(
                String client,
                User user,
                String scope,
                Instant authorizedAt,
                @Nullable String nonce,
                List<String> resources) {
            this.client = client;
            this.user = user;
            this.scope = scope;
            this.authorizedAt = authorizedAt;
            this.nonce = nonce;
            this.resources = resources;
        }
    }

    static final class Refresh {
        final Family family;
        final Instant issuedAt;

        @Nullable
        Refresh parent;

        State state = State.FRESH;

        @Nullable
        Instant spentAt;

        @Nullable
        Refresh child;

        boolean expired;

        Refresh(Family family, @Nullable Refresh parent, Instant issuedAt) {
            this.family = family;
            this.parent = parent;
            this.issuedAt = issuedAt;
        }
    }

    static final class Access {
        final @Nullable Family family;
        final @Nullable User user;
        final String scope;
        final List<String> resources;

        @Nullable
        String key;

        Instant expiresAt;
        boolean revoked;

        Access(@Nullable Family family, String scope, List<String> resources, Instant expiresAt) {
            this.family = family;
            this.user = family == null ? null : family.user;
            this.scope = scope;
            this.resources = resources;
            this.expiresAt = expiresAt;
        }
    }

    private static final class Code {
        final Family family;
        final String redirectUri;
        final @Nullable String challenge;
        boolean used;

        Code(Family family, String redirectUri, @Nullable String challenge) {
            this.family = family;
            this.redirectUri = redirectUri;
            this.challenge = challenge;
        }
    }

    /** A login that is finished on another device: on one with a user code, or on that of the user who was named. */
    static final class Device {
        /** The secret of the client that waits: the device code, or the auth_req_id. */
        final String code;
        /** The user code, or the id of the user who was named. */
        final String key;

        final Client client;
        final String scope;
        final @Nullable String notificationToken;

        Instant expiresAt;

        @Nullable
        User user;

        boolean refused;
        boolean used;

        Device(
                String code,
                String key,
                Client client,
                String scope,
                @Nullable String notificationToken,
                Instant expiresAt) {
            this.code = code;
            this.key = key;
            this.client = client;
            this.scope = scope;
            this.notificationToken = notificationToken;
            this.expiresAt = expiresAt;
        }
    }

    /** The tokens of one successful request. The user is null for the application itself (client credentials). */
    record Tokens(
            String access,
            @Nullable String refresh,
            String scope,
            @Nullable User user,
            Instant authorizedAt,
            @Nullable String nonce) {
        @Override
        public String toString() {
            return "Tokens[scope=" + scope + "]";
        }
    }

    /** Takes over the grants in the file, and writes there from now on. */
    synchronized void remember(Path path) {
        GrantsFile remembered = new GrantsFile(path);
        remembered.load(settings.users, refreshTokens, accessTokens);
        file = remembered;
    }

    private void save() {
        if (file != null) {
            file.save(refreshTokens, accessTokens);
        }
    }

    private static String digest(String token) {
        return Jwt.base64(Jwt.sha256(token));
    }

    synchronized String issueCode(
            Client client,
            User user,
            String redirectUri,
            String scope,
            @Nullable String challenge,
            @Nullable String nonce,
            List<String> resources) {
        String code = random("code");
        Family family = new Family(client.id(), user, scope, now(), nonce, resources);
        codes.put(code, new Code(family, redirectUri, challenge));
        return code;
    }

    /** RFC 6749, 4.1.3; PKCE: RFC 7636, 4.6. */
    synchronized Tokens redeem(
            String value,
            Client client,
            @Nullable String redirectUri,
            @Nullable String verifier,
            List<String> resources)
            throws Refused {
        Code code = codes.get(value);
        if (code == null || !code.family.client.equals(client.id())) {
            throw new Refused("invalid_grant", "Invalid authorization code");
        }
        if (code.used) {
            // RFC 6749, 4.1.2: what was issued for the code should be revoked.
            counters.reuseDetected.incrementAndGet();
            revoke(code.family);
            throw new Refused("invalid_grant", "Authorization code was used before");
        }
        if (!code.family.live || !now().isBefore(code.family.authorizedAt.plus(CODE_LIFETIME))) {
            throw new Refused("invalid_grant", "Authorization code expired");
        }
        if (!code.redirectUri.equals(redirectUri)) {
            throw new Refused("invalid_grant", "redirect_uri is not the one of the authorization request");
        }
        // A verifier without a challenge is rejected, too: somebody has removed the challenge (RFC 9700, 4.8.2).
        String challenge = verifier == null ? null : Jwt.base64(Jwt.sha256(verifier));
        if (!Objects.equals(challenge, code.challenge)) {
            throw new Refused("invalid_grant", "code_verifier was incorrect");
        }
        List<String> granted = granted(code.family, resources);
        code.used = true;
        return issueFirst(client, code.family, code.family.nonce, granted);
    }

    /** RFC 8628, 3.2. */
    synchronized Device beginOnDevice(Client client, String scope) {
        StringBuilder userCode = new StringBuilder();
        for (int i = 0; i < 8; i++) {
            // RFC 8628, 6.1: nothing that looks like something else, no vowels that make words
            userCode.append(i == 4 ? "-" : "").append("BCDFGHJKLMNPQRSTVWXZ".charAt(random.nextInt(20)));
        }
        Device device =
                new Device(random("device"), userCode.toString(), client, scope, null, now().plus(DECOUPLED_LIFETIME));
        devices.put(device.code, device);
        devices.put(device.key, device);
        return device;
    }

    /** OpenID Connect CIBA Core 1.0, 7.3. */
    synchronized Device beginInBackchannel(
            Client client, User user, String scope, @Nullable String notificationToken, Duration lifetime) {
        Device device =
                new Device(random("auth-req"), user.id(), client, scope, notificationToken, now().plus(lifetime));
        backchannels.put(device.code, device);
        return device;
    }

    /** Decides about all logins that wait for the user; with {@code null} they expire. Returns those. */
    synchronized List<Device> decideInBackchannel(User user, @Nullable Boolean accepted) {
        List<Device> waiting = backchannels.values().stream()
                .filter(device -> device.key.equals(user.id())
                        && device.user == null
                        && !device.refused
                        && now().isBefore(device.expiresAt))
                .toList();
        if (waiting.isEmpty()) {
            throw new IllegalArgumentException("No backchannel login waits for " + user.id());
        }
        for (Device device : waiting) {
            if (accepted == null) {
                device.expiresAt = now();
            } else {
                device.user = accepted ? user : null;
                device.refused = !accepted;
            }
        }
        return waiting;
    }

    /** The user has typed the code in, and decided; {@code null} refuses. Returns the requested scope. */
    synchronized String decideOnDevice(String userCode, @Nullable User user) {
        Device device = devices.get(userCode);
        if (device == null || !now().isBefore(device.expiresAt)) {
            throw new IllegalArgumentException("There is no such user code: " + userCode);
        }
        device.user = user;
        device.refused = user == null;
        return device.scope;
    }

    /** RFC 8628, 3.5. */
    synchronized Tokens redeemDevice(String deviceCode, Client client) throws Refused {
        return redeem(devices.get(deviceCode), deviceCode, client);
    }

    /** CIBA Core, 10.1 and 11. */
    synchronized Tokens redeemAuthReqId(String authReqId, Client client) throws Refused {
        return redeem(backchannels.get(authReqId), authReqId, client);
    }

    private Tokens redeem(@Nullable Device device, String code, Client client) throws Refused {
        if (device == null
                || device.used
                || !device.code.equals(code)
                || !device.client.id().equals(client.id())) {
            throw new Refused("invalid_grant", "There is no such login, or it was finished before");
        }
        if (!now().isBefore(device.expiresAt)) {
            throw new Refused("expired_token", "The login expired");
        }
        if (device.refused) {
            throw new Refused("access_denied", "The user has refused the request");
        }
        User user = device.user;
        if (user == null) {
            throw new Refused("authorization_pending", "The user has not decided yet");
        }
        device.used = true;
        return issue(client, user, device.scope, List.of());
    }

    /** RFC 8693, and Microsoft's on-behalf-of: another token for the user of a token that was issued here. */
    synchronized Tokens exchange(Client client, String subjectToken, String scope, List<String> resources)
            throws Refused {
        User user = userOf(subjectToken);
        if (user == null) {
            throw new Refused("invalid_request", "The token stands for no user");
        }
        Family family = new Family(client.id(), user, scope, now(), null, resources);
        return scopes(scope).contains("offline_access")
                ? issueFirst(client, family, null, resources)
                : tokens(family, null, scope, null, resources);
    }

    /** RFC 7662; {@code null} for a token that is not valid, or not this server's. */
    synchronized @Nullable Map<String, Object> introspect(String value) {
        Access access = accessTokens.get(digest(value));
        Refresh refresh = refreshTokens.get(digest(value));
        Family family = access != null ? access.family : refresh != null ? refresh.family : null;
        if (!accepts(value)) {
            return null;
        }
        Map<String, Object> claims = new LinkedHashMap<>();
        claims.put("active", true);
        if (family != null) {
            claims.put("sub", family.user.id());
            claims.put("client_id", family.client);
            claims.put("scope", family.scope);
        }
        if (access != null) {
            claims.put("exp", access.expiresAt.getEpochSecond());
            claims.put("token_type", "Bearer");
            if (!access.resources.isEmpty()) {
                claims.put("aud", access.resources);
            }
        }
        return claims;
    }

    /** Issues tokens as a login does. */
    synchronized Tokens issue(Client client, User user, String scope, List<String> resources) {
        return issueFirst(client, new Family(client.id(), user, scope, now(), null, resources), null, resources);
    }

    synchronized Tokens clientCredentials(String scope, List<String> resources) {
        return new Tokens(access(null, scope, resources), null, scope, null, now(), null);
    }

    /** Uses a refresh token. The model's {@code serve}. */
    synchronized Tokens refresh(String value, Client client, @Nullable String scope, List<String> resources)
            throws Refused {
        Refresh token = refreshTokens.get(digest(value));
        if (token == null || !token.family.client.equals(client.id())) {
            throw new Refused("invalid_grant", "Invalid refresh token");
        }
        if (!token.family.live || !token.family.refreshable) {
            throw new Refused("invalid_grant", "Refresh token revoked");
        }
        if (expired(token)) {
            throw new Refused("invalid_grant", "Refresh token expired");
        }
        Set<String> wanted = scopes(scope == null ? "" : scope);
        wanted.remove("offline_access"); // the refresh token shows that this was granted
        if (!scopes(token.family.scope).containsAll(wanted)) {
            throw new Refused("invalid_scope", "More than the user has agreed to");
        }
        String granted = scope == null ? token.family.scope : scope;
        List<String> audience = granted(token.family, resources);
        Rotation rotation = settings.rotation;
        boolean graceful = rotation == Rotation.GRACE || rotation == Rotation.HARSH;
        if (rotation == Rotation.REUSABLE && token.state != State.GONE) {
            return tokens(token.family, null, granted, null, audience);
        }
        if (token.state == State.FRESH) {
            token.state = graceful ? State.SPENT : State.GONE;
            token.spentAt = now();
            if (rotation == Rotation.HARSH && token.parent != null) {
                token.parent.state = State.GONE;
            }
            token.parent = null;
            return rotated(token, granted, audience);
        }
        if (inGrace(token, graceful)) {
            token.state = State.GONE;
            if (rotation == Rotation.HARSH && token.child != null) {
                token.child.state = State.GONE;
            }
            return rotated(token, granted, audience);
        }
        counters.reuseDetected.incrementAndGet();
        if (rotation != Rotation.PLAIN) {
            revoke(token.family);
        }
        throw new Refused("invalid_grant", "Refresh token revoked");
    }

    /** Binds tokens that were just issued to a key. Nobody has them yet. */
    synchronized void bind(Tokens tokens, String key) {
        Access access = accessTokens.get(digest(tokens.access()));
        if (access != null) {
            access.key = key;
            if (access.family != null) {
                access.family.key = key;
            }
        }
    }

    /** RFC 9449, 5: a refresh token that is bound comes with a proof of its key. */
    synchronized void requireKey(String refreshToken, @Nullable String key) throws Refused {
        Refresh token = refreshTokens.get(digest(refreshToken));
        if (token != null && token.family.key != null && !token.family.key.equals(key)) {
            throw new Refused("invalid_grant", "The refresh token is bound to another key");
        }
    }

    /** RFC 8707, 2.2: a token request names some of the resources of the authorization request, or stands for all. */
    private static List<String> granted(Family family, List<String> resources) throws Refused {
        if (resources.isEmpty()) {
            return family.resources;
        }
        if (!family.resources.isEmpty() && !family.resources.containsAll(resources)) {
            throw new Refused("invalid_target", "A resource that the authorization request has not named");
        }
        return resources;
    }

    /** The user of an access token; null for the application itself. */
    synchronized @Nullable User userOf(String value) throws Refused {
        return valid(value).user;
    }

    /** A valid access token. */
    synchronized Access valid(String value) throws Refused {
        Access token = accessTokens.get(digest(value));
        if (token == null || token.revoked || (token.family != null && !token.family.live)) {
            throw new Refused("invalid_token", "Invalid access token");
        }
        if (!now().isBefore(token.expiresAt)) {
            throw new Refused("invalid_token", "The access token expired");
        }
        return token;
    }

    /** Whether the API would accept this access token, or the token endpoint this refresh token, now. */
    synchronized boolean accepts(String value) {
        Access access = accessTokens.get(digest(value));
        if (access != null) {
            return !access.revoked && (access.family == null || access.family.live) && now().isBefore(access.expiresAt);
        }
        Refresh refresh = refreshTokens.get(digest(value));
        if (refresh == null || !refresh.family.live || !refresh.family.refreshable || expired(refresh)) {
            return false;
        }
        Rotation rotation = settings.rotation;
        return refresh.state == State.FRESH
                || (rotation == Rotation.REUSABLE && refresh.state == State.SPENT)
                || inGrace(refresh, rotation == Rotation.GRACE || rotation == Rotation.HARSH);
    }

    /** RFC 7009: revokes a refresh token with its family, an access token alone; an unknown one is not an error. */
    synchronized void revokeToken(String value, Client client) {
        Refresh refresh = refreshTokens.get(digest(value));
        if (refresh != null && refresh.family.client.equals(client.id())) {
            if (settings.wideRevocation) {
                families().stream()
                        .filter(family -> family.user.equals(refresh.family.user) && family.client.equals(client.id()))
                        .forEach(this::revoke);
            } else {
                revoke(refresh.family);
            }
        }
        Access access = accessTokens.get(digest(value));
        if (access != null && (access.family == null || access.family.client.equals(client.id()))) {
            access.revoked = true;
            save();
        }
    }

    synchronized void revokeConsent(String user) {
        families().stream().filter(family -> family.user.id().equals(user)).forEach(family -> family.live = false);
        save();
    }

    /** Revokes everything that was issued to a client (RFC 7592, 2.3). */
    synchronized void revokeClient(String client) {
        families().stream().filter(family -> family.client.equals(client)).forEach(family -> family.live = false);
        save();
    }

    synchronized void revokeRefreshTokens(String user) {
        families().stream()
                .filter(family -> family.user.id().equals(user))
                .forEach(family -> family.refreshable = false);
        save();
    }

    synchronized void expireAccessTokens() {
        accessTokens.values().forEach(token -> token.expiresAt = Instant.MIN);
        save();
    }

    synchronized void expireRefreshTokens() {
        refreshTokens.values().forEach(token -> token.expired = true);
        save();
    }

    private Tokens issueFirst(Client client, Family family, @Nullable String nonce, List<String> resources) {
        String refresh = null;
        if (settings.issueRefreshTokens && client.mayRefresh()) {
            refresh = random("refresh");
            refreshTokens.put(digest(refresh), new Refresh(family, null, now()));
        }
        return tokens(family, refresh, family.scope, nonce, resources);
    }

    private Tokens rotated(Refresh parent, String scope, List<String> resources) {
        String value = random("refresh");
        Refresh child = new Refresh(parent.family, parent, now());
        parent.child = child;
        refreshTokens.put(digest(value), child);
        // OpenID Connect Core, 12.2: an ID token from a refresh should carry no nonce.
        return tokens(parent.family, value, scope, null, resources);
    }

    private Tokens tokens(
            Family family, @Nullable String refresh, String scope, @Nullable String nonce, List<String> resources) {
        String access = access(family, scope, resources);
        Tokens tokens = new Tokens(access, refresh, scope, family.user, family.authorizedAt, nonce);
        save();
        return tokens;
    }

    private String access(@Nullable Family family, String scope, List<String> resources) {
        String value = random("access");
        Instant expires = now().plus(settings.accessTokenLifetime);
        accessTokens.put(digest(value), new Access(family, scope, resources, expires));
        counters.tokensIssued.incrementAndGet();
        return value;
    }

    private boolean inGrace(Refresh token, boolean graceful) {
        return graceful
                && token.state == State.SPENT
                && token.spentAt != null
                && now().isBefore(token.spentAt.plus(settings.grace));
    }

    private boolean expired(Refresh token) {
        Duration lifetime = settings.refreshTokenLifetime;
        return token.expired || (lifetime != null && !now().isBefore(token.issuedAt.plus(lifetime)));
    }

    private void revoke(Family family) {
        if (family.live) {
            family.live = false;
            counters.familiesRevoked.incrementAndGet();
            save();
        }
    }

    private Set<Family> families() {
        Set<Family> families = new HashSet<>();
        refreshTokens.values().forEach(token -> families.add(token.family));
        codes.values().forEach(code -> families.add(code.family));
        accessTokens.values().stream()
                .map(token -> token.family)
                .filter(Objects::nonNull)
                .forEach(families::add);
        return families;
    }

    static Set<String> scopes(String scope) {
        Set<String> scopes = new HashSet<>(Arrays.asList(scope.split(" ", -1)));
        scopes.remove("");
        return scopes;
    }

    private Instant now() {
        return settings.time.instant();
    }

    private String random(String kind) {
        byte[] bytes = new byte[24];
        random.nextBytes(bytes);
        return kind + "-" + Jwt.base64(bytes);
    }

    private static final class Bounded<V> extends LinkedHashMap<String, V> {
        private static final long serialVersionUID = 1;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, V> eldest) {
            return size() > MOST_ENTRIES;
        }
    }
}
