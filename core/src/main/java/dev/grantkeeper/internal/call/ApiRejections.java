/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.call;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.grantkeeper.internal.provider.DialectFacts;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.zip.GZIPInputStream;
import java.util.zip.Inflater;
import java.util.zip.InflaterInputStream;
import okhttp3.Call;
import okhttp3.MediaType;
import okhttp3.Response;
import okhttp3.ResponseBody;
import okio.ByteString;
import okio.Okio;
import org.jspecify.annotations.Nullable;

/**
 * Rejections of a token that some APIs send with another status than 401: Slack with 200, Facebook with 400.
 *
 * <p>A rejection is short, and comes at once. Whatever is longer, or comes later, is the caller's, and is not held up:
 * bodies are looked into by threads of this object, which end when idle. Thread-safe.
 */
public final class ApiRejections {
    /** A longer body is something else. */
    private static final int LONGEST = 4096;

    /** The longest wait for a body. */
    private static final Duration PATIENCE = Duration.ofMillis(500);

    /** The longest wait for the rest of a body that has begun. */
    private static final Duration PAUSE = Duration.ofMillis(200);

    /** Calls that are looked into at once. When there are more, some are not. */
    private static final int MOST = 256;

    /** Made when a body is looked into, which most APIs give no reason for. */
    private static final class Json {
        static final JsonMapper MAPPER = new JsonMapper();
    }

    private final ThreadPoolExecutor threads =
            new ThreadPoolExecutor(0, MOST, 10, TimeUnit.SECONDS, new SynchronousQueue<>(), task -> {
                // Thread-locals and class loader would be those of whichever caller came first.
                Thread thread = new Thread(null, task, "grantkeeper-answers", 0, false);
                thread.setDaemon(true);
                thread.setContextClassLoader(ApiRejections.class.getClassLoader());
                return thread;
            });

    /**
     * A response that was looked into.
     *
     * @param response the response to go on with, in place of the one that came
     * @param isRejection whether it rejects the token
     */
    public record Examined(Response response, boolean isRejection) {}

    private enum Verdict {
        REJECTION,
        SOMETHING_ELSE,
        INCOMPLETE
    }

    /** Looks for a rejection in the body of a response. */
    public Examined examine(Response response, DialectFacts dialect, Call call) {
        ResponseBody body = response.body();
        MediaType type = dialect.rejectionMember == null || response.code() == 101 ? null : body.contentType();
        String encoding = encoding(response);
        if (type == null || !isJson(type) || encoding == null || body.contentLength() > LONGEST) {
            return new Examined(response, false);
        }
        ReadAhead ahead = new ReadAhead(
                body.source(),
                bytes -> bytes.size() > LONGEST || verdict(bytes, encoding, dialect) != Verdict.INCOMPLETE,
                call::cancel);
        try {
            threads.execute(ahead);
        } catch (RejectedExecutionException e) {
            return new Examined(response, false);
        }
        ByteString bytes = ahead.beginning(PATIENCE, PAUSE);
        Response same = response.newBuilder()
                .body(ResponseBody.create(Okio.buffer(ahead), type, body.contentLength()))
                .build();
        return new Examined(
                same,
                bytes != null && bytes.size() <= LONGEST && verdict(bytes, encoding, dialect) == Verdict.REJECTION);
    }

    /** Ends the threads when they have nothing to do. Responses are not looked into any more. */
    public void close() {
        threads.shutdown();
    }

    private static boolean isJson(MediaType type) {
        String subtype = type.subtype();
        return subtype.equals("json") || subtype.endsWith("+json") || subtype.equals("javascript");
    }

    /**
     * The encoding, if it can be read here: the caller, or an interceptor that decodes for it, has asked for one. Empty
     * for none.
     */
    private static @Nullable String encoding(Response response) {
        String all = String.join(",", response.headers("Content-Encoding"))
                .toLowerCase(Locale.ROOT)
                .strip();
        return switch (all) {
            case "", "identity" -> "";
            case "gzip", "x-gzip" -> "gzip";
            case "deflate" -> "deflate";
            default -> null;
        };
    }

    private static Verdict verdict(ByteString bytes, String encoding, DialectFacts dialect) {
        byte[] text = decoded(bytes.toByteArray(), encoding);
        if (text.length > LONGEST) {
            return Verdict.SOMETHING_ELSE;
        }
        try {
            JsonNode json = Json.MAPPER.readTree(text);
            if (json.isMissingNode()) {
                return Verdict.INCOMPLETE;
            }
            return dialect.rejections.contains(json.at(dialect.rejectionMember).asText())
                    ? Verdict.REJECTION
                    : Verdict.SOMETHING_ELSE;
        } catch (IOException e) {
            return Verdict.INCOMPLETE; // or no JSON: half a word looks like that, too
        }
    }

    private interface Decoding {
        InputStream of(InputStream encoded) throws IOException;
    }

    /**
     * As much of a text as there is, or a little more than is looked at. Where an interceptor has decoded the body and
     * left the header, it is not encoded.
     */
    private static byte[] decoded(byte[] bytes, String encoding) {
        List<Decoding> ways = switch (encoding) {
            case "gzip" -> List.of(GZIPInputStream::new);
            // RFC 9110 section 8.4.1.2: zlib's format, and some servers send bare deflate
            case "deflate" ->
                List.of(InflaterInputStream::new, encoded -> new InflaterInputStream(encoded, new Inflater(true)));
            default -> List.of();
        };
        for (Decoding way : ways) {
            byte[] decoded = decoded(bytes, way);
            if (decoded != null) {
                return decoded;
            }
        }
        return bytes;
    }

    private static byte @Nullable [] decoded(byte[] bytes, Decoding way) {
        ByteArrayOutputStream decoded = new ByteArrayOutputStream();
        try (InputStream in = way.of(new ByteArrayInputStream(bytes))) {
            for (int next = in.read(); next >= 0 && decoded.size() <= LONGEST; next = in.read()) {
                decoded.write(next);
            }
        } catch (EOFException e) {
            return decoded.toByteArray(); // the rest is still to come
        } catch (IOException e) {
            return null;
        }
        return decoded.toByteArray();
    }
}
