/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.spotify;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class PortTest {
    @TempDir
    Path directory;

    @Test
    void aPortThatIsTakenIsOneSentenceThatNamesTheOption() throws Exception {
        StringWriter err = new StringWriter();
        try (ServerSocket other = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            String port = String.valueOf(other.getLocalPort());
            String database = directory.resolve("test").toString();
            assertThat(SpotifyApp.run(new PrintWriter(err, true), "--port", port, "--database", database))
                    .isEqualTo(Port.TAKEN);
            assertThat(err.toString().lines())
                    .singleElement()
                    .asString()
                    .contains("Port " + port, "--port ", "exec.args");
        }
        assertThat(Files.exists(directory.resolve("test.mv.db"))).isFalse();
    }

    @Test
    void aPortThatDoesNotExistIsSaid() {
        assertThatThrownBy(() -> Port.requireFree(65_536, 65_535)).hasMessageContaining("--port 65535");
        assertThatThrownBy(() -> Port.requireFree(0, 0)).hasMessageContaining("--port 0");
    }

    @Test
    void aPortThatIsFreeStaysFree() throws Exception {
        int port = Story.freePort();
        Port.requireFree(port, port);
        assertThatCode(() -> Port.requireFree(port, port)).doesNotThrowAnyException();
    }

    @Test
    void mavenPrintsNothingMore() throws Exception {
        assertThat(Pattern.compile("<successCode>" + Port.TAKEN + "</successCode>")
                        .matcher(Files.readString(Path.of("pom.xml")))
                        .results())
                .as("the two programs that listen")
                .hasSize(2);
    }

    @Test
    void mavenPrintsNothingMoreAboutAProgramThatIsEnded() throws Exception {
        for (int code : new int[] {130, 143}) {
            assertThat(Pattern.compile("<successCode>" + code + "</successCode>")
                            .matcher(Files.readString(Path.of("pom.xml")))
                            .results())
                    .as("%d of run, office, mcp and terminal", code)
                    .hasSize(4);
        }
    }
}
