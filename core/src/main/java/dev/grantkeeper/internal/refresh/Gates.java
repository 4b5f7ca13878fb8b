/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Supplier;

/**
 * A gate for each token endpoint. A registration at one server has one; an application that discovers its servers has
 * as many as it meets, so the one that has not been used for longest and is idle is forgotten. Thread-safe.
 */
final class Gates {
    private static final int MOST = 10_000;

    private final Supplier<EndpointGate> make;
    private final EndpointGate only;

    private final Map<String, EndpointGate> others = new LinkedHashMap<>(16, 0.75f, true); // guarded by this

    Gates(Supplier<EndpointGate> make) {
        this.make = make;
        this.only = make.get();
    }

    /** The gate of an endpoint; the empty name is that of the only one there is. */
    EndpointGate of(String endpoint) {
        return endpoint.isEmpty() ? only : other(endpoint);
    }

    private synchronized EndpointGate other(String endpoint) {
        EndpointGate known = others.get(endpoint);
        if (known != null) {
            return known;
        }
        Iterator<EndpointGate> oldest = others.values().iterator();
        while (others.size() >= MOST && oldest.hasNext()) {
            if (oldest.next().isIdle()) {
                oldest.remove();
            }
        }
        EndpointGate fresh = make.get();
        others.put(endpoint, fresh);
        return fresh;
    }
}
