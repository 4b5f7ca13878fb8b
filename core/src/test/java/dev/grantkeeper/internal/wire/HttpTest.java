/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.wire;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import okhttp3.Request;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The client for our own calls, where it cannot be made. */
@Timeout(300)
class HttpTest {
    /** A process with a trust store of its own. */
    static final class Calls {
        private Calls() {}

        public static void main(String[] args) {
            try (Http http = new Http(null, Duration.ofSeconds(10), new DPoP(InstantSource.system(), false))) {
                http.call(new Request.Builder().url("https://127.0.0.1:9/token").build());
            } catch (Http.CallFailedException e) {
                System.out.println(
                        (e.sent() ? "sent" : "not sent") + ": " + e.reason().getMessage());
            }
        }
    }

    /** No token request is taken for one whose answer was lost because of it. */
    @Test
    void a_trust_store_that_cannot_be_read_is_named_and_nothing_was_sent(@TempDir Path directory) throws Exception {
        Path trusted = Files.writeString(directory.resolve("trusted"), "no key store");
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Djavax.net.ssl.trustStore=" + trusted,
                        "-classpath",
                        System.getProperty("java.class.path"),
                        Calls.class.getName())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).isZero();
        assertThat(printed).startsWith("not sent: ").contains("javax.net.ssl.trustStore");
    }
}
