/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.api;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;

/** The servers that were discovered, by issuer. Those that were used last are remembered. Thread-safe. */
public final class DiscoveredServers {
    private static final int MOST = 10_000;

    private final Function<String, DiscoveredServer> make;

    private final Map<String, DiscoveredServer> servers = new LinkedHashMap<>(16, 0.75f, true) { // guarded by this
                private static final long serialVersionUID = 1L;

                @Override
                protected boolean removeEldestEntry(Map.Entry<String, DiscoveredServer> eldest) {
                    return size() > MOST;
                }
            };

    /** Makes each server when it is first needed; that does no I/O. */
    public DiscoveredServers(Function<String, DiscoveredServer> make) {
        this.make = make;
    }

    /** The server with this issuer identifier. */
    public synchronized DiscoveredServer of(String issuer) {
        return servers.computeIfAbsent(issuer, make);
    }
}
