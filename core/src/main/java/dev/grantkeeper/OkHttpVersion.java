/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import java.io.IOException;
import java.lang.reflect.Method;
import java.net.URL;
import java.util.Collections;
import java.util.List;
import okhttp3.Call;
import okhttp3.Interceptor;

/**
 * A look at the copy of OkHttp that was loaded. OkHttp 5 is in another artifact than OkHttp 4, so build tools put both
 * on the class path, and whichever comes first is loaded.
 */
final class OkHttpVersion {
    private OkHttpVersion() {}

    /**
     * Does nothing if it is OkHttp 5.
     *
     * @throws IllegalStateException if it is an older one; the message names it, and what to exclude
     */
    static void check() {
        String version = version();
        if (version.startsWith("OkHttp 5.") && version.indexOf('-') < 0) {
            return;
        }
        // What is called here and came with OkHttp 5, some of it after its first alphas.
        if (has(Interceptor.Chain.class, "withCache")
                && has(Interceptor.Chain.class, "withRetryOnConnectionFailure")
                && has(Interceptor.Chain.class, "getFollowRedirects")
                && has(Call.class, "addEventListener")) {
            return;
        }
        List<String> copies = copies();
        String loaded = copies.isEmpty() ? "an unknown place" : copies.get(0);
        throw new IllegalStateException("Grantkeeper needs OkHttp 5, and " + version
                + " comes first on the class path: " + loaded
                + (copies.size() > 1
                        ? " (another copy is " + String.join(", ", copies.subList(1, copies.size())) + ")"
                        : "")
                + ". Exclude com.squareup.okhttp3:okhttp from the dependency that brings it (mvn dependency:tree or"
                + " gradle dependencies shows which; Retrofit does), and depend on com.squareup.okhttp3:okhttp-jvm 5");
    }

    private static boolean has(Class<?> type, String method) {
        for (Method one : type.getMethods()) { // a stream would cost the start of every application
            if (one.getName().equals(method)) {
                return true;
            }
        }
        return false;
    }

    /** Read in this way because a constant would be compiled into this class. */
    private static String version() {
        try {
            return "OkHttp "
                    + Class.forName("okhttp3.OkHttp", false, OkHttpVersion.class.getClassLoader())
                            .getField("VERSION")
                            .get(null);
        } catch (ReflectiveOperationException | LinkageError e) {
            return "an older one";
        }
    }

    /** The places of OkHttp, in the order in which they are searched. */
    private static List<String> copies() {
        String name = "okhttp3/OkHttpClient.class";
        ClassLoader loader = OkHttpVersion.class.getClassLoader();
        try {
            return loader == null
                    ? List.of()
                    : Collections.list(loader.getResources(name)).stream()
                            .map(URL::toString)
                            .map(url -> url.replaceFirst("^jar:", "").replaceFirst("!?/" + name + "$", ""))
                            .toList();
        } catch (IOException e) {
            return List.of();
        }
    }
}
