/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.migration;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.grantkeeper.Grantkeeper;
import dev.grantkeeper.TokenStoreException;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Moves the grants of an application that used MSAL for Java, so that nobody has to sign in again: each user of the
 * token cache, which {@code tokenCache().serialize()} wrote, becomes a grant. MSAL is not needed for that.
 *
 * <p><b>Stop the old application first</b>, all of its nodes. The cache is only read, and client id and credentials
 * have to be the same as before: refresh tokens belong to a client, or to a family of Microsoft's own clients.
 *
 * <p><b>It can be repeated.</b> An existing grant is never overwritten, whether an earlier run made it or a login. A
 * user who has signed out in the meantime would be signed in again: remove the user from the cache at a sign-out.
 *
 * <p><b>One access token moves with each user:</b> the one for the scopes that the registration requests. Those for
 * other resources are fetched when they are first needed, with the same refresh token, by {@code forResource(…)}.
 * Tokens of the application itself and tokens that were obtained on behalf of a user are left out: they are fetched
 * again without anybody.
 *
 * <p><b>The time of consent</b> is set to the time when the access token was cached, because the cache does not have
 * it.
 */
public final class MsalTokenCache {
    private static final ObjectMapper JSON = new ObjectMapper();
    /** What MSAL adds to each request, and Entra does not always repeat. */
    private static final Set<String> OPEN_ID = Set.of("openid", "profile", "offline_access");

    private MsalTokenCache() {}

    /**
     * The outcome. Prints no tokens; the skipped users are named, so that somebody can look at their entries.
     *
     * @param imported the number of grants that were made
     * @param alreadyThere the number of users who had a grant, which was left as it is
     * @param skipped the home account ids of the users who have to sign in again, with the reason
     */
    public record Result(int imported, int alreadyThere, Map<String, String> skipped) {}

    /**
     * A user of the cache.
     *
     * @param homeAccountId the object id and the tenant of the user's home, with a dot between them
     * @param username the name that the user signs in with, which can change; {@code null} if the cache has none
     */
    public record User(String homeAccountId, @Nullable String username) {}

    /**
     * Moves the grants of one cache.
     *
     * @param cache the JSON that {@code tokenCache().serialize()} returned
     * @param clientId the client id
     * @param scopes the scopes that the registration requests
     * @param accountOf finds the application's own name of a user; {@code null} for a user who is to be skipped
     * @param grantkeeper the same registration with the provider
     * @return the outcome
     * @throws IllegalArgumentException if the cache is not JSON
     * @throws TokenStoreException if a grant cannot be stored; those before it are, and another run goes on
     */
    public static Result move(
            String cache,
            String clientId,
            Collection<String> scopes,
            Function<User, @Nullable String> accountOf,
            Grantkeeper grantkeeper)
            throws TokenStoreException {
        JsonNode root = read(cache);
        int imported = 0;
        int alreadyThere = 0;
        Map<String, String> skipped = new LinkedHashMap<>();
        Map<String, String> moved = new LinkedHashMap<>();
        for (User user : users(root)) {
            String id = user.homeAccountId();
            try {
                String account = accountOf.apply(user);
                if (account == null) {
                    skipped.put(id, "The application does not know this user");
                } else if (moved.putIfAbsent(account, id) != null) {
                    skipped.put(id, "The account " + account + " is also that of " + moved.get(account));
                } else if (grantkeeper.account(account).importTokens(tokens(root, id, clientId, scopes))) {
                    imported++;
                } else {
                    alreadyThere++;
                }
            } catch (IllegalArgumentException e) {
                // One odd entry is not a reason to give up all the others.
                skipped.put(id, String.valueOf(e.getMessage()));
            }
        }
        return new Result(imported, alreadyThere, skipped);
    }

    /**
     * Converts the entries of one user, for an import at their next visit.
     *
     * @param cache the JSON that {@code tokenCache().serialize()} returned
     * @param homeAccountId the user
     * @param clientId the client id
     * @param scopes the scopes that the registration requests
     * @return the tokens
     * @throws IllegalArgumentException if there are none that can be used or refreshed, or the cache is not JSON
     */
    public static TokenSet tokens(String cache, String homeAccountId, String clientId, Collection<String> scopes) {
        return tokens(read(cache), homeAccountId, clientId, scopes);
    }

    private static JsonNode read(String cache) {
        try {
            return JSON.readTree(cache);
        } catch (IOException e) {
            // Without the cause, whose message quotes the tokens.
            throw new IllegalArgumentException("The cache is not JSON");
        }
    }

    /** Without the entries that have no home account: those are the application's own. */
    private static Collection<User> users(JsonNode root) {
        Map<String, User> users = new LinkedHashMap<>();
        for (JsonNode account : root.path("Account")) {
            String id = text(account, "home_account_id");
            // A guest of several tenants has an account in each, and the same name in most.
            if (id != null) {
                users.putIfAbsent(id, new User(id, text(account, "username")));
            }
        }
        for (JsonNode entry : root.path("RefreshToken")) {
            String id = text(entry, "home_account_id");
            if (id != null && text(entry, "user_assertion_hash") == null) {
                users.putIfAbsent(id, new User(id, null));
            }
        }
        return users.values();
    }

    private static TokenSet tokens(JsonNode root, String user, String clientId, Collection<String> scopes) {
        String refreshToken = refreshToken(root, user, clientId);
        JsonNode entry = accessToken(root, user, clientId, scopes);
        String accessToken = entry == null ? null : text(entry, "secret");
        if (entry == null || accessToken == null) {
            if (refreshToken == null) {
                throw new IllegalArgumentException("There is neither a refresh token nor a valid access token");
            }
            // Never sent: it has expired, so that the first call refreshes.
            return TokenSet.builder("none")
                    .expiresAt(Instant.EPOCH)
                    .refreshToken(refreshToken)
                    .build();
        }
        Instant cachedAt = seconds(entry, "cached_at");
        return TokenSet.builder(accessToken)
                .expiresAt(seconds(entry, "expires_on"))
                .refreshAt(seconds(entry, "refresh_on"))
                .refreshToken(refreshToken)
                .scopes(words(text(entry, "target")))
                .receivedAt(cachedAt == null ? Instant.now() : cachedAt)
                .build();
    }

    /** As MSAL chooses: a client of the family prefers the family's token, others take it for want of their own. */
    private static @Nullable String refreshToken(JsonNode root, String user, String clientId) {
        String own = null;
        String ofFamily = null;
        for (JsonNode entry : entriesOf(user, root.path("RefreshToken"))) {
            String secret = text(entry, "secret");
            if (secret != null && text(entry, "family_id") != null) {
                ofFamily = secret;
            } else if (secret != null && clientId.equals(text(entry, "client_id"))) {
                own = secret;
            }
        }
        boolean inFamily = false;
        for (JsonNode application : root.path("AppMetadata")) {
            inFamily |= clientId.equals(text(application, "client_id")) && text(application, "family_id") != null;
        }
        return own == null || (inFamily && ofFamily != null) ? ofFamily : own;
    }

    /**
     * The one with these scopes that lives longest; none if all have expired. None either if they are of several
     * tenants: only the server knows which of them the registration means.
     */
    private static @Nullable JsonNode accessToken(
            JsonNode root, String user, String clientId, Collection<String> scopes) {
        JsonNode best = null;
        Instant latest = Instant.now();
        Set<String> tenants = new HashSet<>();
        for (JsonNode entry : entriesOf(user, root.path("AccessToken"))) {
            Set<String> granted = new TreeSet<>(String.CASE_INSENSITIVE_ORDER);
            granted.addAll(words(text(entry, "target")));
            granted.addAll(OPEN_ID);
            if (!clientId.equals(text(entry, "client_id"))
                    || !"AccessToken".equals(text(entry, "credential_type"))
                    || !granted.containsAll(scopes)) {
                continue;
            }
            tenants.add(String.valueOf(text(entry, "realm")));
            Instant expiresAt = seconds(entry, "expires_on");
            if (expiresAt != null && expiresAt.isAfter(latest)) {
                best = entry;
                latest = expiresAt;
            }
        }
        return tenants.size() > 1 ? null : best;
    }

    /** Without those that a server obtained on behalf of the user, which belong to one incoming token. */
    private static List<JsonNode> entriesOf(String user, JsonNode entries) {
        List<JsonNode> found = new ArrayList<>();
        for (JsonNode entry : entries) {
            if (user.equals(text(entry, "home_account_id")) && text(entry, "user_assertion_hash") == null) {
                found.add(entry);
            }
        }
        return found;
    }

    private static @Nullable String text(JsonNode object, String name) {
        String text = object.path(name).asText("");
        return text.isBlank() ? null : text;
    }

    /** MSAL writes seconds as text. An unreadable time counts as none. */
    private static @Nullable Instant seconds(JsonNode entry, String name) {
        String text = text(entry, name);
        try {
            return text == null ? null : Instant.ofEpochMilli(Math.multiplyExact(Long.parseLong(text), 1000));
        } catch (NumberFormatException | ArithmeticException e) {
            return null;
        }
    }

    private static Set<String> words(@Nullable String list) {
        return list == null
                ? Set.of()
                : new LinkedHashSet<>(List.of(list.strip().split("\\s+")));
    }
}
