/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.StringWriter;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the README shows is code, so it has to compile. */
class ReadmeTest {
    private static final Pattern BLOCK = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL);

    private static final String IMPORTS = """
            import dev.grantkeeper.*;
            import dev.grantkeeper.provider.*;
            import dev.grantkeeper.store.jdbc.*;
            import dev.grantkeeper.testkit.*;
            import dev.grantkeeper.token.*;
            import java.io.IOException;
            import java.net.URI;
            import java.util.List;
            import java.util.Optional;
            import okhttp3.OkHttpClient;
            import okhttp3.Request;
            import retrofit2.Call;
            import retrofit2.Retrofit;
            import retrofit2.http.GET;
            import retrofit2.http.Tag;
            """;

    /** What an application has around such code. */
    private static final String AROUND = """
            record History() {}
            interface Session {
                void setAttribute(String name, Object value);
                Object getAttribute(String name);
            }
            interface Answer {
                void sendRedirect(String url);
            }
            """;

    private static final String LINES = "spotify.startLogin()";
    private static final String TAG = ".tag(Account.class";
    private static final String RETROFIT = "@Tag Account";
    private static final String DEVICE = "startOnDevice()";
    private static final String EXCHANGE = "TokenExchange";
    private static final String LOGOUT = "logout()";
    private static final String DISCOVERY = "Discovery.of";
    private static final String STORE = "implements TokenStore";
    private static final String STORE_TEST = "extends TokenStoreContract";
    private static final String OPERATORS = "user.reseal()";
    private static final List<String> MARKS =
            List.of(LINES, TAG, RETROFIT, DEVICE, EXCHANGE, LOGOUT, DISCOVERY, STORE, STORE_TEST, OPERATORS);

    @TempDir
    Path output;

    private static List<String> blocks() throws IOException {
        Matcher matcher = BLOCK.matcher(Files.readString(Path.of("..", "README.md")));
        List<String> blocks = new ArrayList<>();
        while (matcher.find()) {
            blocks.add(matcher.group(1));
        }
        return blocks;
    }

    /** The one block that says this. */
    private static String block(String about) throws IOException {
        assertThat(MARKS).contains(about);
        return blocks().stream()
                .filter(block -> block.contains(about))
                .reduce((one, other) -> {
                    throw new AssertionError("Two blocks say " + about);
                })
                .orElseThrow();
    }

    private String errors(String body) {
        String source = IMPORTS + "class Readme {\n" + AROUND + body + "\n}\n";
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
        return "void run(" + parameters + ") throws Exception {\n" + statements + "\n}";
    }

    @Test
    void the_first_lines_compile() throws IOException {
        String parameters = "javax.sql.DataSource dataSource, Session session, Answer response, String query,"
                + " String userId, OkHttpClient http";
        assertThat(errors(method(parameters, block(LINES)))).isEmpty();
    }

    @Test
    void many_users_on_one_client_compile() throws IOException {
        String parameters = "Grantkeeper spotify, OkHttpClient http, String url, String userId";
        assertThat(errors(method(parameters, block(TAG)))).isEmpty();
    }

    @Test
    void retrofit_compiles_without_the_second_okhttp() throws IOException {
        assertThat(errors(method("Grantkeeper spotify, OkHttpClient http", block(RETROFIT))))
                .isEmpty();
    }

    @Test
    void a_store_and_its_test_compile() throws IOException {
        String store = block(STORE).replace("{ … }", "{ throw new IOException(); }");
        String test = block(STORE_TEST).replace("(…)", "()");
        assertThat(errors(store + test)).isEmpty();
    }

    @Test
    void work_over_all_grants_compiles() throws IOException {
        assertThat(errors(method("Grantkeeper spotify, JdbcTokenStore store", block(OPERATORS))))
                .isEmpty();
    }

    @Test
    void a_login_on_another_device_compiles() throws IOException {
        assertThat(errors(method("Grantkeeper service, String userId", block(DEVICE))))
                .isEmpty();
    }

    @Test
    void an_exchange_compiles() throws IOException {
        assertThat(errors(method("Grantkeeper office, String incomingToken, OkHttpClient http", block(EXCHANGE))))
                .isEmpty();
    }

    @Test
    void a_logout_compiles() throws IOException {
        assertThat(errors(method("Grantkeeper acme, String userId", block(LOGOUT))))
                .isEmpty();
    }

    @Test
    void a_provider_that_describes_itself_compiles() throws IOException {
        assertThat(errors(method("", block(DISCOVERY)))).isEmpty();
    }

    @Test
    void there_is_no_block_that_nobody_compiles() throws IOException {
        assertThat(blocks())
                .hasSize(MARKS.size())
                .allMatch(block -> MARKS.stream().anyMatch(block::contains));
    }
}
