/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.wire;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.ProxySelector;
import java.net.SocketAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import okhttp3.ConnectionPool;
import okhttp3.Dns;
import okhttp3.HttpUrl;
import okhttp3.OkHttpClient;
import org.jspecify.annotations.Nullable;

/**
 * Clients that connect to nothing inside the application's network: the URL of an API, and all that it leads to, may
 * come from a user.
 *
 * <p>Addresses are checked where a socket connects to them. A check before that would resolve a name twice, and the
 * second answer may be another one; and OkHttp resolves no literals, of which there are many: {@code 127.1},
 * {@code 2130706433}, {@code [::ffff:7f00:1]}. An open connection is not checked again, so a guarded client has a pool
 * of its own: to OkHttp, two addresses are the same whatever their sockets are.
 */
public final class OutsideOnly {
    private OutsideOnly() {}

    /**
     * Derives a client that connects to outside addresses only, in whatever is built with it: redirects, WebSockets,
     * and further clients that keep its sockets, pool and proxy. Make one and keep it, since it has its own
     * connections.
     *
     * @param base the application's client
     * @param allowed addresses that may be connected to although they are inside; their host is the one of the URL
     * @param throughProxy whether connections go through the application's proxies. A proxy resolves names and connects
     *     by itself, so that nothing here can check where to. Otherwise there is no proxy
     */
    public static OkHttpClient.Builder guard(
            OkHttpClient base, Predicate<InetSocketAddress> allowed, boolean throughProxy) {
        OkHttpClient.Builder builder =
                base.newBuilder().connectionPool(new ConnectionPool()).dns(named(base.dns()));
        if (!throughProxy) {
            return builder.proxy(Proxy.NO_PROXY).socketFactory(new GuardedSockets(base.socketFactory(), allowed));
        }
        Proxies proxies = new Proxies(base.proxySelector());
        proxies.add(base.proxy());
        Predicate<InetSocketAddress> exceptions = proxies::contain;
        return builder.proxySelector(proxies)
                .socketFactory(new GuardedSockets(base.socketFactory(), exceptions.or(allowed)));
    }

    /**
     * These hosts, for {@link #guard}: names with whatever they resolve to, and literal addresses for URLs that have
     * them, not for names that resolve to them.
     */
    public static Predicate<InetSocketAddress> hosts(Collection<String> hosts) {
        Set<String> all = hosts.stream().map(OutsideOnly::canonical).collect(Collectors.toUnmodifiableSet());
        return address -> all.contains(canonical(address.getHostString()));
    }

    /** A host as OkHttp writes it in URLs: in lower case, in ASCII, IPv6 shortened and without brackets. */
    private static String canonical(String host) {
        int zone = host.indexOf('%');
        return new HttpUrl.Builder()
                .scheme("https")
                .host(zone < 0 ? host : host.substring(0, zone))
                .build()
                .host();
    }

    /** The same addresses under the name that was asked for: one of the application's own may give them others. */
    private static Dns named(Dns dns) {
        return host -> {
            List<InetAddress> all = new ArrayList<>();
            for (InetAddress address : dns.lookup(host)) {
                all.add(named(host, address));
            }
            return all;
        };
    }

    private static InetAddress named(String host, InetAddress address) throws UnknownHostException {
        // getHostName() might ask somebody else's DNS
        boolean isNamed = new InetSocketAddress(address, 0).getHostString().equals(host);
        return isNamed ? address : InetAddress.getByAddress(host, address.getAddress());
    }

    /** The application's choice of proxies, and the memory of them: they may be inside. Thread-safe. */
    private static final class Proxies extends ProxySelector {
        private final ProxySelector selector;
        private final Set<SocketAddress> addresses = ConcurrentHashMap.newKeySet();

        Proxies(ProxySelector selector) {
            this.selector = selector;
        }

        void add(@Nullable Proxy proxy) {
            if (proxy != null && proxy.address() != null) {
                addresses.add(proxy.address());
            }
        }

        /** OkHttp resolves the name of a proxy that came without address. */
        boolean contain(InetSocketAddress address) {
            return addresses.contains(address)
                    || addresses.contains(
                            InetSocketAddress.createUnresolved(address.getHostString(), address.getPort()));
        }

        @Override
        public List<Proxy> select(URI uri) {
            List<Proxy> all = selector.select(uri);
            all.forEach(this::add);
            return all;
        }

        @Override
        public void connectFailed(URI uri, SocketAddress address, IOException e) {
            selector.connectFailed(uri, address, e);
        }
    }
}
