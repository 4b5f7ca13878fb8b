/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.api;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.grantkeeper.internal.answer.Answer;
import dev.grantkeeper.internal.answer.ServerJson;
import dev.grantkeeper.internal.answer.TokenResponse;
import dev.grantkeeper.internal.log.Log;
import dev.grantkeeper.internal.protocol.Origins;
import dev.grantkeeper.internal.protocol.Resource;
import dev.grantkeeper.internal.provider.Facts;
import dev.grantkeeper.internal.provider.ProviderFacts;
import dev.grantkeeper.internal.refresh.Clocks;
import dev.grantkeeper.internal.refresh.Renewal;
import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.internal.row.RowFormat;
import dev.grantkeeper.internal.server.BusyException;
import dev.grantkeeper.internal.wire.RegistrationEndpoint;
import dev.grantkeeper.internal.wire.RegistrationEndpoint.Result;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Executor;
import okhttp3.HttpUrl;
import org.jspecify.annotations.Nullable;

/**
 * Makes the application known at the servers that it discovers (RFC 7591), and keeps it known.
 *
 * <p>A registration is like a refresh token that works once: two nodes that register at once leave a client that nobody
 * uses, and each signs its users in with another one. So it is a grant of the application's own, in a row of its own
 * for each server, and the refresher does the rest: one request whatever the number of threads and nodes, a node that
 * dies, an answer that is lost, a store that is down, a secret that ends. In three points it differs from tokens. A
 * client is used only when it is stored, since no other node could refresh what was granted to it. One that turns out
 * to be superfluous is deleted where the server can do that (RFC 7592). And a client that the server seems to have
 * forgotten is looked for before another takes its place.
 *
 * <p>The row also holds the server's metadata, so that one read brings both, and a node that starts while the server is
 * down goes on with its users. Thread-safe.
 */
public final class RegistrationRenewal implements Renewal {
    /** The time for which metadata is taken to be current. */
    private static final Duration METADATA = Duration.ofHours(24);

    /** The time until the next try, while metadata is unavailable and older metadata serves. */
    private static final Duration STALE = Duration.ofMinutes(30);

    /** The time that is left of a secret from which nothing is begun with it. */
    private static final Duration ALMOST_OVER = Duration.ofSeconds(30);

    private static final int MOST_REDIRECT_URIS = 50;
    /** The longest metadata, and the longest record of a server with its client: a row has room for a token. */
    private static final int LONGEST_METADATA = 32 * 1024;

    private static final int LONGEST_RECORD = 60 * 1024;

    private static final String REGISTRATION_TOKEN = "registration_access_token";
    private static final String MANAGED_AT = "registration_client_uri";
    private static final String AUTHENTICATION = "token_endpoint_auth_method";

    /** The members of a client that are used, and stored. */
    private static final List<String> USED = List.of(
            "client_id",
            "client_secret",
            "client_secret_expires_at",
            "redirect_uris",
            AUTHENTICATION,
            MANAGED_AT,
            REGISTRATION_TOKEN);

    /** Fetches the metadata of a server. */
    @FunctionalInterface
    public interface Documents {
        /** The metadata of this issuer, which they name. */
        String fetch(String issuer) throws IOException;
    }

    /** Reads metadata. */
    @FunctionalInterface
    public interface ServerReader {
        /**
         * The provider that metadata describes.
         *
         * @throws IllegalArgumentException if it is malformed, or the application does not accept it
         */
        Provider read(String issuer, String metadata);

        /** Whether metadata that was stored is still accepted: the application may demand signatures since. */
        default boolean accepts(ServerRecord stored) {
            try {
                Provider unused = read(stored.issuer(), stored.metadata());
                return true;
            } catch (IllegalArgumentException e) {
                return false;
            }
        }
    }

    /** The application, as it makes itself known. */
    public interface Application {
        /** Whether it was registered by hand at this server. */
        boolean isRegisteredByHand(String issuer);

        /** The URL of its client ID metadata document; {@code null} if it serves none. */
        @Nullable
        String documentUrl();

        /** Looks whether that document is served as it should be, and reports a difference to the log. */
        void checkDocument();

        /** The initial access token for this server; {@code null} if none is known. */
        @Nullable
        String initialAccessToken(String issuer);

        /** The request to this server's registration endpoint. */
        ObjectNode registration(Provider server);

        /** Fails if it cannot be the client that the server made of it; the message says why. */
        void check(ServerRecord registered);
    }

    private final Application application;
    private final Documents documents;
    private final ServerReader reader;
    private final RegistrationEndpoint endpoint;
    private final Executor later;
    private final Clocks time;

    /** For one application. */
    public RegistrationRenewal(
            Application application,
            Documents documents,
            ServerReader reader,
            RegistrationEndpoint endpoint,
            Executor later,
            Clocks time) {
        this.application = application;
        this.documents = documents;
        this.reader = reader;
        this.endpoint = endpoint;
        this.later = later;
        this.time = time;
    }

    /** The account of a key is the issuer. */
    @Override
    public GrantRow begin(AccountKey key) {
        return GrantRow.of(RowFormat.newName(), time.now(), null, null).issuedBy(key.account(), "");
    }

    @Override
    public boolean possible(GrantRow row) {
        return true;
    }

    @Override
    public String endpoint(GrantRow row) {
        return String.valueOf(row.server());
    }

    /** A second registration leaves a client that nobody uses, and harms nobody. */
    @Override
    public Provider.Replay replay(GrantRow row) {
        return Provider.Replay.PROMPT;
    }

    @Override
    public boolean isUsableUnsaved() {
        return false;
    }

    @Override
    public Answer request(GrantRow row, Resource resource) {
        return request(row, resource, false);
    }

    @Override
    public Answer request(GrantRow row, Resource resource, boolean replaced) {
        String issuer = Objects.requireNonNull(row.server());
        ServerRecord before = recordIn(row);
        boolean accepted = before != null && reader.accepts(before);
        boolean rejected = replaced && accepted; // if not, it is the metadata that is replaced, and not the client
        if (row.answerLost() && hasRegistered(before)) {
            tellOfOrphan(issuer); // even if no other client has to be made now: the next row will not know
        }
        String metadata;
        Instant at = time.now();
        try {
            metadata = ServerRecord.compact(documents.fetch(issuer));
        } catch (IOException e) {
            if (before == null || !accepted || rejected || hasEnded(before)) {
                return unreachable(issuer, e);
            }
            Log.warn("{} The ones that are known are used", String.valueOf(e.getMessage()));
            return success(before, STALE);
        }
        Provider server;
        try {
            server = reader.read(issuer, metadata);
        } catch (IllegalArgumentException e) {
            return failure(Answer.Kind.MALFORMED, String.valueOf(e.getMessage()));
        }
        if (new ServerRecord(issuer, metadata, at, null).text().length() > LONGEST_METADATA) {
            return failure(Answer.Kind.MALFORMED, "The metadata of " + issuer + " is too long");
        }
        if (application.isRegisteredByHand(issuer)) {
            return success(new ServerRecord(issuer, metadata, at, null), METADATA);
        }
        ProviderFacts facts = Facts.of(server);
        String document = application.documentUrl();
        if (document != null && facts.clientIdMetadataDocuments) {
            ObjectNode client = JsonNodeFactory.instance.objectNode();
            client.put("client_id", document);
            later.execute(application::checkDocument);
            return success(new ServerRecord(issuer, metadata, at, client), METADATA);
        }
        if (before != null && hasRegistered(before)) {
            ServerRecord known = new ServerRecord(issuer, metadata, at, before.client());
            if (!rejected && !endsWithin(known, METADATA)) {
                return success(known, METADATA);
            }
            Answer kept;
            try {
                kept = keep(known, row, application.registration(server), rejected);
            } catch (IllegalArgumentException e) {
                return failure(Answer.Kind.MISCONFIGURED, String.valueOf(e.getMessage()));
            }
            if (kept != null) {
                return kept;
            }
        }
        if (facts.registrationEndpoint == null) {
            return failure(
                    Answer.Kind.MISCONFIGURED,
                    "The server " + issuer + " registers no clients by itself"
                            + (facts.clientIdMetadataDocuments
                                    ? ", but reads client ID metadata documents: serve one and call documentAt(…), or"
                                    : ":")
                            + " register the application there by hand and call registered(\"" + issuer
                            + "\", clientId, secret)");
        }
        if (row.answerLost() && !hasRegistered(before)) {
            tellOfOrphan(issuer);
        }
        ObjectNode wanted;
        try {
            wanted = application.registration(server);
        } catch (IllegalArgumentException e) {
            return failure(Answer.Kind.MISCONFIGURED, String.valueOf(e.getMessage()));
        }
        String place = facts.registrationEndpoint.toString();
        return registered(
                endpoint.create(place, wanted, application.initialAccessToken(issuer)),
                place,
                wanted,
                issuer,
                metadata,
                at);
    }

    /** Whether the application has registered itself at this server. */
    private boolean hasRegistered(@Nullable ServerRecord before) {
        return before != null && before.clientId() != null && !before.clientId().equals(application.documentUrl());
    }

    private static void tellOfOrphan(String issuer) {
        Log.warn("An earlier registration at {} may have left a client there that nobody uses", issuer);
    }

    private static @Nullable ServerRecord recordIn(GrantRow row) {
        TokenSet tokens = row.tokens();
        return tokens == null ? null : ServerRecord.read(tokens.accessToken());
    }

    private boolean hasEnded(ServerRecord known) {
        Instant end = known.secretEndsAt();
        return end != null && !end.isAfter(time.now());
    }

    private boolean endsWithin(ServerRecord known, Duration limit) {
        Instant end = known.secretEndsAt();
        return end != null && Duration.between(time.now(), end).compareTo(limit) < 0;
    }

    /**
     * Looks for the client at the server before another takes its place, since all that users granted would be lost
     * with it (RFC 7592).
     *
     * @param wanted the client as the application would register it now
     * @param rejected whether the server seems to have forgotten it; otherwise its secret ends
     * @return {@code null} if the client is gone, or its secret ends and cannot be changed
     */
    private @Nullable Answer keep(ServerRecord known, GrantRow row, ObjectNode wanted, boolean rejected) {
        String uri = known.managedAt();
        String token = Objects.requireNonNull(row.tokens()).refreshToken().orElse(null);
        if (uri == null || token == null) {
            return null;
        }
        Result result = endpoint.read(uri, token);
        ServerRecord now = result instanceof Result.Registered found ? with(known, found.client()) : known;
        boolean comesBackElsewhere = !now.hasRedirectUris(urisIn(wanted));
        if (result instanceof Result.Registered && (endsWithin(now, METADATA) || comesBackElsewhere)) {
            wanted.put("client_id", String.valueOf(known.clientId()));
            keepRedirectUris(now, wanted);
            Result updated = endpoint.update(uri, token, wanted);
            now = updated instanceof Result.Registered changed ? with(now, changed.client()) : now;
        }
        if (result instanceof Result.Failed failed && (rejected || hasEnded(known))) {
            if (failed.failure().kind() == Answer.Kind.TEMPORARY) {
                return failed.failure();
            }
            // The place that it named does not work. Then one answer alone is not believed, as if it had named none.
            return rejected ? success(withoutManagement(known), METADATA) : null;
        }
        boolean gone = result instanceof Result.Gone;
        return gone || (!rejected && endsWithin(now, ALMOST_OVER)) ? null : success(now, METADATA);
    }

    /** A node with an older configuration may still send users with those, while a deployment rolls. */
    private static void keepRedirectUris(ServerRecord known, ObjectNode wanted) {
        Set<String> all = urisIn(wanted);
        if (known.client() != null) {
            all.addAll(urisIn(known.client()));
        }
        ArrayNode uris = wanted.putArray("redirect_uris");
        all.stream().limit(MOST_REDIRECT_URIS).forEach(uris::add);
    }

    private static Set<String> urisIn(ObjectNode registration) {
        Set<String> uris = new LinkedHashSet<>();
        registration.path("redirect_uris").forEach(uri -> uris.add(uri.asText()));
        return uris;
    }

    /**
     * The members that are used. The management URI is used only if it is where the client was registered: another one
     * could send requests of ours to anybody.
     */
    private static ObjectNode cleaned(ObjectNode said, String place) {
        ObjectNode client = JsonNodeFactory.instance.objectNode();
        for (String member : USED) {
            if (said.hasNonNull(member)) {
                client.set(member, said.get(member));
            }
        }
        String uri = ServerJson.text(client, MANAGED_AT);
        HttpUrl url = uri == null ? null : HttpUrl.parse(uri);
        boolean ours = url != null
                && Origins.same(url, HttpUrl.get(place))
                && url.username().isEmpty()
                && url.password().isEmpty();
        if (!ours || tokenOf(client) == null) {
            client.remove(List.of(MANAGED_AT, REGISTRATION_TOKEN));
        }
        return client;
    }

    /** RFC 6749 appendix A.1; and a URL has to hold it. */
    private static boolean isClientId(@Nullable String id) {
        return id != null && id.length() <= 2048 && id.chars().allMatch(c -> c >= ' ' && c < 0x7f);
    }

    /** An answer need not repeat everything. A client stays the same one. */
    private ServerRecord with(ServerRecord known, ObjectNode said) {
        ObjectNode now = cleaned(said, String.valueOf(known.managedAt()));
        ObjectNode client = known.client() == null ? now : known.client().deepCopy();
        now.remove("client_id");
        client.setAll(now);
        ServerRecord changed = new ServerRecord(known.issuer(), known.metadata(), known.at(), client);
        try {
            application.check(changed);
            return changed.text().length() > LONGEST_RECORD ? known : changed;
        } catch (IllegalArgumentException e) {
            return known; // of no use to the application, and what it has may still work
        }
    }

    private static ServerRecord withoutManagement(ServerRecord known) {
        ObjectNode client = Objects.requireNonNull(known.client()).deepCopy();
        client.remove(List.of(MANAGED_AT, REGISTRATION_TOKEN));
        return new ServerRecord(known.issuer(), known.metadata(), known.at(), client);
    }

    private Answer registered(
            Result result, String place, ObjectNode wanted, String issuer, String metadata, Instant at) {
        if (result instanceof Result.Failed failed) {
            return failed.maybe() ? new Answer.Lost(failed.failure()) : failed.failure();
        }
        if (!(result instanceof Result.Registered made)) {
            return failure(Answer.Kind.MALFORMED, "The registration endpoint of " + issuer + " knows no client");
        }
        ObjectNode client = cleaned(made.client(), place);
        if (ServerJson.text(client, AUTHENTICATION) == null) {
            client.set(AUTHENTICATION, wanted.path(AUTHENTICATION)); // what is not changed need not be repeated
        }
        ServerRecord fresh = new ServerRecord(issuer, metadata, at, client);
        if (!isClientId(fresh.clientId())) {
            return failure(
                    Answer.Kind.MALFORMED,
                    "The client id that " + issuer + " sent is too long, or has characters that none may have");
        }
        if (hasEnded(fresh)) {
            // One of the two clocks is wrong. The server will say when it does not accept the secret any longer.
            Log.warn("The secret that {} sent has ended before it came, by its date", issuer);
            client.remove("client_secret_expires_at");
        }
        try {
            application.check(fresh);
            if (fresh.text().length() > LONGEST_RECORD) {
                throw new IllegalArgumentException("The answer to the registration at " + issuer + " is too long");
            }
        } catch (IllegalArgumentException e) {
            withdraw(fresh, tokenOf(client));
            return failure(Answer.Kind.MISCONFIGURED, String.valueOf(e.getMessage()));
        }
        Log.info("Registered at {} as client {}", issuer, String.valueOf(fresh.clientId()));
        return success(fresh, METADATA);
    }

    private Answer success(ServerRecord known, Duration metadata) {
        ObjectNode client = known.client();
        String token = client == null ? null : tokenOf(client);
        ServerRecord open = known;
        if (client != null) {
            ObjectNode without = client.deepCopy();
            without.remove(REGISTRATION_TOKEN);
            open = new ServerRecord(known.issuer(), known.metadata(), known.at(), without);
        }
        Instant end = known.secretEndsAt();
        Duration left = end == null ? metadata : Duration.between(time.now(), end);
        return new Answer.Tokens(TokenResponse.builder(open.text())
                .lifetime(left.compareTo(metadata) < 0 ? left : metadata)
                .refreshToken(token)
                .build());
    }

    /** The token that manages a client; {@code null} if there is none that can be sent (RFC 6750 section 2.1). */
    private static @Nullable String tokenOf(ObjectNode client) {
        String token = ServerJson.text(client, REGISTRATION_TOKEN);
        boolean fit = token != null
                && token.length() <= LONGEST_METADATA
                && token.chars().allMatch(c -> c > ' ' && c < 0x7f);
        return fit ? token : null;
    }

    private static Answer.Failure unreachable(String issuer, IOException e) {
        boolean senseless = e.getCause() instanceof IllegalArgumentException;
        return new Answer.Failure(
                senseless ? Answer.Kind.MALFORMED : Answer.Kind.TEMPORARY,
                0,
                null,
                e.getMessage() == null ? "The metadata of " + issuer + " could not be fetched" : e.getMessage(),
                e instanceof BusyException busy ? busy.retryAfter() : null,
                e);
    }

    private static Answer.Failure failure(Answer.Kind kind, String why) {
        return new Answer.Failure(kind, 0, null, why, null, null);
    }

    @Override
    public TokenSet tokens(GrantRow row, Resource resource, TokenResponse response, Instant now) {
        return response.toTokenSet(row.tokens(), Set.of(), now, Optional.empty());
    }

    @Override
    public @Nullable Instant consentEndsAt(GrantRow row) {
        return null;
    }

    /** Deletes a client that came too late: another node's is in use. */
    @Override
    public void withdraw(GrantRow lost, GrantRow kept) {
        ServerRecord ours = recordIn(lost);
        ServerRecord theirs = recordIn(kept);
        boolean same = ours != null && theirs != null && Objects.equals(ours.clientId(), theirs.clientId());
        if (ours != null && !same) {
            withdraw(ours, Objects.requireNonNull(lost.tokens()).refreshToken().orElse(null));
        }
    }

    @Override
    public void revoke(GrantRow row, TokenSet tokens) {
        delete(ServerRecord.read(tokens.accessToken()), tokens.refreshToken().orElse(null));
    }

    private void withdraw(ServerRecord client, @Nullable String token) {
        later.execute(() -> delete(client, token));
    }

    private void delete(ServerRecord client, @Nullable String token) {
        String uri = client.managedAt();
        if (client.clientId() == null || client.clientId().equals(application.documentUrl())) {
            return;
        }
        if (uri == null || token == null || !endpoint.delete(uri, token)) {
            Log.warn(
                    "The client {} at {} is not used, and could not be deleted there",
                    String.valueOf(client.clientId()),
                    client.issuer());
        }
    }
}
