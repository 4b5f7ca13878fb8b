/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.fuzz;

import com.fasterxml.jackson.databind.node.TextNode;
import com.nimbusds.jwt.PlainJWT;
import dev.grantkeeper.internal.answer.Answer;
import dev.grantkeeper.internal.answer.Callback;
import dev.grantkeeper.internal.answer.Reply;
import dev.grantkeeper.internal.answer.RequestFailedException;
import dev.grantkeeper.internal.answer.ServerText;
import dev.grantkeeper.internal.answer.ServerTimes;
import dev.grantkeeper.internal.answer.TokenAnswers;
import dev.grantkeeper.internal.call.LoginChallenge;
import dev.grantkeeper.internal.call.ResourceChallenge;
import dev.grantkeeper.internal.openid.Decryption;
import dev.grantkeeper.internal.openid.IdTokens;
import dev.grantkeeper.internal.openid.IdentityException;
import dev.grantkeeper.internal.openid.KeySets;
import dev.grantkeeper.internal.openid.SignedMetadata;
import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.internal.row.RowFormat;
import dev.grantkeeper.internal.row.UnreadableRowException;
import dev.grantkeeper.internal.server.ResourceMetadata;
import dev.grantkeeper.internal.wire.DPoP;
import dev.grantkeeper.provider.DecryptionKey;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.Identity;
import dev.grantkeeper.token.SealingKeys;
import dev.grantkeeper.token.StoredTokens;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import okhttp3.Headers;
import okhttp3.HttpUrl;
import okhttp3.MediaType;
import okhttp3.Protocol;
import okhttp3.Request;
import okhttp3.Response;

/**
 * Everything that reads texts from outside. Each takes any text, lets out nothing but what its parser declares, and
 * checks of the result what holds whatever the text was.
 */
public enum Parsers {
    /** A success of the token endpoint, as an answer to each grant type. */
    TOKENS {
        @Override
        void read(String text) {
            for (String grantType : GRANT_TYPES) {
                check(ANSWERS.read(reply(200, "application/json", text), SECRETS, null, grantType));
            }
        }
    },
    /** An error of any endpoint. */
    ERRORS {
        @Override
        void read(String text) {
            for (int status : new int[] {200, 400, 401, 503}) {
                check(ANSWERS.read(reply(status, "text/html", text), SECRETS, null, "refresh_token"));
            }
            try {
                ANSWERS.document("endpoint", reply(400, "application/json", text), SECRETS);
            } catch (RequestFailedException e) {
                check(e.failure());
            }
        }
    },
    /** An answer that is a form. */
    FORMS {
        @Override
        void read(String text) {
            check(ANSWERS.read(reply(200, "application/x-www-form-urlencoded", text), SECRETS, null));
            check(SNIFFING.read(reply(200, "text/plain", text), SECRETS, null));
        }
    },
    /** The error answer of an endpoint. */
    WORDS {
        @Override
        void read(String text) {
            for (String secret : List.of(SECRET, text.substring(text.length() - Math.min(text.length(), 64)))) {
                String shown = ServerText.harmless(text, List.of(secret, SECRET));
                ensure(shown == null || isHarmless(shown), "a word that is not harmless");
                ensure(shown == null || !shown.contains(SECRET), "a secret");
            }
        }
    },
    /** {@code WWW-Authenticate} of an API. */
    CHALLENGES {
        @Override
        void read(String text) {
            Response response = new Response.Builder()
                    .request(new Request.Builder().url("https://api.example/").build())
                    .protocol(Protocol.HTTP_1_1)
                    .code(401)
                    .message("")
                    .headers(new Headers.Builder()
                            .addUnsafeNonAscii("WWW-Authenticate", text.replaceAll("[\\r\\n\\x00]", " "))
                            .build())
                    .build();
            LoginChallenge challenge = LoginChallenge.in(response, Set.of("granted"), SECRET);
            ensure(
                    challenge == null || challenge.description() == null || isHarmless(challenge.description()),
                    "a description that is not harmless");
            ResourceChallenge resource = ResourceChallenge.in(response);
            ensure(
                    resource == null || resource.error() == null || isHarmless(resource.error()),
                    "an error that is not harmless");
        }
    },
    /** The metadata of a server, and of an API. */
    METADATA {
        @Override
        void read(String text) {
            try {
                Provider.builder("any").metadata(ISSUER, text).build();
            } catch (IllegalArgumentException e) {
                // declared
            }
            try {
                HttpUrl api = HttpUrl.get("https://api.example/mcp");
                ResourceMetadata metadata = ResourceMetadata.read(api, api, true, text);
                ensure(metadata.name() == null || isHarmless(metadata.name()), "a name that is not harmless");
            } catch (IllegalArgumentException e) {
                ensure(isHarmless(String.valueOf(e.getMessage())), "a message that is not harmless");
            }
            for (String json : List.of(text, "{\"signed_metadata\":" + TextNode.valueOf(text) + "}")) {
                try {
                    SIGNED_METADATA.attested(ISSUER, json, () -> NOW);
                    ensure(false, "metadata that nobody has signed");
                } catch (IllegalArgumentException e) {
                    ensure(isHarmless(String.valueOf(e.getMessage())), "a message that is not harmless");
                }
                try {
                    SIGNED_METADATA.claims("The metadata", json, () -> NOW);
                    ensure(false, "metadata of an API that nobody has signed");
                } catch (IllegalArgumentException e) {
                    ensure(isHarmless(String.valueOf(e.getMessage())), "a message that is not harmless");
                }
            }
        }
    },
    /** A JWK set. */
    KEYS {
        @Override
        void read(String text) {
            try {
                ensure(KeySets.read(text) > 0, "no key, and no exception");
            } catch (IOException e) {
                ensure(isHarmless(String.valueOf(e.getMessage())), "a message that is not harmless");
            }
        }
    },
    /** An ID token: the text itself, and as claims of one. */
    ID_TOKENS {
        @Override
        void read(String text) {
            for (String jwt :
                    List.of(text, NO_SIGNATURE + base64(text) + ".", base64(text) + "." + base64(text) + ".eA")) {
                try {
                    KeySets.readClaims(jwt);
                } catch (IdentityException e) {
                    ensure(isHarmless(String.valueOf(e.getMessage())), "a message that is not harmless");
                }
                IdTokens.Owner unused = IdTokens.ownerOf(jwt, ALICE, "client", Set.of());
            }
        }
    },
    /** A token that is encrypted: the text itself, and as the header of one. */
    ENCRYPTED {
        @Override
        void read(String text) {
            for (String jwe : List.of(text, base64(text) + ".eA.AAAAAAAAAAAAAAAA.eA.AAAAAAAAAAAAAAAAAAAAAA")) {
                try {
                    String opened = DECRYPTION.open("ID token", jwe);
                    ensure(opened.equals(jwe) && !Decryption.isEncrypted(jwe), "something decrypted");
                } catch (IdentityException e) {
                    ensure(
                            String.valueOf(e.getMessage()).equals("The ID token is not valid: it cannot be decrypted"),
                            "another message");
                }
            }
        }
    },
    /** A row of a store, in plaintext, and sealed by somebody who has no key. */
    ROWS {
        @Override
        void read(String text) {
            for (RowFormat format : List.of(PLAIN, SEALED)) {
                try {
                    GrantRow row = format.read(KEY, new StoredTokens("v", text)).row();
                    StoredTokens written = format.write(KEY, row);
                    ensure(format.read(KEY, written).row().equals(row), "another row after writing it");
                } catch (UnreadableRowException e) {
                    // declared
                }
            }
        }
    },
    /** The query that a browser brings back. */
    CALLBACKS {
        @Override
        void read(String text) {
            Callback callback = Callback.parse(text);
            callback.stateToLookFor();
            callback.hasCode();
            callback.grantedScopes(PROVIDER);
            if (callback.problem() == null) {
                Callback.hasHmac(text, "hmac", "key");
            }
            ensure(callback.problem() == null || isHarmless(callback.problem()), "a problem that is not harmless");
            ensure(callback.code() == null || !callback.code().isEmpty(), "an empty code");
            Map<String, String> parameters = Callback.parameters(text);
            ensure(parameters == null || !parameters.containsValue(""), "an empty parameter");
        }
    },
    /** {@code Retry-After}. */
    PAUSES {
        @Override
        void read(String text) {
            ServerTimes.retryAfter(List.of(text), NOW);
        }
    };

    static final String ISSUER = "https://issuer.example";
    static final Instant NOW = Instant.parse("2026-11-20T12:00:00Z");
    static final Identity ALICE = Identity.of(ISSUER, "alice", Map.of());
    private static final String SECRET = "canary-1//0gAbC+dEf/ghIJkl";
    private static final List<String> SECRETS = List.of(SECRET);
    private static final List<String> GRANT_TYPES =
            List.of("refresh_token", "authorization_code", "urn:ietf:params:oauth:grant-type:token-exchange");
    private static final SignedMetadata SIGNED_METADATA = new SignedMetadata(
            ISSUER,
            "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\","
                    + "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}");
    private static final String NO_SIGNATURE =
            new PlainJWT(new com.nimbusds.jwt.JWTClaimsSet.Builder().build())
                            .getHeader()
                            .toBase64URL() + ".";
    private static final Decryption DECRYPTION =
            new Decryption(List.of(DecryptionKey.of(rsa()), DecryptionKey.of(DPoP.newKey())), Set.of());
    private static final AccountKey KEY = new AccountKey("registration", "account");
    private static final RowFormat PLAIN = new RowFormat(null);
    private static final RowFormat SEALED = new RowFormat(SealingKeys.of("kP3v9Zq7LxW2mT8sRb5nYc4dHf6gJa1e"));
    private static final Provider PROVIDER = Provider.builder("any")
            .authorizationEndpoint("https://any.example/authorize")
            .tokenEndpoint("https://any.example/token")
            .dialect(dialect -> dialect.grantedScopeParameter("scope"))
            .build();
    private static final TokenAnswers ANSWERS = new TokenAnswers(PROVIDER, () -> NOW);
    private static final TokenAnswers SNIFFING = new TokenAnswers(
            PROVIDER.newBuilder()
                    .dialect(dialect -> dialect.anyContentType()
                            .identityMember("sub", "/team/id", "/user_id")
                            .apiBase("/instance_url", "example.org"))
                    .build(),
            () -> NOW);

    private static KeyPair rsa() {
        try {
            KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
            generator.initialize(2048);
            return generator.generateKeyPair();
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    /**
     * Reads a text.
     *
     * @throws AssertionError if the result is one that cannot be
     */
    abstract void read(String text);

    static void ensure(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }

    static boolean isHarmless(String text) {
        return text.length() <= 1024 && text.chars().allMatch(c -> c >= ' ' && c < 0x7f && c != '<' && c != '>');
    }

    private static Reply reply(int status, String type, String body) {
        return new Reply(status, MediaType.get(type), body, List.of(body), Headers.of(), List.of());
    }

    private static void check(Answer answer) {
        if (answer instanceof Answer.Tokens tokens) {
            TokenSet set = tokens.response().toTokenSet(null, Set.of(), NOW, Optional.empty());
            ensure(set.expiresAt().map(NOW::isBefore).orElse(true), "tokens that have expired");
            ensure(
                    !set.toString().contains(set.accessToken())
                            || set.accessToken().length() < 12,
                    "a token in print");
        }
        if (answer instanceof Answer.Failure failure) {
            ensure(failure.error() == null || isHarmless(failure.error()), "an error that is not harmless");
            ensure(failure.description() == null || isHarmless(failure.description()), "not harmless");
            ensure(!String.valueOf(failure.description()).contains(SECRET), "a secret");
        }
    }

    private static String base64(String text) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(text.getBytes(StandardCharsets.UTF_8));
    }
}
