/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples;

import static java.util.stream.Collectors.toMap;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.api.client.auth.oauth2.StoredCredential;
import com.google.api.client.util.store.DataStore;
import com.google.api.client.util.store.MemoryDataStoreFactory;
import dev.grantkeeper.Account;
import dev.grantkeeper.examples.bridges.BridgeScene;
import dev.grantkeeper.examples.bridges.FakeMailServer;
import dev.grantkeeper.examples.migration.GoogleStoredCredentials;
import dev.grantkeeper.examples.migration.MigrationScene;
import jakarta.mail.Service;
import java.io.IOException;
import java.io.StringWriter;
import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.net.URI;
import java.net.URL;
import java.net.URLClassLoader;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;
import okhttp3.OkHttpClient;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The code in the documentation compiles, and its links lead somewhere. */
class ReadmeTest {
    private static final Path ROOT = Path.of("..");
    private static final Path README = ROOT.resolve("README.md");
    private static final Path GUIDE = ROOT.resolve("core/README.md");
    private static final Path TESTING = ROOT.resolve("core/TESTING.md");
    private static final Path OBSERVING = ROOT.resolve("core/OBSERVING.md");
    private static final Path MCP = ROOT.resolve("core/MCP.md");
    private static final Path PROVIDERS = ROOT.resolve("core/src/main/java/dev/grantkeeper/provider/README.md");
    private static final Path JDBC = ROOT.resolve("store-jdbc/README.md");
    private static final Path EXAMPLES = ROOT.resolve("examples/README.md");
    private static final Path MIGRATING = ROOT.resolve("examples/MIGRATING.md");

    private static final Pattern BLOCK = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL);
    private static final Pattern FENCE = Pattern.compile("^```.*?^```$", Pattern.DOTALL | Pattern.MULTILINE);
    private static final Pattern COMMENT = Pattern.compile("<!--.*?-->", Pattern.DOTALL);
    private static final Pattern CODE = Pattern.compile("`([^`]+)`");
    private static final Pattern LINK = Pattern.compile("]\\(([^)\\s]+)\\)|^\\[[^]]+]:\\s*(\\S+)", Pattern.MULTILINE);
    private static final Pattern HEADING = Pattern.compile("^#{1,6} (.+)$", Pattern.MULTILINE);
    private static final Pattern TEST = Pattern.compile("([A-Z]\\w*[a-z0-9](?:Test|IT))(?:\\.(\\w+…?))?");
    private static final Pattern TEST_METHOD = Pattern.compile("…?[a-z]*(?:_[a-z0-9]+){2,}_?…?");

    private static final Pattern VERSION =
            Pattern.compile("<artifactId>(grantkeeper-[a-z-]+)</artifactId>\\s*<version>([^<]+)<"
                    + "|dev\\.grantkeeper:(grantkeeper-[a-z-]+):([^:\"]+)\"");

    /** With a version or without one. */
    private static final Pattern ARTIFACT = Pattern.compile(
            "<artifactId>(grantkeeper-[a-z-]+)</artifactId>" + "|dev\\.grantkeeper:(grantkeeper-[a-z-]+)[:\"]");

    private static final Pattern CLIENT = Pattern.compile("\\| `([a-z0-9.]+):([a-z0-9.-]+):([0-9.]+)` \\|");

    /** As long as a row may be that can still be read in a diff. */
    private static final int LONGEST_ROW = 300;

    private static final String IMPORTS = """
            import static java.net.http.HttpResponse.BodyHandlers.ofString;
            import static org.junit.jupiter.api.Assertions.*;
            import com.github.scribejava.core.model.OAuth2AccessToken;
            import com.google.api.client.auth.oauth2.StoredCredential;
            import com.google.api.client.util.store.DataStore;
            import com.google.api.client.util.store.FileDataStoreFactory;
            import com.microsoft.aad.msal4j.ConfidentialClientApplication;
            import dev.grantkeeper.*;
            import dev.grantkeeper.examples.bridges.*;
            import dev.grantkeeper.examples.files.*;
            import dev.grantkeeper.examples.migration.*;
            import dev.grantkeeper.examples.observing.*;
            import dev.grantkeeper.examples.redis.*;
            import dev.grantkeeper.provider.*;
            import dev.grantkeeper.store.jdbc.*;
            import dev.grantkeeper.store.memory.*;
            import dev.grantkeeper.testkit.*;
            import dev.grantkeeper.token.*;
            import io.micrometer.core.instrument.MeterRegistry;
            import io.micrometer.core.instrument.Tags;
            import io.modelcontextprotocol.client.transport.HttpClientStreamableHttpTransport;
            import io.opentelemetry.api.OpenTelemetry;
            import jakarta.mail.AuthenticationFailedException;
            import jakarta.mail.Service;
            import java.io.ByteArrayInputStream;
            import java.io.IOException;
            import java.io.ObjectInputStream;
            import java.net.CookieManager;
            import java.net.URI;
            import java.net.http.HttpClient;
            import java.net.http.HttpRequest;
            import java.net.http.HttpResponse;
            import java.nio.file.Path;
            import java.time.Duration;
            import java.time.Instant;
            import java.time.InstantSource;
            import java.util.HashMap;
            import java.util.List;
            import java.util.Map;
            import java.util.Optional;
            import java.util.UUID;
            import java.util.concurrent.CompletableFuture;
            import java.util.concurrent.atomic.AtomicLong;
            import java.util.function.Function;
            import java.util.function.Supplier;
            import java.util.stream.Stream;
            import okhttp3.OkHttpClient;
            import okhttp3.Request;
            import okhttp3.Response;
            import okhttp3.ResponseBody;
            import org.junit.jupiter.api.AutoClose;
            import org.junit.jupiter.api.BeforeEach;
            import org.junit.jupiter.api.Test;
            import reactor.core.publisher.Mono;
            import redis.clients.jedis.DefaultJedisClientConfig;
            import redis.clients.jedis.HostAndPort;
            import redis.clients.jedis.UnifiedJedis;
            import retrofit2.Call;
            import retrofit2.Retrofit;
            import retrofit2.http.GET;
            import retrofit2.http.Tag;
            """;

    /** The types that an application has around such code. */
    private static final String AROUND = """
            interface Session {
                void setAttribute(String name, Object value);
                Object getAttribute(String name);
            }
            interface Answer {
                void sendRedirect(String url);
                void setStatus(int status);
                void setHeader(String name, String value);
            }
            interface Cookies {
                String get(String name);
            }
            interface Logins {
                BackchannelLogin get(String key);
                void finish(LoginResult result);
            }
            interface Sessions {
                void end(Optional<String> user, Optional<String> session);
                void endBySessionId(String session);
            }
            """;

    /** As much of Spring's tests as one needs, which are on no class path here. */
    private static final String SPRING_TEST = """
            @interface SpringBootTest {
                enum WebEnvironment { RANDOM_PORT }
                WebEnvironment webEnvironment();
            }
            @interface DynamicPropertySource {}
            @interface TestConfiguration {}
            @interface Bean {}
            @interface Primary {}
            @interface LocalServerPort {}
            interface AcmeSettings {}
            interface DynamicPropertyRegistry {
                void add(String name, Supplier<Object> value);
            }
            """;

    /** The blocks with tests, which go into the class of the first. */
    private static final List<Block> TESTS = List.of(
            Block.TEST_LOGIN,
            Block.TEST_TIME,
            Block.TEST_REJECTED,
            Block.TEST_FAULTS,
            Block.TEST_DEVICE,
            Block.TEST_BACKCHANNEL,
            Block.TEST_SIGN_OUT,
            Block.TEST_NODES,
            Block.TEST_SECRETS);

    /** Every block of Java in the documentation: its page, and what it is known by there. */
    private enum Block {
        LINES(README, "spotify.startLogin()"),
        TAG(README, ".tag(Account.class"),
        COOKIE(GUIDE, "login.seal(keys)"),
        REQUEST_URI(GUIDE, ".requestUri(request"),
        DECRYPTION(GUIDE, "DecryptionKey.of("),
        DEVICE(GUIDE, "startOnDevice()"),
        BACKCHANNEL(GUIDE, "startBackchannel()"),
        NOTIFICATION(GUIDE, "acceptNotification("),
        LOOPBACK(GUIDE, "LoopbackReceiver"),
        HTTP_CLIENT(GUIDE, "answer.statusCode()"),
        MAIL(GUIDE, "mail.connect("),
        RETROFIT(GUIDE, "@Tag Account"),
        EXCHANGE(GUIDE, "TokenExchange"),
        LOGOUT(GUIDE, "newLogout()"),
        LOGOUT_TOKEN(GUIDE, "verifyLogoutToken"),
        LOGOUT_FRAME(GUIDE, "readFrontChannelLogout"),
        INITIATED_LOGIN(GUIDE, "readInitiatedLogin"),
        BY_NAME(GUIDE, "Providers.named("),
        DISCOVERY(GUIDE, "Discovery.of(\"https:"),
        STORE(GUIDE, "implements TokenStore"),
        STORE_TEST(GUIDE, "extends TokenStoreContract"),
        OPERATORS(GUIDE, "user.reseal()"),
        TEST_KIT(TESTING, "class AcmeTest {"),
        TEST_PRESETS(TESTING, "server.provider(Providers.gitHub())"),
        TEST_LOGIN(TESTING, "a_user_refuses"),
        TEST_TIME(TESTING, "an_expired_token_is_refreshed_once"),
        TEST_REJECTED(TESTING, "a_rejected_token_is_replaced"),
        TEST_FAULTS(TESTING, "an_outage_goes_unnoticed"),
        TEST_DEVICE(TESTING, "a_terminal_signs_in"),
        TEST_BACKCHANNEL(TESTING, "a_customer_consents"),
        TEST_SIGN_OUT(TESTING, "a_user_signs_out"),
        TEST_NODES(TESTING, "two_nodes_refresh_once"),
        TEST_SECRETS(TESTING, "the_token_is_printed_nowhere"),
        TEST_SPRING_BEANS(TESTING, "@Bean Grantkeeper acme("),
        TEST_SPRING(TESTING, "@SpringBootTest"),
        MICROMETER(OBSERVING, "GrantListener metrics"),
        OPEN_TELEMETRY(OBSERVING, "OpenTelemetryListener"),
        MCP_LINES(MCP, "apis.finishLogin("),
        MCP_REGISTRATION(MCP, "documentAt("),
        MCP_COMPANY(MCP, "id-jag"),
        MCP_SDK(MCP, "HttpClientStreamableHttpTransport"),
        NAMED(PROVIDERS, "Providers.search("),
        JDBC_STORE(JDBC, "JdbcTokenStore.on"),
        JDBC_LISTS(JDBC, "keysUntouchedSince"),
        FILE_STORE(EXAMPLES, "FileTokenStore.create"),
        REDIS_STORE(EXAMPLES, "RedisTokenStore.client"),
        NODES_TEST(EXAMPLES, "extends TokenStoreContract"),
        FROM_SPRING(MIGRATING, "SpringAuthorizedClients.move"),
        FROM_GOOGLE(MIGRATING, "GoogleStoredCredentials.move"),
        FROM_MSAL(MIGRATING, "MsalTokenCache.move"),
        FROM_SCRIBE(MIGRATING, "ScribeJavaTokens.move"),
        FROM_APP_AUTH(MIGRATING, "AppAuthStates.move"),
        AT_NEXT_VISIT(MIGRATING, "user.importTokens("),
        ROLL_BACK(MIGRATING, "user.tokensInsteadOf(");

        private final Path page;
        private final String mark;

        Block(Path page, String mark) {
            this.page = page;
            this.mark = mark;
        }

        /** The one block that says this. */
        String code() throws IOException {
            return blocks(page).stream()
                    .filter(block -> block.contains(mark))
                    .reduce((one, other) -> {
                        throw new AssertionError("Two blocks of " + page + " say " + mark);
                    })
                    .orElseThrow();
        }
    }

    @TempDir
    Path output;

    private static List<String> blocks(Path page) throws IOException {
        Matcher matcher = BLOCK.matcher(Files.readString(page));
        List<String> blocks = new ArrayList<>();
        while (matcher.find()) {
            blocks.add(matcher.group(1));
        }
        return blocks;
    }

    private String errors(String body) {
        String source = IMPORTS + "public class Readme {\n" + AROUND + body + "\n}\n";
        JavaFileObject file =
                new SimpleJavaFileObject(URI.create("string:///Readme.java"), JavaFileObject.Kind.SOURCE) {
                    @Override
                    public CharSequence getCharContent(boolean ignoreEncodingErrors) {
                        return source;
                    }
                };
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        StringWriter errors = new StringWriter();
        List<String> options =
                List.of("-proc:none", "-classpath", System.getProperty("java.class.path"), "-d", output.toString());
        boolean compiled = compiler.getTask(errors, null, null, options, null, List.of(file))
                .call();
        return compiled ? "" : errors + "\n" + source;
    }

    private static String method(String parameters, String statements) {
        return "public static void run(" + parameters + ") throws Exception {\n" + statements + "\n}";
    }

    @Test
    void the_first_lines_compile() throws IOException {
        String parameters = "javax.sql.DataSource dataSource, Session session, Answer response, String query,"
                + " String userId, OkHttpClient http";
        assertThat(errors(method(parameters, Block.LINES.code()))).isEmpty();
    }

    @Test
    void many_users_on_one_client_compile() throws IOException {
        String parameters = "Grantkeeper spotify, OkHttpClient http, String url, String userId";
        assertThat(errors(method(parameters, Block.TAG.code()))).isEmpty();
    }

    @Test
    void a_login_in_a_sealed_cookie_compiles() throws IOException {
        String parameters = "PendingLogin login, SealingKeys keys, String query, Cookies cookies";
        assertThat(errors(method(parameters, Block.COOKIE.code()))).isEmpty();
    }

    @Test
    void a_request_that_the_application_serves_compiles() throws IOException {
        assertThat(errors(
                        method("Grantkeeper.Builder builder, Map<String, String> requests", Block.REQUEST_URI.code())))
                .isEmpty();
    }

    @Test
    void keys_to_decrypt_with_compile() throws IOException {
        String parameters = "Grantkeeper.Builder builder, java.security.KeyPair keyPair, DecryptionKey lastYears";
        assertThat(errors(method(parameters, Block.DECRYPTION.code()))).isEmpty();
    }

    @Test
    void retrofit_compiles_without_the_second_okhttp() throws IOException {
        assertThat(errors(method("Grantkeeper spotify, OkHttpClient http", Block.RETROFIT.code())))
                .isEmpty();
    }

    @Test
    void a_call_by_retrofit_has_the_token_of_its_account() throws Exception {
        try (BridgeScene scene = new BridgeScene()) {
            String code = Block.RETROFIT.code().replace("https://api.spotify.com", scene.server.url())
                    + "assertTrue(player.recentlyPlayed(user).execute().isSuccessful());";
            assertThat(errors(method("Grantkeeper spotify, OkHttpClient http, Account user", code)))
                    .isEmpty();
            run(scene.grantkeeper, new OkHttpClient(), scene.signIn("alice"));
            assertThat(scene.server.apiRequests()).isEqualTo(1);
            assertThat(scene.server.apiUnauthorized()).isZero();
        }
    }

    @Test
    void calls_by_other_clients_compile() throws IOException {
        String parameters = "Account user, HttpClient http, HttpRequest.Builder request, URI url";
        assertThat(errors(method(parameters, Block.HTTP_CLIENT.code()))).isEmpty();
    }

    @Test
    void a_call_by_another_client_is_repeated_once() throws Exception {
        String parameters = "Account user, HttpClient http, HttpRequest.Builder request, URI url";
        assertThat(errors(method(parameters, Block.HTTP_CLIENT.code()))).isEmpty();
        try (BridgeScene scene = new BridgeScene()) {
            Account alice = scene.signIn("alice");
            URI url = URI.create(scene.server.apiUrl("/api/things"));
            scene.server.expireAccessTokens();
            run(alice, HttpClient.newHttpClient(), HttpRequest.newBuilder(url), url);
            assertThat(scene.server.apiRequests()).isEqualTo(2);
            assertThat(scene.server.apiUnauthorized()).isEqualTo(1);

            scene.server.rejectAllAtApi(true);
            run(alice, HttpClient.newHttpClient(), HttpRequest.newBuilder(url), url);
            assertThat(scene.server.apiRequests()).isEqualTo(3);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"imap", "smtp"})
    void a_login_at_a_mail_server_is_repeated_once_with_another_token(String protocol) throws Exception {
        assertThat(errors(method("Account user, Service mail, String host, String address", Block.MAIL.code())))
                .isEmpty();
        try (BridgeScene scene = new BridgeScene();
                FakeMailServer server = protocol.equals("imap")
                        ? FakeMailServer.imap(scene.server::accepts)
                        : FakeMailServer.smtp(scene.server::accepts)) {
            Account alice = scene.signIn("alice");
            Properties properties = new Properties();
            properties.setProperty("mail." + protocol + ".auth.mechanisms", "XOAUTH2");
            properties.setProperty("mail." + protocol + ".auth", "true");
            properties.setProperty("mail." + protocol + ".port", String.valueOf(server.port()));
            jakarta.mail.Session session = jakarta.mail.Session.getInstance(properties);
            scene.server.expireAccessTokens();
            try (Service mail = protocol.equals("imap") ? session.getStore("imap") : session.getTransport("smtp")) {
                run(alice, mail, "127.0.0.1", "alice@example.org");
                assertThat(mail.isConnected()).isTrue();
            }
            assertThat(server.attempts()).containsExactly("alice@example.org rejected", "alice@example.org accepted");
            assertThat(scene.server.refreshRequests()).isEqualTo(1);
        }
    }

    /** Runs the method that was compiled last. */
    private void run(Object... arguments) throws Exception {
        try (URLClassLoader loader = compiled()) {
            Arrays.stream(loader.loadClass("Readme").getMethods())
                    .filter(method -> method.getName().equals("run"))
                    .findAny()
                    .orElseThrow()
                    .invoke(null, arguments);
        }
    }

    @Test
    void a_store_and_its_test_compile() throws IOException {
        String store = Block.STORE.code().replace("{ … }", "{ throw new IOException(); }");
        String test = Block.STORE_TEST.code().replace("(…)", "()");
        assertThat(errors(store + test)).isEmpty();
    }

    @Test
    void the_test_of_a_store_for_several_nodes_compiles() throws IOException {
        String store = Block.STORE
                .code()
                .replace("{ … }", "{ throw new IOException(); }")
                .replace("implements TokenStore {", "implements TokenStore {\nMyStore(String host) {}\n");
        assertThat(errors(store + Block.NODES_TEST.code())).isEmpty();
    }

    @Test
    void work_over_all_grants_compiles() throws IOException {
        assertThat(errors(method("Grantkeeper spotify, JdbcTokenStore store", Block.OPERATORS.code())))
                .isEmpty();
    }

    @Test
    void a_login_on_another_device_compiles() throws IOException {
        assertThat(errors(method("Grantkeeper service, String userId", Block.DEVICE.code())))
                .isEmpty();
    }

    @Test
    void a_backchannel_login_and_its_notification_compile() throws IOException {
        assertThat(errors(method("Grantkeeper bank, String userId", Block.BACKCHANNEL.code())))
                .isEmpty();
        String parameters = "Grantkeeper bank, Logins logins, Answer response, String authorizationHeader, String body";
        assertThat(errors(method(parameters, Block.NOTIFICATION.code()))).isEmpty();
    }

    @Test
    void a_login_of_a_command_line_tool_compiles() throws IOException {
        assertThat(errors(method("Grantkeeper spotify", Block.LOOPBACK.code()))).isEmpty();
    }

    @Test
    void an_exchange_compiles() throws IOException {
        assertThat(errors(method("Grantkeeper office, String incomingToken, OkHttpClient http", Block.EXCHANGE.code())))
                .isEmpty();
    }

    @Test
    void a_logout_compiles() throws IOException {
        assertThat(errors(method("Grantkeeper acme, String userId", Block.LOGOUT.code())))
                .isEmpty();
    }

    @Test
    void a_notice_of_a_logout_compiles() throws IOException {
        String parameters = "Grantkeeper acme, String logoutToken, Sessions sessions, Answer response";
        assertThat(errors(method(parameters, Block.LOGOUT_TOKEN.code()))).isEmpty();
        assertThat(errors(method(
                        "Grantkeeper acme, String query, Sessions sessions, Answer response",
                        Block.LOGOUT_FRAME.code())))
                .isEmpty();
    }

    @Test
    void a_login_that_another_site_asks_for_compiles() throws IOException {
        assertThat(errors(method("Grantkeeper acme, String query, Answer response", Block.INITIATED_LOGIN.code())))
                .isEmpty();
    }

    @Test
    void a_provider_that_describes_itself_compiles() throws IOException {
        assertThat(errors(method("", Block.DISCOVERY.code()))).isEmpty();
    }

    @Test
    void apis_by_their_url_compile() throws IOException {
        String parameters = "javax.sql.DataSource dataSource, Session session, Answer response, String query,"
                + " String userId, OkHttpClient http, Request request";
        assertThat(errors(method(parameters, Block.MCP_LINES.code()))).isEmpty();
        assertThat(errors(method("TokenStore store, SealingKeys keys", Block.MCP_REGISTRATION.code())))
                .isEmpty();
        String company = "Grantkeeper company, ProtectedApis apis, String url, String idToken, OkHttpClient http";
        assertThat(errors(method(company, Block.MCP_COMPANY.code()))).isEmpty();
        assertThat(errors(method("Account user", Block.MCP_SDK.code()))).isEmpty();
    }

    @Test
    void the_stores_compile() throws IOException {
        assertThat(errors(method("javax.sql.DataSource dataSource", Block.JDBC_STORE.code())))
                .isEmpty();
        assertThat(errors(method("JdbcTokenStore store, Instant aYearAgo", Block.JDBC_LISTS.code())))
                .isEmpty();
        assertThat(errors(method("", Block.FILE_STORE.code()))).isEmpty();
        assertThat(errors(method("", Block.REDIS_STORE.code()))).isEmpty();
    }

    @Test
    void a_move_from_spring_security_compiles() throws IOException {
        String parameters = "javax.sql.DataSource dataSource, Grantkeeper grantkeeper";
        assertThat(errors(method(parameters, Block.FROM_SPRING.code()))).isEmpty();
    }

    @Test
    void moves_from_other_libraries_compile() throws IOException {
        assertThat(errors(method("java.io.File directory, Grantkeeper grantkeeper", Block.FROM_GOOGLE.code())))
                .isEmpty();
        String msal = "ConfidentialClientApplication msal, String clientId, Map<String, String> users,"
                + " Grantkeeper grantkeeper";
        assertThat(errors(method(msal, Block.FROM_MSAL.code()))).isEmpty();
        String scribe = "Map<String, byte[]> rows, Map<String, Instant> receivedAt, Grantkeeper grantkeeper";
        assertThat(errors(method(scribe, Block.FROM_SCRIBE.code()))).isEmpty();
        String appAuth = "Map<String, String> states, String clientId, Grantkeeper grantkeeper";
        assertThat(errors(method(appAuth, Block.FROM_APP_AUTH.code()))).isEmpty();
    }

    @Test
    void a_move_at_the_next_visit_and_the_way_back_lose_no_user() throws Exception {
        try (MigrationScene scene = new MigrationScene()) {
            DataStore<StoredCredential> old =
                    StoredCredential.getDefaultDataStore(MemoryDataStoreFactory.getDefaultInstance());
            old.set(
                    "alice",
                    new StoredCredential().setRefreshToken(scene.issue("alice").refreshToken()));
            old.set("bob", new StoredCredential().setRefreshToken("refused"));
            GoogleStoredCredentials.Reader reader = user ->
                    new GoogleStoredCredentials.Stored(null, old.get(user).getRefreshToken(), null);
            String visit = "Grantkeeper grantkeeper, String userId, DataStore<StoredCredential> old,"
                    + " GoogleStoredCredentials.Reader reader";
            assertThat(errors(method(visit, Block.AT_NEXT_VISIT.code()))).isEmpty();
            for (String user : List.of("alice", "bob", "alice", "nobody")) {
                run(scene.grantkeeper, user, old, reader);
            }
            assertThat(scene.grantkeeper.account("nobody").grant()).isEmpty();

            String back = "Grantkeeper grantkeeper, DataStore<StoredCredential> old";
            assertThat(errors(method(back, Block.ROLL_BACK.code()))).isEmpty();
            run(scene.grantkeeper, old);

            assertThat(old.get("bob").getRefreshToken()).isEqualTo("refused");
            StoredCredential alice = old.get("alice");
            assertThat(scene.server.accepts(alice.getAccessToken())).isTrue();
            assertThat(alice.getExpirationTimeMilliseconds()).isGreaterThan(System.currentTimeMillis());
            assertThat(scene.grantkeeper.account("alice").tokens().refreshToken())
                    .contains(alice.getRefreshToken());
        }
    }

    /** The class of the page about tests, with the tests of these blocks. */
    private static String testClass(List<Block> tests) throws IOException {
        String scene = Block.TEST_KIT.code().replace("class AcmeTest", "public static class AcmeTest");
        StringBuilder code = new StringBuilder(scene.substring(0, scene.lastIndexOf('}')));
        for (Block test : tests) {
            code.append(test.code());
        }
        return code.append("}\n").toString();
    }

    @Test
    void a_clock_for_both_sides_compiles() throws IOException {
        assertThat(errors(testClass(List.of(Block.TEST_TIME)))).isEmpty();
    }

    @Test
    void metrics_and_traces_compile() throws IOException {
        assertThat(errors(method("MeterRegistry meters", Block.MICROMETER.code())))
                .isEmpty();
        String parameters = "Grantkeeper.Builder registration, OpenTelemetry telemetry";
        assertThat(errors(method(parameters, Block.OPEN_TELEMETRY.code()))).isEmpty();
    }

    @Test
    void providers_by_name_compile() throws IOException {
        assertThat(errors(method("", Block.BY_NAME.code()))).isEmpty();
        assertThat(errors(method("", Block.NAMED.code()))).isEmpty();
    }

    @Test
    void a_preset_at_the_fake_server_compiles() throws IOException {
        assertThat(errors(method("FakeAuthorizationServer server", Block.TEST_PRESETS.code())))
                .isEmpty();
    }

    @Test
    void a_test_with_spring_compiles_but_for_spring() throws IOException {
        assertThat(errors(SPRING_TEST + Block.TEST_SPRING.code())).isEmpty();
        String beans = Block.TEST_SPRING_BEANS.code().replace("{ … }", "{ throw new IllegalStateException(); }");
        assertThat(errors(SPRING_TEST + beans)).isEmpty();
    }

    @TestFactory
    List<DynamicTest> the_test_of_an_application_passes() throws Exception {
        assertThat(errors(testClass(TESTS))).isEmpty();
        List<DynamicTest> tests = new ArrayList<>();
        try (URLClassLoader loader = compiled()) {
            for (Method method : loader.loadClass("Readme$AcmeTest").getDeclaredMethods()) {
                if (method.isAnnotationPresent(Test.class)) {
                    tests.add(DynamicTest.dynamicTest(method.getName(), () -> runTest(method)));
                }
            }
        }
        assertThat(tests).hasSizeGreaterThanOrEqualTo(TESTS.size());
        return tests;
    }

    /** Runs a test in an object of its own, whose fields are closed as JUnit closes them. */
    private static void runTest(Method method) throws Exception {
        Constructor<?> constructor = method.getDeclaringClass().getDeclaredConstructor();
        constructor.setAccessible(true);
        Object test = constructor.newInstance();
        method.setAccessible(true);
        try {
            method.invoke(test);
        } finally {
            for (Field field : method.getDeclaringClass().getDeclaredFields()) {
                field.setAccessible(true);
                if (field.isAnnotationPresent(AutoClose.class)) {
                    ((AutoCloseable) field.get(test)).close();
                }
            }
        }
    }

    private URLClassLoader compiled() throws IOException {
        return new URLClassLoader(new URL[] {output.toUri().toURL()}, getClass().getClassLoader());
    }

    @Test
    void there_is_no_block_that_nobody_compiles() throws IOException {
        for (Path page : pages()) {
            List<Block> known = Arrays.stream(Block.values())
                    .filter(block -> block.page.equals(page))
                    .toList();
            assertThat(blocks(page))
                    .as(page.toString())
                    .hasSize(known.size())
                    .allMatch(block -> known.stream().anyMatch(mark -> block.contains(mark.mark)));
        }
    }

    // ---- What the pages point to ----------------------------------------------------------------------------------

    private static List<Path> pages() throws IOException {
        return files(".md");
    }

    private static List<Path> files(String ending) throws IOException {
        List<Path> found = new ArrayList<>();
        Files.walkFileTree(ROOT, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult preVisitDirectory(Path directory, BasicFileAttributes attributes) {
                String name = directory.getFileName().toString();
                boolean hidden = name.startsWith(".") && !directory.equals(ROOT) && !name.equals(".github");
                return hidden || name.equals("target") ? FileVisitResult.SKIP_SUBTREE : FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
                if (file.toString().endsWith(ending)) {
                    found.add(file);
                }
                return FileVisitResult.CONTINUE;
            }
        });
        return found;
    }

    /** A page without what only looks like a heading or a link. */
    private static String text(Path page) throws IOException {
        String text = FENCE.matcher(Files.readString(page)).replaceAll("");
        return COMMENT.matcher(text).replaceAll("");
    }

    /** The names that a page's headings have in its address, as GitHub makes them. */
    private static Set<String> anchors(Path page) throws IOException {
        Map<String, Integer> seen = new HashMap<>();
        Set<String> anchors = new HashSet<>();
        Matcher heading = HEADING.matcher(text(page));
        while (heading.find()) {
            String anchor = heading.group(1)
                    .strip()
                    .toLowerCase(Locale.ROOT)
                    .replaceAll("[^\\p{L}\\p{N}_ -]", "")
                    .replace(' ', '-');
            int earlier = seen.merge(anchor, 1, Integer::sum) - 1;
            anchors.add(earlier == 0 ? anchor : anchor + "-" + earlier);
        }
        return anchors;
    }

    private static List<String> deadLinks(Path root, Path page) throws IOException {
        List<String> dead = new ArrayList<>();
        Matcher links = LINK.matcher(CODE.matcher(text(page)).replaceAll(""));
        while (links.find()) {
            String link = links.group(1) == null ? links.group(2) : links.group(1);
            if (URI.create(link).isAbsolute()) {
                continue;
            }
            int hash = link.indexOf('#');
            String path = hash < 0 ? link : link.substring(0, hash);
            Path target = path.isEmpty() ? page : page.resolveSibling(path).normalize();
            boolean alive = Files.exists(target)
                    && target.toRealPath().startsWith(root.toRealPath())
                    && (hash < 0 || anchors(target).contains(link.substring(hash + 1)));
            if (!alive) {
                dead.add(page + ": " + link);
            }
        }
        return dead;
    }

    @Test
    void every_link_leads_to_a_file_and_a_heading_of_this_repository() throws IOException {
        List<String> dead = new ArrayList<>();
        for (Path page : pages()) {
            dead.addAll(deadLinks(ROOT, page));
        }
        assertThat(dead).isEmpty();
        assertThat(pages()).contains(README, GUIDE, JDBC, EXAMPLES, ROOT.resolve(".github/CONTRIBUTING.md"));
    }

    @Test
    void a_link_to_nothing_is_noticed() throws IOException {
        Path root = Files.createDirectories(output.resolve("root"));
        Path page = Files.writeString(root.resolve("page.md"), """
                # One, two (3)
                [a](page.md) [b](page.md#one-two-3) [c](https://example.org/x#y)
                [`d`](gone.md) [e](#one) [f](../outside.md)
                ```
                # no heading, [no link](x.md)
                ```
                """);
        Files.writeString(output.resolve("outside.md"), "");
        assertThat(anchors(page)).containsExactly("one-two-3");
        assertThat(deadLinks(root, page))
                .containsExactly(page + ": gone.md", page + ": #one", page + ": ../outside.md");
    }

    @Test
    void every_test_that_is_named_exists() throws IOException {
        Map<String, Path> sources = files(".java").stream()
                .filter(file -> file.toString().matches(".*(Test|IT)\\.java"))
                .collect(toMap(file -> file.getFileName().toString().replace(".java", ""), file -> file));
        List<String> missing = new ArrayList<>();
        for (Path page : pages()) {
            for (String line : text(page).lines().toList()) {
                missing.addAll(missingTests(line, sources));
            }
        }
        assertThat(missing).isEmpty();
        assertThat(missingTests("`ReadmeTest.nothing_like_it`, `NoSuchTest`, `…_here`", sources))
                .containsExactly("ReadmeTest.nothing_like_it", "NoSuchTest");
        assertThat(missingTests("`ReadmeTest.a_link_…`, `…_nothing_is_noticed`, `nothing_else_here`", sources))
                .containsExactly("ReadmeTest.nothing_else_here");
    }

    /** A class may be followed by several of its methods, with dots for a part of their names. */
    private static List<String> missingTests(String line, Map<String, Path> sources) throws IOException {
        List<String> missing = new ArrayList<>();
        String test = null;
        for (String code :
                CODE.matcher(line).results().map(result -> result.group(1)).toList()) {
            Matcher name = TEST.matcher(code);
            String method = null;
            if (name.matches()) {
                test = name.group(1);
                method = name.group(2);
                if (!sources.containsKey(test)) {
                    missing.add(code);
                    test = null;
                }
            } else if (TEST_METHOD.matcher(code).matches()) {
                method = code;
            }
            if (test != null && method != null && !has(sources.get(test), method)) {
                missing.add(test + "." + method);
            }
        }
        return missing;
    }

    private static boolean has(Path source, String method) throws IOException {
        String name = method.replace("…", "");
        return Files.readString(source)
                .contains((method.startsWith("…") ? "" : " ") + name + (method.endsWith("…") ? "" : "("));
    }

    @Test
    void every_version_that_is_shown_is_the_one_that_is_built() throws IOException {
        String built = VERSION.matcher(Files.readString(ROOT.resolve("pom.xml")))
                .results()
                .filter(result -> result.group(1).equals("grantkeeper-parent"))
                .map(result -> result.group(2))
                .findFirst()
                .orElseThrow();
        for (Path page : pages()) {
            List<MatchResult> shown =
                    VERSION.matcher(Files.readString(page)).results().toList();
            assertThat(shown).as(page.toString()).allSatisfy(result -> {
                boolean xml = result.group(1) != null;
                assertThat(result.group(xml ? 2 : 4)).isEqualTo(built);
                assertThat(module(result.group(xml ? 1 : 3))).isDirectory();
            });
        }
        // the BOM's: once for Maven, once for Gradle
        assertThat(VERSION.matcher(Files.readString(README)).results())
                .map(result -> result.group(1) != null ? result.group(1) : result.group(3))
                .containsExactly("grantkeeper-bom", "grantkeeper-bom");
    }

    @Test
    void the_clients_are_named_with_the_versions_that_are_tested() throws IOException {
        String pom = Files.readString(Path.of("pom.xml"));
        String resolved = Pattern.compile("\\$\\{([a-z]+\\.version)}")
                .matcher(pom)
                .replaceAll(property -> {
                    Matcher value = Pattern.compile("<" + property.group(1) + ">([^<]+)<")
                            .matcher(pom);
                    return value.find() ? value.group(1) : "unknown";
                });
        assertThat(CLIENT.matcher(Files.readString(GUIDE)).results())
                .hasSize(7)
                .allSatisfy(client -> assertThat(resolved)
                        .contains("<groupId>" + client.group(1) + "</groupId><artifactId>" + client.group(2)
                                + "</artifactId><version>" + client.group(3) + "</version>"));
    }

    @Test
    void every_artifact_that_is_named_is_built() throws IOException {
        for (Path page : pages()) {
            assertThat(ARTIFACT.matcher(Files.readString(page)).results())
                    .as(page.toString())
                    .allSatisfy(
                            result -> assertThat(module(result.group(1) != null ? result.group(1) : result.group(2)))
                                    .isDirectory());
        }
        assertThat(ARTIFACT.matcher(Files.readString(README)).results()).hasSize(8);
    }

    private static Path module(String artifact) {
        String name = artifact.replace("grantkeeper-", "");
        return ROOT.resolve(name.equals("bom") ? "core/bom" : name);
    }

    @Test
    void no_row_of_a_table_is_too_long_to_be_reviewed() throws IOException {
        for (Path page : pages()) {
            assertThat(text(page).lines().filter(line -> line.startsWith("|")))
                    .as(page.toString())
                    .allSatisfy(row -> assertThat(row).hasSizeLessThanOrEqualTo(LONGEST_ROW));
        }
    }
}
