/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.office;

import static org.assertj.core.api.Assertions.assertThat;

import dev.grantkeeper.examples.spotify.Port;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class OfficeAppTest {
    @TempDir
    Path directory;

    /** Its own port, and the one after it, which the demonstration's server takes. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1})
    void aPortThatIsTakenIsOneSentenceThatNamesTheOption(int before) throws Exception {
        StringWriter err = new StringWriter();
        try (ServerSocket other = takenAfterAFreeOne()) {
            int port = other.getLocalPort();
            assertThat(OfficeApp.run(
                            new PrintWriter(err, true),
                            "--port",
                            String.valueOf(port - before),
                            "--database",
                            directory.resolve("test").toString()))
                    .isEqualTo(Port.TAKEN);
            assertThat(err.toString().lines())
                    .singleElement()
                    .asString()
                    .contains("Port " + port, "--port ", "exec.args");
        }
    }

    private static ServerSocket takenAfterAFreeOne() throws IOException {
        while (true) {
            ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
            try {
                Port.requireFree(taken.getLocalPort() - 1, 1);
                return taken;
            } catch (Port.TakenException e) {
                taken.close();
            }
        }
    }
}
