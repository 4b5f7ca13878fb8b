/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.internal.answer.Answer;
import dev.grantkeeper.internal.answer.RequestFailedException;
import dev.grantkeeper.internal.api.DiscoveredServer;
import dev.grantkeeper.internal.api.ProtectedResource;
import dev.grantkeeper.internal.call.ResourceChallenge;
import dev.grantkeeper.internal.call.TokenSource;
import dev.grantkeeper.internal.log.Log;
import dev.grantkeeper.internal.login.AuthorizationCodeFlow;
import dev.grantkeeper.internal.login.LoginAttempt;
import dev.grantkeeper.internal.login.LoginOutcome;
import dev.grantkeeper.internal.openid.Decryption;
import dev.grantkeeper.internal.protocol.ApiAddresses;
import dev.grantkeeper.internal.protocol.Requested;
import dev.grantkeeper.internal.provider.DialectFacts;
import dev.grantkeeper.internal.provider.Facts;
import dev.grantkeeper.internal.provider.ProviderFacts;
import dev.grantkeeper.internal.refresh.Engine;
import dev.grantkeeper.internal.refresh.Outcome;
import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.internal.server.Endpoints;
import dev.grantkeeper.internal.server.ResourceMetadata;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import okhttp3.HttpUrl;
import okhttp3.Interceptor;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import okio.ByteString;
import org.jspecify.annotations.Nullable;

/** One API of {@link ProtectedApis}, as its accounts and logins see it. Thread-safe. */
final class ApiRegistration implements Registration, LoginStarter {
    /** The longest URL in a key, in characters; a longer one is stored by its digest. */
    private static final int LONGEST = 900;

    private final ApiContext apis;
    private final String url;
    private final ProtectedResource resource;
    private final ApiAddresses addresses;
    private final String name;

    /** For the API at this URL, however the application spells it. */
    ApiRegistration(ApiContext apis, HttpUrl parsed) {
        this.apis = apis;
        this.url = parsed.toString();
        this.resource = apis.resource(parsed);
        this.addresses = ApiAddresses.below(parsed);
        this.name = apis.options().name() + " "
                + (url.length() <= LONGEST
                        ? url
                        : ByteString.encodeUtf8(url).sha256().hex());
    }

    boolean isOf(ApiContext other) {
        return apis == other;
    }

    ProtectedResource resource() {
        return resource;
    }

    String url() {
        return url;
    }

    /** The API's own name, once it is known; until then its URL. */
    String identifier() {
        ResourceMetadata known = resource.last();
        return known == null ? url : known.resource();
    }

    /** Whether the API accepts bound tokens only (DPoP), as far as it is known. */
    boolean wantsProofs() {
        ResourceMetadata known = resource.last();
        return resource.wantsProofs() || (known != null && known.dpopRequired());
    }

    // ---- Logins ---------------------------------------------------------------------------------------------------

    @Override
    public Provider provider() {
        return apis.placeholder();
    }

    @Override
    public @Nullable Set<String> scopes() {
        return null; // what the API names
    }

    @Override
    public Set<String> resources() {
        return Set.of();
    }

    /** The server at which users sign in. */
    String issuer() throws AuthorizationServerException {
        try {
            return apis.issuer(resource.metadata());
        } catch (RequestFailedException e) {
            throw Exceptions.of(e);
        }
    }

    @Override
    public PendingLogin start(
            @Nullable Set<String> wanted,
            Map<String, String> parameters,
            @Nullable String appState,
            @Nullable Duration maxAge,
            @Nullable String comesBackTo)
            throws AuthorizationServerException {
        try {
            ResourceMetadata metadata = resource.metadata();
            DiscoveredServer server = apis.servers().of(apis.issuer(metadata));
            Endpoints endpoints = server.endpointsFor(apis.options().client().registeredUris());
            checkPkce(server.issuer(), endpoints);
            Map<String, String> all = new LinkedHashMap<>(parameters);
            all.put(Requested.RESOURCE, metadata.resource());
            LoginAttempt attempt = flow(server)
                    .start(
                            scopes(wanted == null ? metadata.scopes() : wanted, endpoints),
                            all,
                            appState,
                            maxAge,
                            comesBackTo,
                            metadata.dpopRequired() || resource.wantsProofs());
            return new PendingLogin(
                    attempt.at(new LoginAttempt.Discovered(url, server.issuer(), endpoints.clientId())));
        } catch (RequestFailedException e) {
            throw Exceptions.of(e);
        }
    }

    /** Nobody vouches for such a server, so nothing less will do (OAuth 2.1 section 7.5.2). */
    private static void checkPkce(String issuer, Endpoints endpoints) throws RequestFailedException {
        if (!Facts.of(endpoints.provider()).namesS256) {
            throw new RequestFailedException(new Answer.Failure(
                    Answer.Kind.MISCONFIGURED,
                    0,
                    null,
                    "The metadata of " + issuer
                            + " does not name S256 among the code_challenge_methods_supported. No user"
                            + " is sent to a server that was discovered and does not protect codes (RFC 7636)",
                    null,
                    null));
        }
    }

    /** A scope for refresh tokens is added where the server knows it, and the application wants them. */
    private Set<String> scopes(Set<String> wanted, Endpoints endpoints) {
        ProviderFacts facts = Facts.of(endpoints.provider());
        Set<String> all = new LinkedHashSet<>(wanted);
        if (apis.options().offlineAccess() && facts.scopesSupported.contains("offline_access")) {
            all.add("offline_access");
        }
        return all;
    }

    private AuthorizationCodeFlow flow(DiscoveredServer server) {
        return new AuthorizationCodeFlow(
                server,
                server.revocation(),
                name,
                apis.options().client().firstRedirectUri(),
                Decryption.NONE,
                apis.dpop(),
                apis.usedLogins(),
                apis.time());
    }

    @Override
    public DeviceLogin startOnDevice(
            @Nullable Set<String> wanted, Map<String, String> parameters, @Nullable String appState) {
        throw new IllegalStateException("Device logins are for servers that the application knows: use a Grantkeeper");
    }

    @Override
    public BackchannelLogin startBackchannel(
            @Nullable Set<String> wanted,
            Map<String, String> parameters,
            @Nullable String appState,
            @Nullable Duration maxAge,
            boolean ping) {
        throw new IllegalStateException(
                "Backchannel logins are for servers that the application knows: use a Grantkeeper");
    }

    /** Finishes a login that was started for this API. */
    LoginResult finish(LoginAttempt attempt, LoginAttempt.Discovered at, @Nullable String query)
            throws AuthorizationServerException {
        DiscoveredServer server = apis.servers().of(at.issuer());
        try {
            LoginOutcome outcome = flow(server).finish(attempt, query);
            if (outcome instanceof LoginOutcome.SignedIn in) {
                GrantRow row = in.row().issuedBy(at.issuer(), at.clientId()).forApi(url);
                return new LoginResult.SignedIn(
                        this,
                        new LoginOutcome.SignedIn(
                                row, in.tokens(), in.detailsAsRequested(), in.callbackParameters(), in.appState()));
            }
            return outcome instanceof LoginOutcome.Declined declined
                    ? new LoginResult.Declined(declined)
                    : new LoginResult.Mismatched((LoginOutcome.Mismatched) outcome);
        } catch (RequestFailedException e) {
            if (e.failure().isAboutTheClient()) {
                server.clientIsRejected(attempt.state()); // perhaps no grant is left that would notice
            }
            throw Exceptions.of(e);
        }
    }

    // ---- Accounts -------------------------------------------------------------------------------------------------

    @Override
    public AccountKey key(String accountId) {
        return new AccountKey(name, accountId);
    }

    @Override
    public Engine engine() {
        return apis.engine();
    }

    @Override
    public void keep(GrantRow row, TokenSet tokens, AccountKey key) throws TokenStoreException {
        try {
            engine().logins().login(key, row);
        } catch (IOException e) {
            throw Exceptions.of(e);
        }
        events().signedIn(key, tokens);
    }

    @Override
    public void discard(GrantRow row, TokenSet tokens) {
        if (row.server() != null) {
            apis.servers().of(row.server()).revocation().revoke(tokens);
        }
    }

    @Override
    public GrantRow pin(GrantRow row) {
        ResourceMetadata known = resource.last();
        GrantRow its = row.forApi(url);
        return known == null ? its : apis.servers().of(apis.issuer(known)).pin(its);
    }

    @Override
    public void checkIsFromThere(GrantRow row) throws AuthorizationServerException {
        if (!issuer().equals(row.server())) {
            throw new AuthorizationServerException(
                    AuthorizationServerException.Kind.MISCONFIGURED,
                    0,
                    null,
                    "This grant was issued by " + row.server() + ", and the API is served by another server now",
                    null,
                    null);
        }
    }

    @Override
    public OkHttpClient wrap(OkHttpClient http, TokenSource source) {
        OkHttpClient guarded = apis.guarded(http).build();
        return interceptor(source, true).into(guarded);
    }

    @Override
    public Interceptor interceptor(TokenSource source) {
        return interceptor(source, false);
    }

    private AuthorizingInterceptor interceptor(TokenSource source, boolean wrapped) {
        return new AuthorizingInterceptor(
                DialectFacts.STANDARD,
                addresses,
                request -> source,
                apis.tokenWait(),
                apis.boundCalls(),
                apis.rejections(),
                wrapped,
                source.whose());
    }

    @Override
    public ApiAddresses apiAddresses() {
        return addresses;
    }

    @Override
    public TokenWait tokenWait() {
        return apis.tokenWait();
    }

    @Override
    public EventReporter events() {
        return apis.events();
    }

    @Override
    public Introspection introspect(String token) throws AuthorizationServerException {
        try {
            Endpoints endpoints = apis.servers().of(issuer()).endpoints();
            if (endpoints.introspection() == null) {
                throw endpoints.missing("introspection endpoint", "introspectionEndpoint(…)");
            }
            return new Introspection(endpoints.introspection().introspect(token));
        } catch (RequestFailedException e) {
            throw Exceptions.of(e);
        }
    }

    @Override
    public TokenSource source(TokenSource tokens) {
        return new Source(tokens);
    }

    /** An account's tokens, and what the API's answers say about logins. */
    private final class Source implements ApiSource {
        private final TokenSource tokens;

        Source(TokenSource tokens) {
            this.tokens = tokens;
        }

        @Override
        public String api() {
            return url;
        }

        @Override
        public Response withoutTokens(Interceptor.Chain chain, Request request, LoginRequiredException why)
                throws IOException {
            if (why.reason() != LoginRequiredException.Reason.NOT_CONNECTED) {
                ResourceMetadata known = resource.last();
                throw why.at(url, known == null ? null : apis.issuer(known));
            }
            Response response = chain.withCache(null).proceed(request);
            boolean itsOwn =
                    addresses.mayFollow(request.url(), response.request().url());
            if (response.code() != 401 || !itsOwn) {
                return response;
            }
            ResourceChallenge challenge = ResourceChallenge.in(response);
            ResourceMetadata metadata;
            try {
                metadata = resource.challenged(challenge);
            } catch (RequestFailedException e) {
                if (challenge == null) {
                    return response; // an API that is protected in another way
                }
                response.close();
                throw Exceptions.of(e);
            }
            response.close();
            throw why.with(why.reason(), challenge == null ? Set.of() : challenge.scopes())
                    .at(url, apis.issuer(metadata));
        }

        @Override
        public LoginRequiredException answering(LoginRequiredException why, Response response) {
            ResourceChallenge challenge = ResourceChallenge.in(response);
            response.close();
            Set<String> scopes = challenge == null ? Set.of() : challenge.scopes();
            try {
                String issuer = apis.issuer(resource.rejected(challenge));
                return why.with(why.reason(), scopes).at(url, issuer);
            } catch (RequestFailedException e) {
                Log.debug("{}", String.valueOf(e.failure().description()));
                return why.with(why.reason(), scopes).at(url, null);
            }
        }

        @Override
        public void checkIsStillServed(@Nullable Response response) throws LoginRequiredException {
            ResourceChallenge challenge = response == null ? null : ResourceChallenge.in(response);
            String issuer;
            ResourceMetadata metadata;
            try {
                GrantRow row = engine().logins().find(key());
                issuer = row == null ? null : row.server();
                if (issuer == null) {
                    return;
                }
                metadata = resource.rejected(challenge);
            } catch (IOException | RequestFailedException e) {
                return; // what happened is all that is known
            }
            if (!metadata.authorizationServers().contains(issuer)) {
                if (response != null) {
                    response.close();
                }
                throw new LoginRequiredException(
                                key(),
                                LoginRequiredException.Reason.ISSUED_ELSEWHERE,
                                null,
                                "the grant was issued by " + issuer + ", which the API names no longer",
                                Set.of(),
                                challenge == null ? Set.of() : challenge.scopes(),
                                Map.of())
                        .at(url, apis.issuer(metadata));
            }
        }

        @Override
        public AccountKey key() {
            return tokens.key();
        }

        @Override
        public Whose whose() {
            return tokens.whose();
        }

        @Override
        public ApiAddresses addresses() {
            return tokens.addresses();
        }

        @Override
        public CompletableFuture<Outcome> latest() {
            return tokens.latest();
        }

        @Override
        public void doubt() {
            tokens.doubt();
        }

        @Override
        public boolean goesToApiBase() {
            return false;
        }

        @Override
        public Outcome.@Nullable Usable known() {
            return tokens.known();
        }

        @Override
        public CompletableFuture<Outcome> current() {
            return tokens.current();
        }

        @Override
        public CompletableFuture<Outcome> insteadOf(String rejected) {
            return tokens.insteadOf(rejected);
        }

        @Override
        public void invalidate(String rejected) {
            tokens.invalidate(rejected);
        }

        @Override
        public boolean waitsForStore(Duration atLeast) {
            return tokens.waitsForStore(atLeast);
        }

        @Override
        public boolean throwsChallenges() {
            return tokens.throwsChallenges();
        }
    }

    @Override
    public String toString() {
        return "ApiRegistration[" + name + "]";
    }
}
