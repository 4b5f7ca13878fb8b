/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.grantkeeper.token.TokenSet;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.zip.Deflater;
import java.util.zip.DeflaterOutputStream;
import java.util.zip.GZIPOutputStream;
import mockwebserver3.MockResponse;
import mockwebserver3.MockResponseBody;
import mockwebserver3.SocketEffect;
import okhttp3.Interceptor;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import okhttp3.ResponseBody;
import okio.Buffer;
import okio.BufferedSink;
import okio.GzipSource;
import okio.Okio;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Rejections of a token that stand in a body, however it is encoded, and bodies that only look like one. */
@Timeout(300)
class RejectionsInBodiesTest {
    private static final String REJECTION = "{\"ok\":false,\"error\":\"token_revoked\"}";

    private final MockProvider mock = new MockProvider();

    @AfterEach
    void close() {
        mock.close();
    }

    private int users;

    private Account user() throws IOException {
        Grantkeeper node = mock.node(mock.registration(
                mock.provider().apiOrigins(mock.url("/")).dialect(d -> d.rejection("/error", "token_revoked"))));
        Account user = node.account("user" + users++);
        user.importTokens(TokenSet.builder("access-0")
                .expiresAt(mock.time.clock().instant().plusSeconds(3600))
                .refreshToken("refresh-0")
                .build());
        return user;
    }

    private interface Encoder {
        OutputStream around(OutputStream out) throws IOException;
    }

    private static Buffer encoded(String encoding, String text) throws IOException {
        Encoder encoder = switch (encoding) {
            case "gzip" -> GZIPOutputStream::new;
            case "deflate" -> DeflaterOutputStream::new;
            case "bare deflate" -> out -> new DeflaterOutputStream(out, new Deflater(9, true));
            default -> out -> out;
        };
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (OutputStream out = encoder.around(bytes)) {
            out.write(text.getBytes(java.nio.charset.StandardCharsets.UTF_8));
        }
        return new Buffer().write(bytes.toByteArray());
    }

    private static MockResponse answer(String header, Buffer body, boolean chunked) {
        MockResponse.Builder response = new MockResponse.Builder().setHeader("Content-Type", "application/json");
        if (!header.isEmpty()) {
            response.setHeader("Content-Encoding", header);
        }
        return (chunked ? response.chunkedBody(body, 8) : response.body(body)).build();
    }

    private Request request() {
        return new Request.Builder().url(mock.url("/things")).build();
    }

    private static Buffer bytes(OkHttpClient client, Request request) throws IOException {
        try (Response response = client.newCall(request).execute()) {
            return new Buffer().write(response.body().bytes());
        }
    }

    @ParameterizedTest
    @CsvSource({
        "gzip, gzip",
        "GZIP, gzip",
        "x-gzip, gzip",
        "deflate, deflate",
        "deflate, bare deflate",
        "identity, none",
        // an interceptor has decoded it, and left the header
        "gzip, none",
        "deflate, none"
    })
    void a_rejection_is_seen_in_whatever_the_caller_had_it_encoded(String header, String encoding) throws Exception {
        Request own = request().newBuilder().header("Accept-Encoding", header).build();
        for (boolean chunked : new boolean[] {true, false}) {
            OkHttpClient client = user().wrap(mock.http);
            mock.server.enqueue(answer(header, encoded(encoding, REJECTION), chunked));
            mock.server.enqueue(MockProvider.tokens());
            mock.server.enqueue(answer("", new Buffer().writeUtf8("well"), chunked));
            assertThat(bytes(client, own).readUtf8()).isEqualTo("well");
        }
        assertThat(mock.server.getRequestCount()).isEqualTo(6);
    }

    @Test
    void a_client_that_decodes_in_an_interceptor_gets_its_bytes_and_the_rejection_is_seen() throws Exception {
        Interceptor decoding = chain -> {
            Response response = chain.proceed(chain.request()
                    .newBuilder()
                    .header("Accept-Encoding", "gzip")
                    .build());
            return response.newBuilder()
                    .removeHeader("Content-Encoding")
                    .body(ResponseBody.create(
                            Okio.buffer(new GzipSource(response.body().source())),
                            response.body().contentType(),
                            -1))
                    .build();
        };
        OkHttpClient before =
                user().wrap(mock.http.newBuilder().addInterceptor(decoding).build());
        OkHttpClient after =
                user().wrap(mock.http).newBuilder().addInterceptor(decoding).build();
        for (OkHttpClient client : new OkHttpClient[] {before, after}) {
            mock.server.enqueue(answer("gzip", encoded("gzip", REJECTION), true));
            mock.server.enqueue(MockProvider.tokens());
            mock.server.enqueue(answer("gzip", encoded("gzip", "{\"ok\":true}"), true));
            assertThat(bytes(client, request()).readUtf8()).isEqualTo("{\"ok\":true}");
        }
        assertThat(mock.server.getRequestCount()).isEqualTo(6);
    }

    /** Byte by byte as it came, whether or not it could be read. */
    @ParameterizedTest
    @CsvSource({
        "br, none",
        "zstd, none",
        "'gzip, br', gzip",
        "gzip, gzip",
        "deflate, deflate",
        "gzip, broken",
        "'', none"
    })
    void what_is_no_rejection_is_handed_on_as_it_came(String header, String encoding) throws Exception {
        OkHttpClient client = user().wrap(mock.http);
        Request own = request().newBuilder().header("Accept-Encoding", header).build();
        boolean undecodable = header.contains("br") || header.equals("zstd");
        Buffer body = new Buffer();
        if (encoding.equals("broken")) {
            body.write(encoded("gzip", REJECTION), 15);
        } else {
            body.writeAll(encoded(encoding, undecodable ? REJECTION : "{\"ok\":true}"));
        }
        mock.server.enqueue(answer(header, body.clone(), false));
        assertThat(bytes(client, own)).isEqualTo(body);
        assertThat(mock.server.getRequestCount()).isEqualTo(1);
    }

    @Test
    void a_short_body_that_grows_when_it_is_decoded_is_no_rejection() throws Exception {
        Buffer body = encoded("gzip", "{\"error\":\"token_revoked\",\"text\":\"" + " ".repeat(1_000_000) + "\"}");
        mock.server.enqueue(answer("gzip", body.clone(), false));
        Request own = request().newBuilder().header("Accept-Encoding", "gzip").build();
        assertThat(bytes(user().wrap(mock.http), own)).isEqualTo(body);
        assertThat(mock.server.getRequestCount()).isEqualTo(1);
    }

    /** Sends the first part, and the second when the caller has read the first. */
    private final class Slow implements MockResponseBody {
        final CountDownLatch goOn = new CountDownLatch(1);
        private final String first;
        private final String second;
        private final boolean counted;

        Slow(String first, String second, boolean counted) {
            this.first = first;
            this.second = second;
            this.counted = counted;
        }

        MockResponse response(String type) {
            MockResponse.Builder response =
                    new MockResponse.Builder().setHeader("Content-Type", type).body(this);
            if (!counted) {
                response.removeHeader("Content-Length").onResponseEnd(SocketEffect.ShutdownConnection.INSTANCE);
            }
            return response.build();
        }

        @Override
        public long getContentLength() {
            return counted ? first.length() + second.length() : -1;
        }

        @Override
        public void writeTo(BufferedSink sink) throws IOException {
            sink.writeUtf8(first).flush();
            try {
                assertThat(goOn.await(30, TimeUnit.SECONDS)).isTrue();
            } catch (InterruptedException e) {
                throw new IOException(e);
            }
            sink.writeUtf8(second).flush();
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "application/json | {\"items\":[ | 1]} | true",
                "application/json | {\"items\":[ | 1]} | false",
                "application/json | '' | {\"ok\":true} | true",
                "application/json | '' | {\"error\":\"token_revoked\"} | false",
                "application/stream+json | {\"ok\":true} | {\"error\":\"token_revoked\"} | false",
                "application/json | {\"error\": | \"token_revoked\"} | false",
                "text/event-stream | data: 1 | data: 2 | false"
            })
    void an_answer_that_comes_in_pieces_is_handed_on_at_once(String type, String first, String second, boolean counted)
            throws Exception {
        Slow slow = new Slow(first, second, counted);
        mock.server.enqueue(slow.response(type));
        try (Response response = user().wrap(mock.http).newCall(request()).execute()) {
            assertThat(response.body().source().readUtf8(first.length())).isEqualTo(first);
            slow.goOn.countDown(); // not before: what was held back until now would never have come
            assertThat(response.body().string()).isEqualTo(second);
        }
        assertThat(mock.server.getRequestCount()).isEqualTo(1);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void an_answer_in_pieces_can_be_left_at_any_time(boolean readFirst) throws Exception {
        Slow slow = new Slow("{\"items\":[", "1]}", true);
        mock.server.enqueue(slow.response("application/json"));
        OkHttpClient client = user().wrap(mock.http);
        Response response = client.newCall(request()).execute();
        if (readFirst) {
            assertThat(response.body().source().readUtf8(10)).isEqualTo("{\"items\":[");
        }
        response.close();
        slow.goOn.countDown();
        mock.server.enqueue(answer("", new Buffer().writeUtf8("{}"), false));
        assertThat(bytes(client, request()).readUtf8()).isEqualTo("{}");
    }

    @Test
    void a_connection_that_breaks_is_the_callers_to_notice() throws Exception {
        mock.server.enqueue(new MockResponse.Builder()
                .setHeader("Content-Type", "application/json")
                .body("{\"items\":[" + "1,".repeat(1000) + "1]}")
                .onResponseBody(new SocketEffect.CloseSocket())
                .build());
        try (Response response = user().wrap(mock.http).newCall(request()).execute()) {
            assertThat(response.code()).isEqualTo(200);
            assertThatThrownBy(() -> response.body().string()).isInstanceOf(IOException.class);
        }
    }
}
