/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.call;

import java.util.Collections;
import java.util.Map;
import java.util.WeakHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The owners of the header values that interceptors of this process attach, while those are in use. An interceptor that
 * finds a header on a request learns from it whether that is the caller's own or another interceptor's. A tag on the
 * request would tell, too, and would be two objects for each call; this is one entry for each token. Thread-safe.
 */
public final class AttachedTokens {
    private static final Map<String, TokenSource.Whose> OWNERS = Collections.synchronizedMap(new WeakHashMap<>());

    private AttachedTokens() {}

    /**
     * Notes an owner.
     *
     * @param value the value of the header; forgotten with the object that is passed here
     */
    public static void add(String value, TokenSource.Whose owner) {
        synchronized (OWNERS) {
            OWNERS.remove(value); // or an equal text that somebody else may let go of would stay the key
            OWNERS.put(value, owner);
        }
    }

    /** The owner of a header value; {@code null} if no interceptor attaches it. */
    public static TokenSource.@Nullable Whose owner(String value) {
        return OWNERS.get(value);
    }
}
