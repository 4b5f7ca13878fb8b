/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.testkit;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/** The latest requests to one endpoint. Thread-safe. */
final class Recording {
    private static final int MOST_RECORDS = 20_000;

    private final Deque<RecordedRequest> requests = new ArrayDeque<>(); // guarded by this

    synchronized void add(RecordedRequest request) {
        requests.add(request);
        if (requests.size() > MOST_RECORDS) {
            requests.remove();
        }
    }

    synchronized List<RecordedRequest> copy() {
        return new ArrayList<>(requests);
    }

    synchronized void clear() {
        requests.clear();
    }
}
