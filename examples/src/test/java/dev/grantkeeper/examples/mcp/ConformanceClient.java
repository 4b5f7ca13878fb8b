/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.mcp;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.grantkeeper.Account;
import dev.grantkeeper.ClientMetadata;
import dev.grantkeeper.Discovery;
import dev.grantkeeper.Grantkeeper;
import dev.grantkeeper.LoginRequiredException;
import dev.grantkeeper.LoginResult;
import dev.grantkeeper.PendingLogin;
import dev.grantkeeper.ProtectedApis;
import dev.grantkeeper.TokenExchange;
import dev.grantkeeper.provider.SigningKey;
import dev.grantkeeper.store.memory.MemoryTokenStore;
import dev.grantkeeper.token.SealingKeys;
import java.io.IOException;
import java.net.URI;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.Map;
import java.util.UUID;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;

/**
 * The program that the conformance suite of the Model Context Protocol runs: it calls a tool of the server whose URL is
 * its argument. Of authorization it does what every application of {@link ProtectedApis} does, and nothing else. It
 * exits with code 3 when the library or the server refuses.
 */
record ConformanceClient(ProtectedApis apis, Account account) {
    private static final OkHttpClient HTTP = new OkHttpClient();
    private static final String SCENARIO = System.getenv("MCP_CONFORMANCE_SCENARIO");
    private static final String VERSION = System.getenv("MCP_CONFORMANCE_PROTOCOL_VERSION");
    private static final SealingKeys KEYS = SealingKeys.of(UUID.randomUUID() + "/" + UUID.randomUUID());
    private static final String TYPE = "urn:ietf:params:oauth:token-type:";
    private static final int LOGINS_PER_CALL = 3;

    public static void main(String[] args) throws GeneralSecurityException {
        try {
            String given = System.getenv().getOrDefault("MCP_CONFORMANCE_CONTEXT", "{}");
            Map<String, String> context =
                    new JsonMapper().readerForMapOf(String.class).readValue(given);
            ProtectedApis.Builder settings = settings();
            if (context.containsKey("client_id")) {
                registerByHand(settings, args[0], context);
            }
            try (ProtectedApis apis = settings.build()) {
                ConformanceClient client = new ConformanceClient(apis, account(apis, args[0], context));
                ToolServer server = new ToolServer(args[0], VERSION, request -> client.send(request, LOGINS_PER_CALL));
                String first = server.tools().get(0).path("name").asText();
                JsonNode unused = server.call(first, JsonNodeFactory.instance.objectNode());
            }
        } catch (IOException e) {
            System.err.println(e);
            System.exit(3);
        }
    }

    private static ProtectedApis.Builder settings() {
        ProtectedApis.Builder settings = ProtectedApis.builder(ClientMetadata.named("Conformance")
                        .redirectUri("http://127.0.0.1:8765/callback")
                        .documentAt("https://conformance-test.local/client-metadata.json"))
                .allowHttpOnLoopback()
                .tokenStore(MemoryTokenStore.create())
                .sealingKeys(KEYS);
        return VERSION.equals("2025-03-26") ? settings.allowServersWithoutMetadata() : settings;
    }

    private static void registerByHand(ProtectedApis.Builder settings, String url, Map<String, String> context)
            throws IOException, GeneralSecurityException {
        String clientId = context.get("client_id");
        try (ProtectedApis unregistered = settings().build()) {
            String issuer = context.containsKey("issuer") ? context.get("issuer") : unregistered.issuerOf(url);
            if (context.containsKey("client_secret")) {
                settings.registered(issuer, clientId, context.get("client_secret"));
            } else if (context.containsKey("private_key_pem")) {
                String pem = context.get("private_key_pem").replaceAll("-----[A-Z ]+-----", "");
                byte[] key = Base64.getMimeDecoder().decode(pem);
                settings.registered(issuer, clientId, signingKey(key));
            } else {
                settings.registered(issuer, clientId);
            }
        }
    }

    private static SigningKey signingKey(byte[] key) throws GeneralSecurityException {
        return SigningKey.of(KeyFactory.getInstance("EC").generatePrivate(new PKCS8EncodedKeySpec(key)));
    }

    private static Account account(ProtectedApis apis, String url, Map<String, String> context) throws IOException {
        if (context.containsKey("idp_id_token")) {
            return apis.account(url, TokenExchange.assertion(grantOfTheCompany(context, apis.issuerOf(url), url)));
        } else if (context.containsKey("valid_jwt")) {
            return apis.account(url, TokenExchange.assertion(context.get("valid_jwt")));
        }
        return SCENARIO.startsWith("auth/client-credentials") ? apis.application(url) : apis.account(url, "me");
    }

    private static String grantOfTheCompany(Map<String, String> context, String issuer, String url) throws IOException {
        Discovery company = Discovery.of(context.get("idp_issuer")).allowHttpOnLoopback();
        try (Grantkeeper idp = Grantkeeper.builder(company)
                .clientId(context.get("idp_client_id"))
                .tokenStore(MemoryTokenStore.create())
                .sealingKeys(KEYS)
                .build()) {
            TokenExchange exchange = TokenExchange.of(context.get("idp_id_token"))
                    .subjectTokenType(TYPE + "id_token")
                    .requestedTokenType(TYPE + "id-jag")
                    .audience(issuer)
                    .resource(url);
            return signedIn(idp.exchange(exchange)).tokens().accessToken();
        }
    }

    private Response send(Request request, int logins) throws IOException {
        try {
            return account.wrap(HTTP).newCall(request).execute();
        } catch (LoginRequiredException e) {
            if (logins == 0) {
                throw e;
            }
            signIn(apis.newLogin(account).inResponseTo(e).start());
            return send(request, logins - 1);
        }
    }

    /** Does what a browser does, and a user who consents to everything. */
    private void signIn(PendingLogin login) throws IOException {
        Request page = new Request.Builder().url(login.url().toString()).build();
        OkHttpClient browser = HTTP.newBuilder().followRedirects(false).build();
        try (Response redirect = browser.newCall(page).execute()) {
            String callback = URI.create(redirect.header("Location", "")).getRawQuery();
            signedIn(apis.finishLogin(login, callback)).keepAs("me");
        }
    }

    private static LoginResult.SignedIn signedIn(LoginResult result) throws IOException {
        if (result instanceof LoginResult.SignedIn in) {
            return in;
        }
        throw new IOException(result.toString());
    }
}
