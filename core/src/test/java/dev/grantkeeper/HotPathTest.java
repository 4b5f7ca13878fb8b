/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import okhttp3.Interceptor;
import okhttp3.MediaType;
import okhttp3.OkHttpClient;
import okhttp3.Protocol;
import okhttp3.Request;
import okhttp3.Response;
import okhttp3.ResponseBody;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The bytes of a call with a valid token, beside one with a constant header. Its time is benchmarked. */
@Timeout(300)
class HotPathTest {
    private static final int CALLS = 20_000;
    private static final int ROUNDS = 8;

    /** OkHttp's, in which a header that was made before takes the place of one that is checked in each call. */
    private static final long SECOND_LIST_OF_HEADERS = 160;

    /** After so few calls, not everything is compiled as well as it can be. */
    private static final long MARGIN = 160;

    private final Scene scene = new Scene();
    private final Grantkeeper node = scene.node();

    @AfterEach
    void close() {
        scene.close();
    }

    /** The same client, whose calls are answered without a network. */
    private static OkHttpClient without(OkHttpClient network) {
        return network.newBuilder().addInterceptor(HotPathTest::answer).build();
    }

    private static Response answer(Interceptor.Chain chain) {
        return new Response.Builder()
                .request(chain.request())
                .protocol(Protocol.HTTP_1_1)
                .code(chain.request().header("Authorization") == null ? 401 : 200)
                .message("")
                .body(ResponseBody.create("", (MediaType) null))
                .build();
    }

    /** Bytes that a call allocates on its thread, once everything is compiled: the least of several rounds. */
    private static long bytes(OkHttpClient client, Request request) throws IOException {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long least = Long.MAX_VALUE;
        for (int round = 0; round < ROUNDS; round++) {
            long before = threads.getCurrentThreadAllocatedBytes();
            for (int i = 0; i < CALLS; i++) {
                try (Response response = client.newCall(request).execute()) {
                    assertThat(response.code()).isEqualTo(200);
                }
            }
            least = Math.min(least, (threads.getCurrentThreadAllocatedBytes() - before) / CALLS);
        }
        return least;
    }

    @Test
    void a_call_with_a_valid_token_allocates_no_more_than_one_with_a_constant_header_and_a_list_of_headers()
            throws IOException {
        Account alice = scene.signIn(node, "alice");
        String header = "Bearer " + alice.tokens().accessToken();
        Request plain =
                new Request.Builder().url(scene.server.apiUrl("/things")).build();
        Request tagged = plain.newBuilder().tag(Account.class, alice).build();
        OkHttpClient http = new OkHttpClient();
        OkHttpClient constant = without(http.newBuilder()
                .addInterceptor(chain -> chain.proceed(chain.request()
                        .newBuilder()
                        .header("Authorization", header)
                        .build()))
                .build());

        long most = bytes(constant, plain) + SECOND_LIST_OF_HEADERS + MARGIN;
        assertThat(bytes(without(alice.wrap(http)), plain)).isLessThan(most);
        assertThat(bytes(without(node.wrap(http)), tagged)).isLessThan(most);
    }
}
