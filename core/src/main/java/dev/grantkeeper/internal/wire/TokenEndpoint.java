/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.wire;

import dev.grantkeeper.internal.answer.Answer;
import dev.grantkeeper.internal.answer.Claims;
import dev.grantkeeper.internal.answer.Reply;
import dev.grantkeeper.internal.answer.ServerTimes;
import dev.grantkeeper.internal.answer.TokenAnswers;
import dev.grantkeeper.internal.answer.TokenAnswers.Binding;
import dev.grantkeeper.internal.protocol.Resource;
import dev.grantkeeper.internal.provider.Facts;
import dev.grantkeeper.internal.provider.ProviderFacts;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.token.TokenSet;
import java.net.URI;
import java.security.KeyPair;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The token endpoint (RFC 6749 section 3.2) and the revocation endpoint (RFC 7009) of a provider, as one client uses
 * them. Every request is sent at most once; a request that the server did not process because of its proof of
 * possession (RFC 9449 section 8), which uses nothing up, is sent once more. Thread-safe; {@code toString} shows no
 * secret.
 */
public final class TokenEndpoint {
    /** Parameters whose values must not appear in any message. */
    private static final List<String> SECRETS = List.of(
            "code",
            "code_verifier",
            "refresh_token",
            "device_code",
            "auth_req_id",
            "subject_token",
            "actor_token",
            "assertion");

    /** Ends a scope that stands for everything that was granted at a resource (Entra ID). */
    private static final String ALL_OF_RESOURCE = "/.default";

    /** Scopes of no resource, which go with any other. */
    private static final Set<String> OPENID_SCOPES = Set.of("openid", "profile", "email", "offline_access");

    /** The longest pause before a second attempt: the process may end before it. */
    private static final Duration LONGEST_PAUSE = Duration.ofHours(1);

    private final Http http;
    private final ProviderFacts provider;
    private final Client client;
    private final @Nullable String redirectUri;
    private final TokenAnswers answers;
    private final InstantSource clock;

    /** One client's view of a provider. */
    public TokenEndpoint(
            Http http, Provider provider, Client client, @Nullable String redirectUri, InstantSource clock) {
        this.http = http;
        this.provider = Facts.of(provider);
        this.client = client;
        this.redirectUri = redirectUri;
        this.answers = new TokenAnswers(provider, clock);
        this.clock = clock;
    }

    /**
     * Redeems a code (RFC 6749 section 4.1.3, RFC 7636 section 4.5, RFC 8707 section 2.2).
     *
     * @param key the key that the login was started with; {@code null} if there was none
     */
    public Answer redeem(
            String code,
            String redirectUri,
            @Nullable String codeVerifier,
            Set<String> resources,
            @Nullable KeyPair key) {
        Map<String, String> form = ofUser();
        form.put("grant_type", "authorization_code");
        form.put("code", code);
        form.put("redirect_uri", redirectUri);
        if (codeVerifier != null) {
            form.put("code_verifier", codeVerifier);
        }
        putResources(form, resources);
        tellCapabilities(form);
        return request(form, binding(key));
    }

    /**
     * Refreshes (RFC 6749 section 6). No scope is sent, unless the provider needs it: that asks for what was granted.
     * Resources are: without, a server may choose another API (RFC 8707 section 2.2).
     *
     * @param tokens the grant's own
     * @param resource what the new access token is for
     */
    public Answer refresh(TokenSet tokens, Resource resource) {
        Map<String, String> form = ofUser();
        form.putAll(provider.dialect.refreshParameters);
        form.put("grant_type", "refresh_token");
        form.put("refresh_token", tokens.refreshToken().orElseThrow());
        if (redirectUri != null && provider.dialect.redirectUriOnRefresh) {
            form.put("redirect_uri", redirectUri);
        }
        if (resource instanceof Resource.Named other) {
            putResource(form, other);
        } else {
            putResources(form, tokens.resources());
            putScopes(form, tokens.scopes());
        }
        tellCapabilities(form);
        return request(form, bindingOfRefresh(tokens.proofKey().orElse(null), resource));
    }

    /**
     * A grant that is bound to a key stays so. One that is not: where the application wants bound tokens, the server
     * may bind it now, and if it does not, the grant goes on as it was. Not in a request for another resource, since
     * what the server bound there to a new key could be the refresh token.
     */
    private @Nullable Binding bindingOfRefresh(@Nullable KeyPair key, Resource resource) {
        if (key != null) {
            return binding(key);
        }
        Binding wanted = resource.isOwn() ? binding(null) : null;
        return wanted == null ? null : new Binding(wanted.key(), false);
    }

    /**
     * The parameters that this provider requires in every request for a user's tokens. A parameter of the request
     * itself has precedence.
     */
    private Map<String, String> ofUser() {
        return new LinkedHashMap<>(provider.dialect.tokenParameters);
    }

    /** Polls for the tokens of a device login (RFC 8628 section 3.4). */
    public Answer deviceToken(String deviceCode, Set<String> resources) {
        Map<String, String> form = ofUser();
        form.put("grant_type", "urn:ietf:params:oauth:grant-type:device_code");
        form.put("device_code", deviceCode);
        putResources(form, resources);
        tellCapabilities(form);
        return request(form, binding(null));
    }

    /** Polls for the tokens of a backchannel login (CIBA Core section 10.1). */
    public Answer backchannelToken(String authReqId, Set<String> resources) {
        Map<String, String> form = ofUser();
        form.put("grant_type", "urn:openid:params:grant-type:ciba");
        form.put("auth_req_id", authReqId);
        putResources(form, resources);
        tellCapabilities(form);
        return request(form, binding(null));
    }

    /**
     * The scopes of a grant, for a server that would otherwise choose an API by itself. One that stands for all that
     * was granted at a resource goes with no other of that resource (AADSTS70011), though the response lists both.
     */
    private void putScopes(Map<String, String> form, Set<String> granted) {
        if (!provider.dialect.scopesOnRefresh || granted.isEmpty()) {
            return;
        }
        Set<String> scopes = new LinkedHashSet<>(granted);
        if (granted.stream().anyMatch(scope -> scope.endsWith(ALL_OF_RESOURCE))) {
            scopes.removeIf(scope -> !scope.endsWith(ALL_OF_RESOURCE) && !OPENID_SCOPES.contains(scope));
        }
        scopes.addAll(provider.dialect.unlistedScopes);
        form.put("scope", String.join(provider.scopeSeparator, scopes));
    }

    private static void putResources(Map<String, String> form, Set<String> resources) {
        if (!resources.isEmpty()) {
            form.put("resource", String.join(" ", resources));
        }
    }

    /** Entra ID reads the capabilities in each request, and issues the token accordingly. */
    private void tellCapabilities(Map<String, String> form) {
        String claims = Claims.ofCapabilities(provider.clientCapabilities);
        if (claims != null) {
            form.put("claims", claims);
        }
    }

    /**
     * Asks for the application's own token (RFC 6749 section 4.4).
     *
     * @param resource what the token is for
     * @param resources what it is for where it is for no other resource; empty for what the server chooses
     * @param scope what to ask for where it is for no other resource
     * @param key what the tokens before were bound to; {@code null} if there were none
     */
    public Answer clientCredentials(Resource resource, Set<String> resources, String scope, @Nullable KeyPair key) {
        Map<String, String> form = new LinkedHashMap<>(provider.dialect.applicationParameters);
        form.put("grant_type", "client_credentials");
        if (resource instanceof Resource.Named other) {
            putResource(form, other);
        } else {
            putResources(form, resources);
            if (!scope.isEmpty()) {
                form.put("scope", scope);
            }
        }
        return request(form, binding(key));
    }

    private void putResource(Map<String, String> form, Resource.Named resource) {
        if (provider.resourceIsScope) {
            form.put("scope", resource.name() + ALL_OF_RESOURCE);
        } else {
            form.put("resource", resource.name());
        }
    }

    /** The key that a grant is bound to, or is going to be. */
    private @Nullable Binding binding(@Nullable KeyPair key) {
        KeyPair bound = key == null ? http.dpop().keyForNewGrant() : key;
        return bound == null ? null : new Binding(bound, true);
    }

    /**
     * Requests tokens with the grant type in the form.
     *
     * @param bound whether they are bound to a key in any case
     */
    public Answer request(Map<String, String> form, boolean bound) {
        return request(form, bound ? new Binding(DPoP.newKey(), true) : binding(null));
    }

    private Answer request(Map<String, String> form, @Nullable Binding binding) {
        try {
            URI endpoint = "refresh_token".equals(form.get("grant_type"))
                    ? provider.refreshEndpoint()
                    : provider.tokenEndpoint;
            Reply reply = http.call(() -> client.askForTokens(endpoint, form), binding == null ? null : binding.key());
            Answer answer = answers.read(reply, secrets(form), binding, form.getOrDefault("grant_type", ""));
            return answer instanceof Answer.Failure failure && mayBeDone(failure) ? new Answer.Lost(failure) : answer;
        } catch (Http.CallFailedException e) {
            if (e.answered()) {
                return new Answer.Lost(new Answer.Failure(
                        Answer.Kind.MALFORMED, 0, null, e.reason().getMessage(), null, e.reason()));
            }
            Answer.Failure failure =
                    new Answer.Failure(Answer.Kind.TEMPORARY, 0, null, e.describe("token endpoint"), null, e.reason());
            return e.sent() ? new Answer.Lost(failure) : failure;
        }
    }

    /**
     * A success that cannot be read is one all the same, and a gateway that gave up does not know what its server did.
     * Nothing is lost where the new refresh token could be read.
     */
    private static boolean mayBeDone(Answer.Failure failure) {
        if (failure.unusedRefreshToken() != null) {
            return false;
        }
        boolean success = failure.status() >= 200 && failure.status() < 300;
        return failure.status() == 504 || (success && failure.kind() == Answer.Kind.MALFORMED);
    }

    private List<String> secrets(Map<String, String> form) {
        List<String> secrets = new ArrayList<>();
        for (String name : SECRETS) {
            secrets.add(form.getOrDefault(name, ""));
        }
        secrets.addAll(client.secrets());
        return secrets;
    }

    /**
     * The result of a revocation.
     *
     * @param again the pause that the server wants before the same is tried again; {@code null} if nothing is left to
     *     do
     * @param problem the reason for which the tokens may still be valid; {@code null} if they are not
     */
    public record Revoked(
            @Nullable Duration again, @Nullable String problem) {
        private static final Revoked DONE = new Revoked(null, null);
    }

    /**
     * Revokes tokens (RFC 7009), if the provider has a revocation endpoint: the refresh token first, since the grant
     * goes with it, then the access token, since servers need not revoke that one, too. Never fails. Takes no longer
     * than two calls, and one if the server does not respond.
     */
    public Revoked revoke(@Nullable String refreshToken, @Nullable String accessToken) {
        URI endpoint = provider.revocationEndpoint;
        if (endpoint == null) {
            return Revoked.DONE;
        }
        try {
            Revoked first = refreshToken == null ? Revoked.DONE : revoke(endpoint, refreshToken, "refresh_token");
            if (first.again() != null || accessToken == null) {
                return first;
            }
            Revoked second = revoke(endpoint, accessToken, "access_token");
            return second.problem() == null ? first : second;
        } catch (Http.CallFailedException e) {
            return new Revoked(null, e.describe("revocation endpoint"));
        }
    }

    /** After a 503 the token is still valid (RFC 7009 section 2.2.1); everything else is final. */
    private Revoked revoke(URI endpoint, String token, String hint) throws Http.CallFailedException {
        Map<String, String> form = new LinkedHashMap<>();
        form.put("token", token);
        form.put("token_type_hint", hint);
        Reply reply = http.call(client.post(endpoint, form));
        if (reply.status() < 400) {
            return Revoked.DONE;
        }
        Duration pause = reply.status() == 503 ? ServerTimes.retryAfter(reply.retryAfter(), clock.instant()) : null;
        return new Revoked(
                pause == null || pause.compareTo(LONGEST_PAUSE) < 0 ? pause : LONGEST_PAUSE,
                "The revocation endpoint answered with status " + reply.status());
    }

    @Override
    public String toString() {
        return "TokenEndpoint[" + provider.tokenEndpoint + "]";
    }
}
