/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.server;

import dev.grantkeeper.internal.answer.Reply;
import dev.grantkeeper.internal.answer.ServerText;
import dev.grantkeeper.internal.answer.ServerTimes;
import dev.grantkeeper.internal.wire.Http;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Looks for a JSON document at one well-known place after the other (RFC 8615). Servers answer for the places that they
 * do not have with 404, with a page, a redirect to a login, or the error of a gateway, so none of these ends the
 * search: the document may be at the next place. If it is nowhere, the most telling failure is reported. The search
 * ends at once where the server asks to be left alone (law 9), and where no answer comes, since all places are on one
 * host.
 */
final class WellKnown {
    /** The failures, the more telling ones last. */
    private enum Failure {
        /** There is no such place. */
        ABSENT,
        /** A redirect, which is not followed. */
        REDIRECT,
        /** A page, or something that does not end. */
        NOT_JSON,
        /** It may pass. */
        TEMPORARY,
        /** A document that must not be used. */
        REFUSED
    }

    private record Miss(Failure failure, IOException reason) {}

    /** None of the places exists. */
    static final class AbsentException extends IOException {
        private static final long serialVersionUID = 1L;

        AbsentException(String message) {
            super(message);
        }
    }

    /** Reads a document. */
    @FunctionalInterface
    interface Reader<T> {
        /**
         * Reads a document.
         *
         * @throws IllegalArgumentException if it must not be used; the message may quote it
         */
        T read(String place, String json);
    }

    private WellKnown() {}

    /**
     * Makes the requests.
     *
     * @param what the subject of messages, for example {@code The metadata of https://login.example}
     * @param places the URLs, in the order in which they are read
     * @throws AbsentException if every place answers that it does not exist
     * @throws BusyException if the server says when to come again
     * @throws IOException for anything else; the cause is an {@code IllegalArgumentException} if an answer made no
     *     sense
     */
    static <T> T find(Http http, String what, List<String> places, Reader<T> reader) throws IOException {
        List<Miss> misses = new ArrayList<>();
        for (String place : places) {
            Reply reply;
            try {
                reply = http.get(place, null);
            } catch (Http.TooLargeException e) {
                misses.add(new Miss(Failure.NOT_JSON, new IOException(what + " could not be fetched", e)));
                continue;
            } catch (IOException e) {
                throw new IOException(what + " could not be fetched", e);
            }
            if (reply.status() != 200) {
                misses.add(missed(what, reply));
                continue;
            }
            try {
                return reader.read(place, reply.body());
            } catch (IllegalArgumentException e) {
                misses.add(refused(reply.body(), ServerText.harmless(e.getMessage())));
            }
        }
        Miss worst = misses.get(0);
        for (Miss miss : misses) {
            worst = miss.failure().compareTo(worst.failure()) > 0 ? miss : worst;
        }
        throw worst.reason();
    }

    private static Miss missed(String what, Reply reply) throws IOException {
        int status = reply.status();
        String message = what + " could not be fetched: status " + status;
        Duration wanted = ServerTimes.retryAfter(reply.retryAfter(), Instant.now());
        if (wanted != null && !wanted.isZero()) {
            throw new BusyException(message, wanted);
        }
        if (status == 429) {
            throw new IOException(message);
        }
        Failure failure = status >= 500 || status == 408
                ? Failure.TEMPORARY
                : status >= 400 ? Failure.ABSENT : status >= 300 ? Failure.REDIRECT : Failure.NOT_JSON;
        return new Miss(failure, failure == Failure.ABSENT ? new AbsentException(message) : new IOException(message));
    }

    private static Miss refused(String body, @Nullable String why) {
        Failure failure = body.strip().startsWith("{") ? Failure.REFUSED : Failure.NOT_JSON;
        return new Miss(failure, new IOException(why, new IllegalArgumentException(why)));
    }
}
