/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.testkit;

import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiFunction;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * An API of a {@link FakeAuthorizationServer} that describes itself (RFC 9728): a client that knows nothing but its URL
 * finds out where tokens for it come from.
 *
 * <pre>{@code
 * FakeProtectedApi api = server.protectedApi("/mcp").scopesSupported("read", "write");
 * // … a call without a token to api.url() is answered by 401 and
 * // WWW-Authenticate: Bearer resource_metadata="http://127.0.0.1:port/.well-known/oauth-protected-resource/mcp"
 * }</pre>
 *
 * <p>It accepts tokens that were requested for it ({@code resource}, RFC 8707) and rejects all others. A request with a
 * valid token is answered by {@code {"user": …, "method": …, "path": …, "token": …, "bodyLength": …}}, at its URL and
 * at every URL below. Tokens that are bound to a key ({@link FakeAuthorizationServer#dpop}) come with a proof of it.
 *
 * <p>Thread-safe. Everything can be changed while the server runs, with effect from the next request on.
 */
public final class FakeProtectedApi {
    private final String origin;
    private final String path;
    private final Script faults = new Script();
    private final Script metadataFaults = new Script();
    private final Recording recording = new Recording();
    private final DPoPProofs proofs;
    private final AtomicInteger requests = new AtomicInteger();
    private final AtomicInteger unauthorized = new AtomicInteger();
    private final AtomicInteger metadataRequests = new AtomicInteger();

    private volatile String resource;
    private volatile List<Grants> issuers;
    private volatile List<String> authorizationServers;
    private volatile List<String> challengeScopes = List.of();
    private volatile List<String> scopesSupported = List.of();
    private volatile List<String> requiredScopes = List.of();
    private volatile boolean challengeNamesMetadata = true;
    private volatile boolean checksResource = true;
    private volatile boolean dpopRequired;
    private volatile @Nullable String dpopNonce;
    private volatile boolean metadataAtPath = true;
    private volatile boolean metadataAtRoot;
    private volatile UnaryOperator<String> challenge = UnaryOperator.identity();
    private volatile UnaryOperator<Map<String, Object>> metadata = UnaryOperator.identity();
    private volatile BiFunction<RecordedRequest, Answer, Answer> change = (request, answer) -> answer;

    FakeProtectedApi(String origin, String path, Settings issuer, Grants grants) {
        proofs = new DPoPProofs(issuer);
        this.origin = origin;
        this.path = path;
        resource = origin + path;
        issuers = List.of(grants);
        authorizationServers = List.of(issuer.url);
    }

    /**
     * The URL of this API, by which clients know it.
     *
     * @return the URL
     */
    public String url() {
        return origin + path;
    }

    /**
     * The URL of this API's metadata: the well-known place with the path of the API after it (RFC 9728, 3.1).
     *
     * @return the URL, whether the metadata is there or not; see {@link #metadataAtPath}
     */
    public String metadataUrl() {
        return origin + FakeApis.WELL_KNOWN + (path.equals("/") ? "" : path);
    }

    // ---- What it says of itself ----------------------------------------------------------------------------------

    /**
     * Sets the identifier of this API: {@code resource} in its metadata, and the one that its tokens have to be
     * requested for. Default: {@link #url()}.
     *
     * @param identifier the identifier
     * @return this
     */
    public FakeProtectedApi resource(String identifier) {
        resource = identifier;
        return this;
    }

    /**
     * Sets {@code scope} in the challenges of 401. Default: none, the parameter is left out.
     *
     * @param scopes the scopes
     * @return this
     */
    public FakeProtectedApi challengeScopes(String... scopes) {
        challengeScopes = List.of(scopes);
        return this;
    }

    /**
     * Sets {@code scopes_supported} in the metadata. Default: none, the member is left out.
     *
     * @param scopes the scopes
     * @return this
     */
    public FakeProtectedApi scopesSupported(String... scopes) {
        scopesSupported = List.of(scopes);
        return this;
    }

    /**
     * Sets the scopes that a token must have. Without one of them the answer is 403 with {@code insufficient_scope},
     * and names them all. Default: none.
     *
     * @param scopes the scopes
     * @return this
     */
    public FakeProtectedApi requiredScopes(String... scopes) {
        requiredScopes = List.of(scopes);
        return this;
    }

    /**
     * Sets whether challenges carry {@code resource_metadata}. Default: yes.
     *
     * @param named whether they do
     * @return this
     */
    public FakeProtectedApi challengeNamesMetadata(boolean named) {
        challengeNamesMetadata = named;
        return this;
    }

    /**
     * Changes the {@code WWW-Authenticate} header of 401 and 403 before it is sent: to another scheme, to one that is
     * malformed, to one that names other people's metadata.
     *
     * @param change gets the header's value and returns the one to send; an empty text leaves the header out
     * @return this
     */
    public FakeProtectedApi challenge(UnaryOperator<String> change) {
        challenge = change;
        return this;
    }

    /**
     * Sets whether the metadata is at {@link #metadataUrl()}. Default: yes. Elsewhere the answer is 404.
     *
     * @param there whether it is
     * @return this
     */
    public FakeProtectedApi metadataAtPath(boolean there) {
        metadataAtPath = there;
        return this;
    }

    /**
     * Sets whether the metadata is at {@code /.well-known/oauth-protected-resource} of the host, too. Default: no. Of
     * several such APIs of one host, the one that was made first is there.
     *
     * @param there whether it is
     * @return this
     */
    public FakeProtectedApi metadataAtRoot(boolean there) {
        metadataAtRoot = there;
        return this;
    }

    /**
     * Changes the metadata before it is sent: members to add, to remove, to lie in.
     *
     * @param change gets a modifiable map and returns the one to send
     * @return this
     */
    public FakeProtectedApi metadata(UnaryOperator<Map<String, Object>> change) {
        metadata = change;
        return this;
    }

    /**
     * Sets {@code authorization_servers} in the metadata, and nothing else: the tokens that are accepted stay the same.
     * Default: the server that this API is of.
     *
     * @param issuers the issuers; none leaves the member out
     * @return this
     */
    public FakeProtectedApi authorizationServers(String... issuers) {
        authorizationServers = List.of(issuers);
        return this;
    }

    /**
     * Accepts the tokens of another server as well. The metadata stays the same.
     *
     * @param other the other server
     * @return this
     */
    public FakeProtectedApi acceptTokensOf(FakeAuthorizationServer other) {
        issuers = Stream.concat(issuers.stream(), Stream.of(other.grants()))
                .distinct()
                .toList();
        return this;
    }

    /**
     * Moves this API to another authorization server: its metadata names that one, and no other server's tokens are
     * accepted any longer. It can be moved back.
     *
     * @param other the other server
     * @return this
     */
    public FakeProtectedApi moveTo(FakeAuthorizationServer other) {
        authorizationServers = List.of(other.issuer());
        issuers = List.of(other.grants());
        return this;
    }

    /**
     * Sets whether tokens have to be requested for this API. Default: yes. APIs of authorization servers that ignore
     * {@code resource} take every token.
     *
     * @param checked whether they have to be
     * @return this
     */
    public FakeProtectedApi checksResource(boolean checked) {
        checksResource = checked;
        return this;
    }

    /**
     * Sets whether tokens have to be bound to a key, which challenges and metadata show: scheme {@code DPoP},
     * {@code dpop_bound_access_tokens_required}. Default: no, bearer tokens are taken as well.
     *
     * @param required whether they have to be
     * @return this
     */
    public FakeProtectedApi dpopRequired(boolean required) {
        dpopRequired = required;
        return this;
    }

    /**
     * Sets the nonce that proofs must have; without it the answer is 401 with {@code use_dpop_nonce}, and names it.
     * Default: {@code null}, none.
     *
     * @param nonce the nonce, or {@code null}
     * @return this
     */
    public FakeProtectedApi dpopNonce(@Nullable String nonce) {
        dpopNonce = nonce;
        return this;
    }

    // ---- Answers and faults --------------------------------------------------------------------------------------

    /**
     * Changes the answers of this API, as {@link FakeAuthorizationServer#onApiRequest} does.
     *
     * @param change gets the request and the usual answer, 401 included, and returns the one to send; in place of the
     *     change set before
     * @return this
     */
    public FakeProtectedApi onRequest(BiFunction<RecordedRequest, Answer, Answer> change) {
        this.change = change;
        return this;
    }

    /**
     * Adds faults for the next requests to this API, in this order, after those already waiting.
     *
     * @param faults one for each request
     * @return this
     */
    public FakeProtectedApi onNextRequest(Fault... faults) {
        this.faults.next.addAll(List.of(faults));
        return this;
    }

    /**
     * Adds faults for the next requests for this API's metadata, in this order, after those already waiting.
     *
     * @param faults one for each request
     * @return this
     */
    public FakeProtectedApi onNextMetadataRequest(Fault... faults) {
        metadataFaults.next.addAll(List.of(faults));
        return this;
    }

    /**
     * Sets the fault of all requests for this API's metadata for which no other is waiting. Default:
     * {@link Fault#none()}.
     *
     * @param fault the fault
     * @return this
     */
    public FakeProtectedApi onEveryMetadataRequest(Fault fault) {
        metadataFaults.always = fault;
        return this;
    }

    // ---- Counters ------------------------------------------------------------------------------------------------

    /**
     * The number of requests that have reached this API, with or without a token.
     *
     * @return their number
     */
    public int requests() {
        return requests.get();
    }

    /**
     * The number of requests to which this API has answered 401.
     *
     * @return their number
     */
    public int unauthorized() {
        return unauthorized.get();
    }

    /**
     * The number of requests for this API's metadata, at either place, whether it was there or not. Those at the root
     * count for the API that has its metadata there.
     *
     * @return their number
     */
    public int metadataRequests() {
        return metadataRequests.get();
    }

    /**
     * The requests that have reached this API, oldest first.
     *
     * @return a copy; the oldest of very many are missing
     */
    public List<RecordedRequest> calls() {
        return recording.copy();
    }

    /** Sets the counters of this API to zero and forgets the recorded requests. */
    public void resetCounters() {
        requests.set(0);
        unauthorized.set(0);
        metadataRequests.set(0);
        recording.clear();
    }

    @Override
    public String toString() {
        return "FakeProtectedApi[" + url() + ", requests=" + requests + ", unauthorized=" + unauthorized
                + ", metadataRequests=" + metadataRequests + "]";
    }

    // ---- Inside --------------------------------------------------------------------------------------------------

    String path() {
        return path;
    }

    boolean isAtRoot() {
        return metadataAtRoot;
    }

    /** RFC 9728, 3.2. */
    Answer document(boolean atRoot) throws IOException, InterruptedException {
        metadataRequests.incrementAndGet();
        return metadataFaults.next().around(() -> {
            if (atRoot ? !metadataAtRoot : !metadataAtPath) {
                return FakeApis.notFound(FakeApis.WELL_KNOWN + path);
            }
            Map<String, Object> document = new LinkedHashMap<>();
            document.put("resource", resource);
            if (!authorizationServers.isEmpty()) {
                document.put("authorization_servers", authorizationServers);
            }
            if (!scopesSupported.isEmpty()) {
                document.put("scopes_supported", scopesSupported);
            }
            document.put("bearer_methods_supported", List.of("header"));
            if (dpopRequired) {
                document.put("dpop_bound_access_tokens_required", true);
                document.put("dpop_signing_alg_values_supported", DPoPProofs.ALGORITHMS);
            }
            return Answer.json(200, Json.write(metadata.apply(document)));
        });
    }

    Answer answer(RecordedRequest request) throws IOException, InterruptedException {
        requests.incrementAndGet();
        recording.add(request);
        Answer answer = faults.next().around(() -> change.apply(request, authorized(request)));
        if (answer.status() == 401) {
            unauthorized.incrementAndGet();
        }
        return answer;
    }

    private Answer authorized(RecordedRequest request) {
        String bearer = Http.credentials(request, "Bearer");
        String bound = Http.credentials(request, "DPoP");
        String token = bound != null ? bound : bearer;
        String scheme = dpopRequired || bound != null ? "DPoP" : "Bearer";
        if (token == null) {
            return unauthorized(scheme, Map.of());
        }
        try {
            Grants.Access access = valid(token);
            // RFC 9449, 7.2: a token is bound and has a proof, or neither.
            String key = bound == null ? null : proofs.verify(request, origin + request.path(), dpopNonce, token);
            if (!Objects.equals(access.key, key) || (dpopRequired || bound != null) && key == null) {
                throw new Refused("invalid_token", "The access token is bound to another key, or to none");
            }
            if (checksResource && !access.resources.contains(resource)) {
                throw new Refused("invalid_token", "The access token is for another resource");
            }
            if (!Grants.scopes(access.scope).containsAll(requiredScopes)) {
                Map<String, String> challenge = new LinkedHashMap<>();
                challenge.put("error", "insufficient_scope");
                challenge.put("scope", String.join(" ", requiredScopes));
                return refusal(403, scheme, challenge);
            }
            return ProtectedApi.echo(request, access.user, token);
        } catch (Refused e) {
            Map<String, String> challenge = new LinkedHashMap<>();
            challenge.put("error", e.error());
            challenge.put("error_description", e.description());
            return unauthorized(scheme, challenge);
        }
    }

    private Grants.Access valid(String token) throws Refused {
        Refused first = null;
        for (Grants grants : issuers) {
            try {
                return grants.valid(token);
            } catch (Refused e) {
                first = first == null ? e : first;
            }
        }
        throw first == null ? new Refused("invalid_token", "Invalid access token") : first;
    }

    /** RFC 6750, 3.1: a request without a token gets no error code. */
    private Answer unauthorized(String scheme, Map<String, String> error) {
        Map<String, String> params = new LinkedHashMap<>(error);
        if (!challengeScopes.isEmpty()) {
            params.put("scope", String.join(" ", challengeScopes));
        }
        return refusal(401, scheme, params);
    }

    private Answer refusal(int status, String scheme, Map<String, String> params) {
        Map<String, String> all = new LinkedHashMap<>(params);
        if (challengeNamesMetadata) {
            all.put(
                    "resource_metadata",
                    metadataAtPath || !metadataAtRoot ? metadataUrl() : origin + FakeApis.WELL_KNOWN);
        }
        if (scheme.equals("DPoP")) {
            all.put("algs", String.join(" ", DPoPProofs.ALGORITHMS));
        }
        StringBuilder header = new StringBuilder(scheme);
        String separator = " ";
        for (Map.Entry<String, String> param : all.entrySet()) {
            header.append(separator)
                    .append(param.getKey())
                    .append("=\"")
                    .append(param.getValue())
                    .append('"');
            separator = ", ";
        }
        Answer answer = Answer.json(status, Json.write(Map.of("error", params.getOrDefault("error", "unauthorized"))));
        String nonce = dpopNonce;
        if (nonce != null && "use_dpop_nonce".equals(params.get("error"))) {
            answer = answer.header("DPoP-Nonce", nonce);
        }
        String value = challenge.apply(header.toString());
        return value.isEmpty() ? answer : answer.header("WWW-Authenticate", value);
    }
}
