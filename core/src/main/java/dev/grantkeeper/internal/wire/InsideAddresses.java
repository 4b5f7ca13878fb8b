/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.wire;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.util.Arrays;

/**
 * Addresses that lead into the network that the application runs in, or to its own machine: whatever answers there
 * takes its callers for neighbours. Cloud metadata services are among them.
 */
public final class InsideAddresses {
    /** The first bits of IPv4 addresses, and how many they are. */
    private static final int[][] INSIDE = {
        {0x00000000, 8}, // this network (RFC 791)
        {0x0a000000, 8}, // private (RFC 1918)
        {0x64400000, 10}, // behind a carrier's NAT (RFC 6598); Alibaba's metadata
        {0x7f000000, 8}, // loopback
        {0xa83f8110, 32}, // Azure's host agent, which only looks public
        {0xa9fe0000, 16}, // link-local (RFC 3927); most clouds' metadata
        {0xac100000, 12}, // private (RFC 1918)
        {0xc0000000, 24}, // protocol assignments (RFC 6890); Oracle's metadata
        {0xc0a80000, 16}, // private (RFC 1918)
        {0xc6120000, 15}, // benchmarks (RFC 2544)
        {0xe0000000, 3} // multicast, reserved and broadcast: 224/4 and 240/4
    };

    private InsideAddresses() {}

    /** Whether an address is inside, by itself or by the IPv4 address that it contains. */
    public static boolean isInside(InetAddress address) {
        byte[] bytes = address.getAddress();
        return address instanceof Inet6Address ? isInside6(address, bytes) : isInside4(number(bytes, 0));
    }

    private static boolean isInside4(int address) {
        return Arrays.stream(INSIDE).anyMatch(range -> (address ^ range[0]) >>> (32 - range[1]) == 0);
    }

    private static boolean isInside6(InetAddress address, byte[] bytes) {
        if (address.isAnyLocalAddress()
                || address.isLoopbackAddress()
                || address.isLinkLocalAddress()
                || address.isSiteLocalAddress()
                || address.isMulticastAddress()
                || (bytes[0] & 0xfe) == 0xfc) { // unique local (RFC 4193); metadata of AWS and Google
            return true;
        }
        int[] words = {number(bytes, 0), number(bytes, 4), number(bytes, 8), number(bytes, 12)};
        if (words[0] == 0x0064ff9b && words[1] >>> 16 == 1) {
            return true; // a translator of this network's own (RFC 8215)
        }
        if (words[0] >>> 16 == 0x2002) {
            return isInside4(words[0] << 16 | words[1] >>> 16); // 6to4 (RFC 3056)
        }
        if (words[0] == 0x20010000) {
            return isInside4(words[1]) || isInside4(~words[3]); // Teredo's server and client (RFC 4380 section 4)
        }
        return endsWithIpv4(words) && isInside4(words[3]);
    }

    private static boolean endsWithIpv4(int[] words) {
        boolean translated = words[0] == 0x0064ff9b && words[1] == 0 && words[2] == 0; // NAT64 (RFC 6052)
        boolean isatap = (words[2] & ~0x02000000) == 0x00005efe; // RFC 5214 section 6.1
        // IPv4-compatible and IPv4-mapped (RFC 4291 section 2.5.5), IPv4-translatable (RFC 2765)
        boolean plain =
                words[0] == 0 && words[1] == 0 && (words[2] == 0 || words[2] == 0x0000ffff || words[2] == 0xffff0000);
        return translated || isatap || plain;
    }

    private static int number(byte[] bytes, int from) {
        return (bytes[from] & 0xff) << 24
                | (bytes[from + 1] & 0xff) << 16
                | (bytes[from + 2] & 0xff) << 8
                | (bytes[from + 3] & 0xff);
    }
}
