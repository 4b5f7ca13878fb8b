/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.grantkeeper.internal.loopback.Browsers;
import dev.grantkeeper.testkit.Answer;
import dev.grantkeeper.testkit.Fault;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.TimeUnit;
import okhttp3.HttpUrl;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.NullSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Logins of programs on the user's own machine (RFC 8252), through real sockets. */
@Timeout(300)
class LoopbackReceiverTest {
    private final Scene scene = new Scene();
    private final ExecutorService program = Executors.newCachedThreadPool();
    /** The page at which the user has arrived. */
    private final SynchronousQueue<URI> shown = new SynchronousQueue<>();

    LoopbackReceiverTest() {
        scene.server.client(Scene.CLIENT, Scene.SECRET); // at any redirect URI, as servers do for loopback ports
    }

    @AfterEach
    void close() {
        program.shutdownNow();
        scene.close();
    }

    private Grantkeeper registered(String redirectUri) {
        return scene.node(scene.registration(scene.provider().build()).redirectUri(redirectUri));
    }

    private LoopbackReceiver open() throws IOException {
        return LoopbackReceiver.open(registered("http://127.0.0.1/callback"));
    }

    /** The program waits; the user sees the page. */
    private Future<LoginResult> begin(LoopbackReceiver receiver, Grantkeeper node) {
        return program.submit(() -> receiver.login(node.newLogin(), this::show));
    }

    private void show(URI url) {
        try {
            shown.put(url);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private String page() throws InterruptedException {
        URI url = shown.poll(20, TimeUnit.SECONDS);
        assertThat(url).isNotNull();
        return url.toString();
    }

    private record Seen(int status, String body) {}

    private Seen get(String url) throws IOException {
        return send(new Request.Builder().url(url).build());
    }

    private Seen send(Request request) throws IOException {
        try (Response response = scene.http.newCall(request).execute()) {
            return new Seen(response.code(), response.body().string());
        }
    }

    // ---- Logins ---------------------------------------------------------------------------------------------------

    @ParameterizedTest
    @ValueSource(
            strings = {
                "http://127.0.0.1/callback",
                "http://127.0.0.1",
                "http://127.0.0.1/",
                "http://localhost/a/b%20c",
                "http://[::1]/callback"
            })
    void the_browser_comes_back_to_a_free_port_and_reads_that_it_can_be_closed(String registered) throws Exception {
        Grantkeeper node = registered(registered);
        try (LoopbackReceiver receiver = LoopbackReceiver.open(node)) {
            Future<LoginResult> result = begin(receiver, node);
            String page = page();
            URI redirectUri = receiver.redirectUri();
            assertThat(redirectUri.getPort()).isPositive();
            assertThat(redirectUri.toString().replaceFirst(":\\d+(?=/)", "")).startsWith(registered);
            assertThat(HttpUrl.get(page).queryParameter("redirect_uri")).isEqualTo(redirectUri.toString());
            Seen seen = get(scene.server.approve(page, "alice"));
            assertThat(seen.status()).isEqualTo(200);
            assertThat(seen.body())
                    .contains("You are signed in")
                    .contains("close this window")
                    .contains("prefers-color-scheme: dark")
                    .doesNotContain("<script")
                    .doesNotContain("src=");
            LoginResult.SignedIn in = (LoginResult.SignedIn) result.get(20, TimeUnit.SECONDS);
            assertThat(scene.status(in.keepAs("me").wrap(scene.http))).isEqualTo(200);
            assertThat(scene.server.recordedTokenRequests().get(0).param("redirect_uri"))
                    .contains(redirectUri.toString());
        }
    }

    @Test
    void a_user_who_refuses_reads_so_and_the_program_hears_of_it() throws Exception {
        Grantkeeper node = registered("http://127.0.0.1/callback");
        try (LoopbackReceiver receiver = LoopbackReceiver.open(node)) {
            Future<LoginResult> result = begin(receiver, node);
            Seen seen = get(scene.server.refuse(page()));
            assertThat(seen.body()).contains("You are not signed in").contains("close this window");
            assertThat(result.get(20, TimeUnit.SECONDS)).isInstanceOf(LoginResult.Declined.class);
        }
    }

    @Test
    void a_login_that_cannot_be_finished_says_so_in_the_browser_and_throws_in_the_program() throws Exception {
        Grantkeeper node = registered("http://127.0.0.1/callback");
        scene.server.onEveryTokenRequest(Fault.answer(Answer.json(503, "{}")));
        try (LoopbackReceiver receiver = LoopbackReceiver.open(node)) {
            Future<LoginResult> result = begin(receiver, node);
            Seen seen = get(scene.server.approve(page(), "alice"));
            assertThat(seen.status()).isEqualTo(502);
            assertThat(seen.body()).contains("could not be finished");
            assertThatThrownBy(() -> result.get(20, TimeUnit.SECONDS))
                    .hasCauseInstanceOf(AuthorizationServerException.class);
        }
    }

    @Test
    void a_registered_port_is_used_as_it_is_and_a_taken_one_is_named() throws Exception {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
            Grantkeeper node = registered("http://127.0.0.1:" + taken.getLocalPort() + "/callback");
            assertThatThrownBy(() -> LoopbackReceiver.open(node))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("port " + taken.getLocalPort());
            taken.close();
            try (LoopbackReceiver receiver = LoopbackReceiver.open(node)) {
                assertThat(receiver.redirectUri())
                        .isEqualTo(URI.create("http://127.0.0.1:" + taken.getLocalPort() + "/callback"));
            }
        }
    }

    @ParameterizedTest
    @NullSource
    @ValueSource(
            strings = {
                "https://app.example/callback",
                "https://127.0.0.1/callback",
                "http://127.0.0.1/callback?a=b",
                "com.example.app:/callback"
            })
    void a_redirect_uri_that_is_not_on_this_machine_is_refused_with_what_to_do(String redirectUri) {
        Grantkeeper node = registered(redirectUri);
        assertThatThrownBy(() -> LoopbackReceiver.open(node))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("http://127.0.0.1/callback");
    }

    // ---- Who else may come ----------------------------------------------------------------------------------------

    @Test
    void nothing_listens_on_any_other_address_of_this_machine() throws Exception {
        try (LoopbackReceiver receiver = open()) {
            int port = receiver.redirectUri().getPort();
            List<InetAddress> addresses = new ArrayList<>(List.of(InetAddress.getByName("127.0.0.2")));
            for (NetworkInterface network : Collections.list(NetworkInterface.getNetworkInterfaces())) {
                addresses.addAll(Collections.list(network.getInetAddresses()));
            }
            addresses.remove(InetAddress.getByName("127.0.0.1"));
            assertThat(addresses)
                    .allSatisfy(address -> assertThatThrownBy(() -> {
                                try (Socket socket = new Socket()) {
                                    socket.connect(new InetSocketAddress(address, port), 2_000);
                                }
                            })
                            .as("%s", address)
                            .isInstanceOfAny(ConnectException.class, IOException.class));
        }
    }

    @Test
    void a_request_under_another_name_or_path_or_method_is_refused_and_the_login_goes_on() throws Exception {
        Grantkeeper node = registered("http://127.0.0.1/callback");
        try (LoopbackReceiver receiver = LoopbackReceiver.open(node)) {
            Future<LoginResult> result = begin(receiver, node);
            String callback = scene.server.approve(page(), "alice");
            String port = ":" + receiver.redirectUri().getPort();
            for (String host :
                    List.of("evil.example", "evil.example" + port, "localhost" + port, "127.0.0.1", "[::1]" + port)) {
                assertThat(send(new Request.Builder()
                                        .url(callback)
                                        .header("Host", host)
                                        .build())
                                .status())
                        .as(host)
                        .isEqualTo(400);
            }
            for (String path : List.of(
                    "/", "/favicon.ico", "/callback/", "/callback/x", "/Callback", "//callback", "/%63allback")) {
                assertThat(get("http://127.0.0.1" + port + path + "?" + Scene.query(callback))
                                .status())
                        .as(path)
                        .isEqualTo(404);
            }
            assertThat(send(new Request.Builder()
                                    .url(callback)
                                    .post(RequestBody.create("", null))
                                    .build())
                            .status())
                    .isEqualTo(405);
            assertThat(send(new Request.Builder().url(callback).head().build()).status())
                    .isEqualTo(405);
            assertThat(scene.server.tokenRequests()).isZero();
            assertThat(get(callback).status()).isEqualTo(200);
            assertThat(result.get(20, TimeUnit.SECONDS)).isInstanceOf(LoginResult.SignedIn.class);
        }
    }

    @Test
    void what_any_web_page_could_make_the_browser_send_ends_nothing() throws Exception {
        Grantkeeper node = registered("http://127.0.0.1/callback");
        try (LoopbackReceiver receiver = LoopbackReceiver.open(node)) {
            String url = receiver.redirectUri().toString();
            assertThat(get(url + "?code=a&state=b").status()).isEqualTo(400);
            Future<LoginResult> result = begin(receiver, node);
            String page = page();
            String others = scene.server.approve(
                    HttpUrl.get(page)
                            .newBuilder()
                            .setQueryParameter("state", "of-somebody-else-who-wants-us-to-be-signed-in-as-them")
                            .toString(),
                    "bob");
            for (String forged : List.of(url, url + "?error=access_denied", url + "?code=a&state=b", others)) {
                Seen seen = get(forged);
                assertThat(seen.status()).isEqualTo(400);
                assertThat(seen.body()).contains("not the login").doesNotContain("access_denied");
            }
            assertThat(get(scene.server.approve(page, "alice")).status()).isEqualTo(200);
            assertThat(result.get(20, TimeUnit.SECONDS)).isInstanceOf(LoginResult.SignedIn.class);
        }
    }

    @Test
    void requests_that_were_begun_and_not_sent_do_not_keep_the_browser_waiting() throws Exception {
        Grantkeeper node = registered("http://127.0.0.1/callback");
        List<Socket> begun = new ArrayList<>();
        try (LoopbackReceiver receiver = LoopbackReceiver.open(node)) {
            Future<LoginResult> result = begin(receiver, node);
            String page = page();
            URI address = receiver.redirectUri();
            for (int i = 0; i < 100; i++) {
                Socket socket = new Socket(address.getHost(), address.getPort());
                begun.add(socket);
                socket.getOutputStream().write("GET /callback HTTP/1.1\r\nHost: ".getBytes(US_ASCII));
            }
            assertThat(get(scene.server.approve(page, "alice")).body()).contains("You are signed in");
            assertThat(result.get(20, TimeUnit.SECONDS)).isInstanceOf(LoginResult.SignedIn.class);
        } finally {
            for (Socket socket : begun) {
                socket.close();
            }
        }
    }

    /** The receiver has 256 threads. Whoever exceeds that is disconnected, and the login that waits is not. */
    @Test
    void more_requests_that_are_begun_and_not_sent_than_there_are_threads_are_disconnected() throws Exception {
        Grantkeeper node = registered("http://127.0.0.1/callback");
        List<Socket> begun = new ArrayList<>();
        try (LoopbackReceiver receiver = LoopbackReceiver.open(node)) {
            Future<LoginResult> result = begin(receiver, node);
            String page = page();
            URI address = receiver.redirectUri();
            Socket disconnected = null;
            while (disconnected == null && begun.size() < 2_000) {
                Socket socket = new Socket(address.getHost(), address.getPort());
                begun.add(socket);
                socket.getOutputStream().write("GET /callback HTTP/1.1\r\nHost: ".getBytes(US_ASCII));
                // One that holds a thread gets no answer. Those beyond the limit are closed when they are looked at.
                disconnected = begun.size() > 256 && isClosed(socket) ? socket : null;
            }
            assertThat(disconnected).as("a connection beyond the limit").isNotNull();
            assertThat(begun).hasSizeLessThan(300);
            for (Socket socket : begun) {
                socket.close();
            }
            assertThat(get(scene.server.approve(page, "alice")).body()).contains("You are signed in");
            assertThat(result.get(20, TimeUnit.SECONDS)).isInstanceOf(LoginResult.SignedIn.class);
        } finally {
            for (Socket socket : begun) {
                socket.close();
            }
        }
    }

    private static boolean isClosed(Socket socket) throws IOException {
        socket.setSoTimeout(500);
        try {
            return socket.getInputStream().read() < 0;
        } catch (SocketTimeoutException e) {
            return false;
        } catch (SocketException e) {
            return true; // reset
        }
    }

    @Test
    void at_port_80_the_browser_leaves_the_port_out() throws Exception {
        Grantkeeper node = registered("http://127.0.0.1:80/callback");
        try (LoopbackReceiver receiver = portOfAdministrators(node)) {
            Future<LoginResult> result = begin(receiver, node);
            assertThat(get(scene.server.approve(page(), "alice")).body()).contains("You are signed in");
            assertThat(result.get(20, TimeUnit.SECONDS)).isInstanceOf(LoginResult.SignedIn.class);
            assertThat(send(new Request.Builder()
                                    .url("http://127.0.0.1/callback")
                                    .header("Host", "elsewhere.example")
                                    .build())
                            .status())
                    .isEqualTo(400);
        }
    }

    private static LoopbackReceiver portOfAdministrators(Grantkeeper node) {
        try {
            return LoopbackReceiver.open(node);
        } catch (IOException e) {
            return Assumptions.abort("Port 80 is taken, or kept for administrators: " + e.getMessage());
        }
    }

    @Test
    void of_many_who_bring_the_code_one_is_served_and_the_others_read_that_it_is_over() throws Exception {
        Grantkeeper node = registered("http://127.0.0.1/callback");
        try (LoopbackReceiver receiver = LoopbackReceiver.open(node)) {
            Future<LoginResult> result = begin(receiver, node);
            String callback = scene.server.approve(page(), "alice");
            List<Future<Seen>> all = new ArrayList<>();
            for (int i = 0; i < 12; i++) {
                all.add(program.submit(() -> get(callback)));
            }
            List<Integer> statuses = new ArrayList<>();
            for (Future<Seen> one : all) {
                statuses.add(one.get(20, TimeUnit.SECONDS).status());
            }
            assertThat(statuses).containsOnlyOnce(200).containsOnly(200, 410);
            assertThat(result.get(20, TimeUnit.SECONDS)).isInstanceOf(LoginResult.SignedIn.class);
            assertThat(get(callback).status()).isEqualTo(410);
            assertThat(scene.server.codeRequests()).isEqualTo(1);
            assertThatThrownBy(() -> receiver.login(node.newLogin(), url -> {}))
                    .isInstanceOf(IllegalStateException.class);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"http://127.0.0.1:PORT", "http://127.0.0.1:PORT/", "http://LOCALHOST:PORT/Callback"})
    void a_redirect_uri_with_a_port_is_sent_letter_by_letter_as_it_is_registered(String registered) throws Exception {
        int port;
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
            port = free.getLocalPort();
        }
        String redirectUri = registered.replace("PORT", Integer.toString(port));
        Grantkeeper node = registered(redirectUri);
        try (LoopbackReceiver receiver = LoopbackReceiver.open(node)) {
            assertThat(receiver.redirectUri()).hasToString(redirectUri);
            Future<LoginResult> result = begin(receiver, node);
            String page = page();
            assertThat(HttpUrl.get(page).queryParameter("redirect_uri")).isEqualTo(redirectUri);
            assertThat(get(scene.server.approve(page, "alice")).body()).contains("You are signed in");
            assertThat(result.get(20, TimeUnit.SECONDS)).isInstanceOf(LoginResult.SignedIn.class);
        }
    }

    @Test
    void a_login_of_another_registration_is_refused() throws Exception {
        try (LoopbackReceiver receiver = open()) {
            LoginRequest other = registered("http://127.0.0.1/callback").newLogin();
            assertThatThrownBy(() -> receiver.login(other, url -> {})).isInstanceOf(IllegalArgumentException.class);
        }
    }

    // ---- How it ends ----------------------------------------------------------------------------------------------

    @Test
    void who_does_not_come_back_in_time_finds_it_over_and_the_program_is_told() throws Exception {
        Grantkeeper node = registered("http://127.0.0.1/callback");
        try (LoopbackReceiver receiver = LoopbackReceiver.open(node, Duration.ofMillis(200))) {
            CompletableFuture<String> page = new CompletableFuture<>();
            assertThatThrownBy(() -> receiver.login(node.newLogin(), url -> page.complete(url.toString())))
                    .isExactlyInstanceOf(OAuthException.class)
                    .hasMessageContaining("did not come back");
            assertThat(get(scene.server.approve(page.get(), "alice")).status()).isEqualTo(410);
            assertThat(scene.server.tokenRequests()).isZero();
        }
    }

    @Test
    void closing_gives_the_login_up_and_the_port_free() throws Exception {
        Grantkeeper node = registered("http://127.0.0.1/callback");
        LoopbackReceiver receiver = LoopbackReceiver.open(node);
        Future<LoginResult> result = begin(receiver, node);
        String callback = scene.server.approve(page(), "alice");
        receiver.close();
        receiver.close();
        assertThatThrownBy(() -> result.get(20, TimeUnit.SECONDS)).hasCauseExactlyInstanceOf(OAuthException.class);
        assertThatThrownBy(() -> get(callback)).isInstanceOf(IOException.class);
    }

    @Test
    void an_interrupted_program_leaves_at_once() throws Exception {
        Grantkeeper node = registered("http://127.0.0.1/callback");
        try (LoopbackReceiver receiver = LoopbackReceiver.open(node)) {
            CompletableFuture<Throwable> thrown = new CompletableFuture<>();
            Thread thread = new Thread(() -> {
                try {
                    LoginResult unused = receiver.login(node.newLogin(), this::show);
                } catch (Throwable e) {
                    thrown.complete(e);
                }
            });
            thread.start();
            page();
            thread.interrupt();
            assertThat(thrown.get(20, TimeUnit.SECONDS)).isInstanceOf(InterruptedIOException.class);
        }
    }

    // ---- The browser ----------------------------------------------------------------------------------------------

    @ParameterizedTest
    @ValueSource(
            strings = {
                "http://evil.example/",
                "http://127.0.0.1.evil.example/",
                "http://user@evil.example/",
                "file:///etc/passwd",
                "javascript:alert(1)",
                "--help",
                "-x",
                "calc.exe"
            })
    void only_https_and_this_machine_are_opened(String url) {
        assertThatThrownBy(() -> LoopbackReceiver.browse(URI.create(url))).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void each_system_has_its_command_and_where_there_is_no_screen_there_is_none() {
        String url = "https://login.example/?a=b&c=d";
        assertThat(Browsers.command("Windows 11", Map.of(), url))
                .containsExactly("rundll32", "url.dll,FileProtocolHandler", url);
        assertThat(Browsers.command("Mac OS X", Map.of(), url)).containsExactly("/usr/bin/open", url);
        assertThat(Browsers.command("Linux", Map.of("DISPLAY", ":0"), url)).containsExactly("xdg-open", url);
        assertThat(Browsers.command("Linux", Map.of("WAYLAND_DISPLAY", "wayland-0"), url))
                .containsExactly("xdg-open", url);
        assertThat(Browsers.command("Linux", Map.of("DISPLAY", ""), url)).isEmpty();
        assertThat(Browsers.command("Linux", Map.of(), url)).isEmpty();
    }

    /** A program of its own, because the search path belongs to a process. */
    static final class Opens {
        public static void main(String[] args) {
            System.exit(LoopbackReceiver.browse(URI.create(args[0])) ? 0 : 7);
        }
    }

    private static int opens(Path path, String display, String url) throws Exception {
        ProcessBuilder builder = new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-classpath",
                System.getProperty("java.class.path"),
                Opens.class.getName(),
                url);
        builder.environment().put("PATH", path + ":/usr/bin:/bin");
        builder.environment().remove("WAYLAND_DISPLAY");
        builder.environment().put("DISPLAY", display);
        builder.redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.DISCARD);
        return builder.start().waitFor();
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void a_url_reaches_the_browser_as_one_argument_and_no_shell_reads_it(@TempDir Path directory) throws Exception {
        Path opener = directory.resolve("xdg-open");
        Path seen = directory.resolve("seen");
        Path touched = directory.resolve("touched");
        Files.writeString(opener, "#!/bin/sh\nprintf '%s\\n' \"$#\" \"$@\" > " + seen + "\n");
        Files.setPosixFilePermissions(opener, PosixFilePermissions.fromString("rwx------"));
        String url = "https://login.example/$(touch%20" + touched + ")?a=`touch " + touched + "`&b=;touch&c='x'|y";
        String encoded = url.replace("`", "%60").replace(" ", "%20").replace("|", "%7C");
        assertThat(opens(directory, ":0", encoded)).isZero();
        List<String> arguments = Files.readAllLines(seen);
        assertThat(arguments).hasSize(2).startsWith("1");
        assertThat(arguments.get(1))
                .startsWith("https://login.example/")
                .doesNotContain(" ")
                .doesNotContain("\"");
        assertThat(touched).doesNotExist();

        Files.delete(seen);
        assertThat(opens(directory, "", encoded)).isEqualTo(7);
        assertThat(seen).doesNotExist();

        Files.writeString(opener, "#!/bin/sh\nexit 3\n");
        assertThat(opens(directory, ":0", encoded)).isEqualTo(7);
    }
}
