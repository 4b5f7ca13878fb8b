/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.wire;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The addresses that count as inside the application's network. */
class InsideAddressesTest {
    @ParameterizedTest
    @ValueSource(
            strings = {
                "0.0.0.0",
                "0.255.255.255",
                "10.0.0.0",
                "10.255.255.255",
                "100.64.0.0",
                "100.100.100.200",
                "100.127.255.255",
                "127.0.0.1",
                "127.1",
                "2130706433",
                "127.255.255.255",
                "168.63.129.16",
                "169.254.0.0",
                "169.254.169.254",
                "169.254.255.255",
                "172.16.0.0",
                "172.31.255.255",
                "192.0.0.0",
                "192.0.0.192",
                "192.0.0.255",
                "192.168.0.0",
                "192.168.255.255",
                "198.18.0.0",
                "198.19.255.255",
                "224.0.0.1",
                "239.255.255.255",
                "240.0.0.0",
                "255.255.255.255",
                "::",
                "::1",
                "fe80::1",
                "fe80::a9fe:a9fe",
                "febf::1",
                "fec0::1",
                "fc00::",
                "fd00:ec2::254",
                "fd20:ce::254",
                "fdff:ffff::1",
                "ff02::1",
                "::127.0.0.1",
                "::a00:1",
                "::ffff:7f00:1",
                "::ffff:10.0.0.1",
                "::ffff:0:127.0.0.1",
                "64:ff9b::127.0.0.1",
                "64:ff9b::a9fe:a9fe",
                "64:ff9b:1::8.8.8.8",
                "2002:7f00:1::",
                "2002:a9fe:a9fe::1",
                "2002:c0a8:1::1",
                "2001:0:7f00:1::",
                "2001:0:4136:e378:8000:63bf:80ff:fffe",
                "2001:0:4136:e378:8000:63bf:f5ff:fffe",
                "2a00:1450::5efe:10.0.0.1",
                "2a00:1450::200:5efe:192.168.0.1"
            })
    void these_are_inside(String address) throws Exception {
        assertThat(InsideAddresses.isInside(InetAddress.getByName(address))).isTrue();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "1.0.0.0",
                "8.8.8.8",
                "9.255.255.255",
                "11.0.0.0",
                "100.63.255.255",
                "100.128.0.0",
                "126.255.255.255",
                "128.0.0.0",
                "142.250.1.1",
                "168.63.129.15",
                "168.63.129.17",
                "169.253.255.255",
                "169.255.0.0",
                "172.15.255.255",
                "172.32.0.0",
                "191.255.255.255",
                "192.0.1.0",
                "192.167.255.255",
                "192.169.0.0",
                "198.17.255.255",
                "198.20.0.0",
                "223.255.255.255",
                "2a00:1450:4001:81b::200e",
                "2606:4700::1111",
                "fbff::1",
                "::8.8.8.8",
                "::ffff:8.8.8.8",
                "64:ff9b::8.8.8.8",
                "64:ff9a::10.0.0.1",
                "2002:808:808::1",
                "2003:a00:1::1",
                "2001:0:4136:e378:8000:63bf:3fff:fdd2",
                "2001:1:7f00:1::1",
                "2a00:1450::10.0.0.1",
                "2a00:1450::5efe:8.8.8.8"
            })
    void these_are_outside(String address) throws Exception {
        assertThat(InsideAddresses.isInside(InetAddress.getByName(address))).isFalse();
    }

    /** Java makes an IPv4 address of a mapped one, unless it is made by other means. */
    @Test
    void a_mapped_address_that_stayed_one_is_read_too() throws Exception {
        byte[] bytes = new byte[16];
        bytes[10] = bytes[11] = (byte) 0xff;
        Arrays.fill(bytes, 12, 16, (byte) 10);
        assertThat(InsideAddresses.isInside(Inet6Address.getByAddress("x", bytes, -1)))
                .isTrue();
        Arrays.fill(bytes, 12, 16, (byte) 8);
        assertThat(InsideAddresses.isInside(Inet6Address.getByAddress("x", bytes, -1)))
                .isFalse();
    }
}
