/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.testkit;

import java.io.IOException;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;

/** The protected APIs of one host. Thread-safe. */
final class FakeApis {
    static final String WELL_KNOWN = "/.well-known/oauth-protected-resource";

    private final String origin;
    private final List<FakeProtectedApi> apis = new CopyOnWriteArrayList<>();

    FakeApis(String origin) {
        this.origin = origin;
    }

    synchronized FakeProtectedApi at(String path, Settings issuer, Grants grants) {
        if (!path.startsWith("/")) {
            throw new IllegalArgumentException("Not a path: " + path);
        }
        for (FakeProtectedApi api : apis) {
            if (api.path().equals(path)) {
                return api;
            }
        }
        FakeProtectedApi api = new FakeProtectedApi(origin, path, issuer, grants);
        apis.add(api);
        return api;
    }

    /** The API with the longest path that the request's path is equal to or below. */
    @Nullable
    FakeProtectedApi serving(String path) {
        FakeProtectedApi best = null;
        for (FakeProtectedApi api : apis) {
            String prefix = api.path();
            boolean serves = path.equals(prefix) || path.startsWith(prefix.endsWith("/") ? prefix : prefix + "/");
            if (serves && (best == null || prefix.length() > best.path().length())) {
                best = api;
            }
        }
        return best;
    }

    /** Answers a request for metadata; the path begins with {@link #WELL_KNOWN}. */
    Answer metadata(String path) throws IOException, InterruptedException {
        String rest = path.substring(WELL_KNOWN.length());
        for (FakeProtectedApi api : apis) {
            if (rest.isEmpty() ? api.isAtRoot() : api.path().equals(rest)) {
                return api.document(rest.isEmpty());
            }
        }
        for (FakeProtectedApi api : apis) {
            if (rest.isEmpty() && api.path().equals("/")) {
                return api.document(false);
            }
        }
        return notFound(path);
    }

    static Answer notFound(String path) {
        return Answer.status(404).header("Content-Type", "text/plain").body("Nothing here: " + path);
    }
}
