/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.testkit;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.time.Duration;
import java.util.zip.GZIPOutputStream;
import org.jspecify.annotations.Nullable;

/**
 * Something that goes wrong with one request to a {@link FakeAuthorizationServer}.
 *
 * <p>The names say whether the server has acted before it went wrong, since that is what matters to a client. A client
 * cannot see the difference between {@link #dropBefore()} and {@link #dropAfter()}, and must not guess.
 *
 * <p>Immutable and thread-safe.
 */
public final class Fault {
    private final Before before;
    private final After after;

    private Fault(Before before, After after) {
        this.before = before;
        this.after = after;
    }

    /** Happens before the server acts; an answer means that it never will. */
    private interface Before {
        @Nullable
        Answer apply() throws IOException, InterruptedException;
    }

    /** Happens between the server's work and its answer. */
    private interface After {
        Answer apply(Answer answer) throws IOException, InterruptedException;
    }

    /**
     * Nothing goes wrong: lets one request of a script pass.
     *
     * @return no fault
     */
    public static Fault none() {
        return before(() -> null);
    }

    /**
     * The server answers this and does nothing else.
     *
     * @param answer the answer
     * @return the fault
     */
    public static Fault answer(Answer answer) {
        return before(() -> answer);
    }

    /**
     * The server answers with this status and an OAuth error (RFC 6749, 5.2), and does nothing else.
     *
     * @param status the HTTP status
     * @param error the error code, such as {@code temporarily_unavailable}
     * @return the fault
     */
    public static Fault error(int status, String error) {
        return answer(Answer.json(status, "{\"error\":" + Json.write(error) + "}"));
    }

    /**
     * The server answers with this status and a page of HTML, as proxies do, and does nothing else.
     *
     * @param status the HTTP status, such as 500
     * @return the fault
     */
    public static Fault status(int status) {
        return answer(Answer.status(status)
                .header("Content-Type", "text/html")
                .body("<html><body><h1>" + status + "</h1></body></html>"));
    }

    /**
     * The server answers with this status and a {@code Retry-After} header, and does nothing else.
     *
     * @param status the HTTP status, such as 503 or 429
     * @param retryAfter the header's value: seconds, or an HTTP date
     * @return the fault
     */
    public static Fault retryAfter(int status, String retryAfter) {
        return answer(
                Answer.json(status, "{\"error\":\"temporarily_unavailable\"}").header("Retry-After", retryAfter));
    }

    /**
     * The connection is closed; the server has done nothing.
     *
     * @return the fault
     */
    public static Fault dropBefore() {
        return before(() -> {
            throw new Dropped();
        });
    }

    /**
     * The connection is closed after the server has acted: tokens were issued, and nobody has them.
     *
     * @return the fault
     */
    public static Fault dropAfter() {
        return after(answer -> {
            throw new Dropped();
        });
    }

    /**
     * The connection is closed in the middle of an answer, and the server has done nothing: the answer began with
     * tokens that it does not know.
     *
     * @param bytes the number of bytes of the body that arrive
     * @return the fault
     */
    public static Fault cutBefore(int bytes) {
        return answer(Answer.json(
                        200, "{\"access_token\":\"never-issued\",\"token_type\":\"Bearer\",\"expires_in\":3600}"))
                .then(cutAfter(bytes));
    }

    /**
     * The connection is closed in the middle of the answer, after the server has acted.
     *
     * @param bytes the number of bytes of the body that arrive
     * @return the fault
     */
    public static Fault cutAfter(int bytes) {
        return after(answer -> answer.cutAfter(bytes));
    }

    /**
     * The server takes its time, then acts and answers.
     *
     * @param time the delay
     * @return the fault
     */
    public static Fault delay(Duration time) {
        return before(() -> {
            Thread.sleep(time.toMillis());
            return null;
        });
    }

    /**
     * The server acts at once, and answers late.
     *
     * @param time the delay
     * @return the fault
     */
    public static Fault delayAnswer(Duration time) {
        return after(answer -> {
            Thread.sleep(time.toMillis());
            return answer;
        });
    }

    /**
     * The server waits until it is released, then acts and answers.
     *
     * @param held the handle that releases it
     * @return the fault
     */
    public static Fault hold(Held held) {
        return before(() -> {
            held.pass();
            return null;
        });
    }

    /**
     * The server acts at once, and answers when it is released.
     *
     * @param held the handle that releases it
     * @return the fault
     */
    public static Fault holdAnswer(Held held) {
        return after(answer -> {
            held.pass();
            return answer;
        });
    }

    /**
     * The answer is compressed, whether the client has asked for that or not.
     *
     * @return the fault
     */
    public static Fault gzip() {
        return after(answer -> {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            try (OutputStream zip = new GZIPOutputStream(bytes)) {
                zip.write(answer.bytes());
            }
            return answer.header("Content-Encoding", "gzip").body(bytes.toByteArray());
        });
    }

    /**
     * This fault and another one: {@code delay(time).then(status(503))}.
     *
     * @param next the fault that happens after this one
     * @return both
     */
    public Fault then(Fault next) {
        return new Fault(
                () -> {
                    Answer answer = before.apply();
                    return answer != null ? answer : next.before.apply();
                },
                answer -> next.after.apply(after.apply(answer)));
    }

    Answer around(Work work) throws IOException, InterruptedException {
        Answer answer = before.apply();
        return after.apply(answer != null ? answer : work.answer());
    }

    private static Fault before(Before before) {
        return new Fault(before, answer -> answer);
    }

    private static Fault after(After after) {
        return new Fault(() -> null, after);
    }

    /** The server's work if nothing goes wrong. */
    interface Work {
        Answer answer();
    }

    /** Closes the connection without another word. */
    static final class Dropped extends IOException {
        private static final long serialVersionUID = 1;

        Dropped() {
            super("dropped by the test");
        }
    }
}
