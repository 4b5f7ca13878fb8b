/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.bridges;

import static org.assertj.core.api.Assertions.assertThat;

import dev.grantkeeper.Account;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.net.URI;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Future;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The Kotlin of the guide, compiled and run. */
class KtorRecipeTest extends HttpBridgeContract {
    private static final Pattern BLOCK = Pattern.compile("```kotlin\n(fun HttpClient.*?)```", Pattern.DOTALL);

    private static final String IMPORTS = """
            import dev.grantkeeper.Account
            import io.ktor.client.HttpClient
            import io.ktor.client.call.HttpClientCall
            import io.ktor.client.engine.cio.CIO
            import io.ktor.client.plugins.HttpSend
            import io.ktor.client.plugins.plugin
            import io.ktor.client.request.get
            import io.ktor.client.request.header
            import io.ktor.client.request.request
            import io.ktor.client.request.setBody
            import io.ktor.client.statement.bodyAsText
            import io.ktor.http.HttpHeaders
            import io.ktor.http.HttpMethod
            import io.ktor.http.content.OutgoingContent
            import io.ktor.http.toURI
            import io.ktor.utils.io.ByteReadChannel
            import kotlinx.coroutines.GlobalScope
            import kotlinx.coroutines.future.await
            import kotlinx.coroutines.future.future
            import kotlinx.coroutines.runBlocking
            import java.util.concurrent.CompletableFuture
            """;

    private static final String AROUND = """
            object Calls {
                @JvmStatic
                fun send(
                    user: Account, method: String, url: String, body: Any?, headers: Map<String, String>,
                ): String = runBlocking {
                    HttpClient(CIO).use { http ->
                        val response = http.forAccount(user).request(url) {
                            this.method = HttpMethod.parse(method)
                            headers.forEach { (name, value) -> header(name, value) }
                            if (body != null) setBody(body)
                        }
                        response.status.value.toString() + response.bodyAsText()
                    }
                }

                @JvmStatic
                fun stream(user: Account, url: String, text: String): String =
                    send(user, "POST", url, ByteReadChannel(text), mapOf())

                @JvmStatic
                fun start(user: Account, url: String): CompletableFuture<String> =
                    GlobalScope.future { HttpClient(CIO).use { http -> http.forAccount(user).get(url).bodyAsText() } }
            }
            """;

    @TempDir
    static Path output;

    private static @Nullable URLClassLoader loader;
    private static Class<?> calls;

    @BeforeAll
    static void compile() throws Exception {
        // By name: the profile kotlin has it, which every build with tests has.
        Class<?> compiler = Class.forName("org.jetbrains.kotlin.cli.jvm.K2JVMCompiler");
        Matcher block = BLOCK.matcher(Files.readString(Path.of("../core/README.md")));
        assertThat(block.find()).isTrue();
        Path source = Files.writeString(output.resolve("Recipe.kt"), IMPORTS + block.group(1) + AROUND);
        ByteArrayOutputStream errors = new ByteArrayOutputStream();
        Object result = compiler.getMethod("exec", PrintStream.class, String[].class)
                .invoke(
                        compiler.getConstructor().newInstance(),
                        new PrintStream(errors, true, StandardCharsets.UTF_8),
                        new String[] {
                            "-no-stdlib",
                            "-no-reflect",
                            "-nowarn",
                            "-jvm-target",
                            "17",
                            "-classpath",
                            classPath(),
                            "-d",
                            output.toString(),
                            source.toString()
                        });
        assertThat(result).as(errors.toString(StandardCharsets.UTF_8)).hasToString("OK");
        loader = new URLClassLoader(new URL[] {output.toUri().toURL()}, KtorRecipeTest.class.getClassLoader());
        calls = loader.loadClass("Calls");
    }

    /** What the recipe needs: the compiler is slow with more. */
    private static String classPath() {
        return Pattern.compile(Pattern.quote(File.pathSeparator))
                .splitAsStream(System.getProperty("java.class.path"))
                .filter(entry -> entry.matches(".*(ktor|kotlin|grantkeeper|core.target|jspecify).*"))
                .collect(Collectors.joining(File.pathSeparator));
    }

    @AfterAll
    static void unload() throws Exception {
        if (loader != null) {
            loader.close();
        }
    }

    private static Object call(String name, Object... arguments) throws Exception {
        for (Method method : calls.getMethods()) {
            if (method.getName().equals(name)) {
                try {
                    return method.invoke(null, arguments);
                } catch (InvocationTargetException e) {
                    throw e.getCause() instanceof Exception cause ? cause : e;
                }
            }
        }
        throw new NoSuchMethodException(name);
    }

    private static Reply reply(Object response) {
        String text = (String) response;
        return new Reply(Integer.parseInt(text.substring(0, 3)), text.substring(3));
    }

    @Override
    Reply send(Account account, String method, URI url, @Nullable String body, String... headers) throws Exception {
        Map<String, String> all = new LinkedHashMap<>();
        all.put("X-Of-The-Caller", "kept");
        if (headers.length > 0) {
            all.put(headers[0], headers[1]);
        }
        return reply(call("send", account, method, url.toString(), body, all));
    }

    @Override
    Throwable unwrapped(Throwable thrown) {
        return thrown;
    }

    @Test
    void a_body_that_can_be_read_once_is_sent_once_and_the_next_request_has_the_new_token() throws Exception {
        scene.server.expireAccessTokens();
        assertThat(reply(call("stream", alice, scene.api.toString(), "twelve bytes"))
                        .status())
                .isEqualTo(401);
        assertThat(reply(call("stream", alice, scene.api.toString(), "twelve bytes"))
                        .body())
                .contains("\"bodyLength\":12");
        assertThat(scene.server.apiRequests()).isEqualTo(2);
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
    }

    @Test
    void cancelling_ends_the_exchange() throws Exception {
        try (SilentServer silent = new SilentServer();
                BridgeScene slow = new BridgeScene(silent.origin())) {
            Future<?> call =
                    (Future<?>) call("start", slow.signIn("alice"), silent.url().toString());
            silent.awaitRequest();
            call.cancel(true);
            silent.awaitEndOfConnection();
        }
    }
}
