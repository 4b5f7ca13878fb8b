/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.token;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.security.GeneralSecurityException;
import java.security.InvalidKeyException;
import java.util.Base64;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.Set;
import javax.crypto.AEADBadTagException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Sealed text opens with its key, where it belongs, and unchanged; otherwise not at all. */
class SealingKeysTest {
    private static final String OLD = "kP3v9Zq7LxW2mT8sRb5nYc4dHf6gJa1e";
    private static final String NEW = "Q8wE2rT6yU1iO9pA4sD7fG3hJ5kL0zXc";

    private final SealingKeys keys = SealingKeys.of(OLD);

    /** RFC 5869, appendix A.1 to A.3. */
    @ParameterizedTest
    @CsvSource({
        "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b, 000102030405060708090a0b0c, f0f1f2f3f4f5f6f7f8f9, "
                + "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738"
                + "393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f, "
                + "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f90919293949"
                + "5969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeaf, "
                + "b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e"
                + "5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff, "
                + "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09da3275600c2"
                + "f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87",
        "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b, '', '', "
                + "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
    })
    void keys_are_derived_as_rfc_5869_says(String secret, String salt, String info, String output) {
        HexFormat hex = HexFormat.of();
        assertThat(hex.formatHex(SealingKeys.hkdf(
                        hex.parseHex(secret), hex.parseHex(salt), hex.parseHex(info), output.length() / 2)))
                .isEqualTo(output);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "x", "grüße 例え 😀", "{\"json\":true}"})
    void a_text_comes_back_as_it_was(String text) throws Exception {
        String sealed = keys.seal("row", "binding", text);
        assertThat(sealed).matches("gk1\\.[0-9a-f]{8}\\.[A-Za-z0-9_-]+");
        assertThat(keys.open("row", "binding", sealed)).isEqualTo(text);
        assertThat(SealingKeys.of(OLD).open("row", "binding", sealed)).isEqualTo(text);
    }

    @Test
    void a_large_text_comes_back_as_it_was() throws Exception {
        String text = "0123456789abcdef".repeat(20_000);
        assertThat(keys.open("row", "b", keys.seal("row", "b", text))).isEqualTo(text);
    }

    @Test
    void the_same_text_is_sealed_differently_each_time() {
        Set<String> seen = new HashSet<>();
        Set<String> salts = new HashSet<>();
        for (int i = 0; i < 1000; i++) {
            String sealed = keys.seal("row", "binding", "the same text");
            assertThat(seen.add(sealed)).isTrue();
            assertThat(salts.add(sealed.substring(13, 13 + 40))).isTrue();
        }
    }

    @Test
    void no_character_can_be_changed() {
        String sealed = keys.seal("row", "binding", "text");
        for (int i = 0; i < sealed.length(); i++) {
            for (char other : new char[] {'A', 'B', 'z', '0', '_', '.', '=', ' ', '\u00fc'}) {
                if (sealed.charAt(i) != other) {
                    String changed = sealed.substring(0, i) + other + sealed.substring(i + 1);
                    assertThatThrownBy(() -> keys.open("row", "binding", changed))
                            .as("character %s", i)
                            .isInstanceOf(GeneralSecurityException.class);
                }
            }
        }
    }

    @Test
    void no_bit_can_be_flipped() {
        String sealed = keys.seal("row", "binding", "text");
        String head = sealed.substring(0, 13);
        byte[] bytes = Base64.getUrlDecoder().decode(sealed.substring(13));
        for (int i = 0; i < bytes.length * 8; i++) {
            byte[] flipped = bytes.clone();
            flipped[i / 8] ^= (byte) (1 << (i % 8));
            String changed = head + Base64.getUrlEncoder().withoutPadding().encodeToString(flipped);
            assertThatThrownBy(() -> keys.open("row", "binding", changed)).isInstanceOf(AEADBadTagException.class);
        }
    }

    @Test
    void nothing_can_be_cut_off_or_added() {
        String sealed = keys.seal("row", "binding", "text");
        for (int i = 0; i < sealed.length(); i++) {
            String cut = sealed.substring(0, i);
            assertThatThrownBy(() -> keys.open("row", "binding", cut)).isInstanceOf(AEADBadTagException.class);
        }
        for (String more : new String[] {"A", "AA", "AAAA", "=", "==", ".", ".A", "\n", " "}) {
            assertThatThrownBy(() -> keys.open("row", "binding", sealed + more))
                    .isInstanceOf(AEADBadTagException.class);
            assertThatThrownBy(() -> keys.open("row", "binding", more + sealed))
                    .isInstanceOf(AEADBadTagException.class);
        }
        assertThatThrownBy(() -> keys.open("row", "binding", ".".repeat(1_000_000)))
                .isInstanceOf(AEADBadTagException.class);
    }

    @Test
    void a_text_opens_for_its_purpose_and_its_binding_only() {
        String sealed = keys.seal("row", "ab", "text");
        for (String[] other : new String[][] {
            {"row", "a"}, {"row", "abc"}, {"row", ""}, {"rowa", "b"}, {"ro", "wab"}, {"pending-login", "ab"}, {"", "ab"}
        }) {
            assertThatThrownBy(() -> keys.open(other[0], other[1], sealed))
                    .isInstanceOf(AEADBadTagException.class)
                    .hasMessageContaining("changed, or belongs to something else");
        }
    }

    @Test
    void an_unknown_key_is_named_and_told_from_tampering() {
        String sealed = SealingKeys.of(NEW).seal("row", "b", "text");
        assertThatThrownBy(() -> keys.open("row", "b", sealed))
                .isInstanceOf(InvalidKeyException.class)
                .hasMessageContaining(sealed.substring(4, 12))
                .hasMessageContaining("andReading")
                .hasMessageNotContaining(OLD)
                .hasMessageNotContaining(NEW);
    }

    @Test
    void a_text_under_one_key_does_not_open_under_the_name_of_another() {
        SealingKeys both = keys.andReading(NEW);
        String sealed = keys.seal("row", "b", "text");
        String renamed = "gk1." + SealingKeys.of(NEW).seal("row", "b", "").substring(4, 12) + sealed.substring(12);
        assertThatThrownBy(() -> both.open("row", "b", renamed)).isInstanceOf(AEADBadTagException.class);
    }

    @Test
    void secrets_change_while_nodes_keep_running() throws Exception {
        SealingKeys before = SealingKeys.of(OLD);
        SealingKeys during = SealingKeys.of(OLD).andReading(NEW);
        SealingKeys after = SealingKeys.of(NEW).andReading(OLD);
        SealingKeys atLast = SealingKeys.of(NEW);
        String byOld = before.seal("row", "b", "old");
        String byNew = after.seal("row", "b", "new");
        for (SealingKeys each : new SealingKeys[] {during, after}) {
            assertThat(each.open("row", "b", byOld)).isEqualTo("old");
            assertThat(each.open("row", "b", byNew)).isEqualTo("new");
        }
        assertThat(before.open("row", "b", during.seal("row", "b", "x"))).isEqualTo("x");
        assertThat(atLast.open("row", "b", after.seal("row", "b", "x"))).isEqualTo("x");
        assertThatThrownBy(() -> atLast.open("row", "b", byOld)).isInstanceOf(InvalidKeyException.class);
        // Adding a key for reading changes nothing in the original.
        assertThatThrownBy(() -> before.open("row", "b", byNew)).isInstanceOf(InvalidKeyException.class);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "short",
                "kP3v9Zq7LxW2mT8sRb5nYc4dHf6gJa1",
                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                "abababababababababababababababababab",
                "00000000000000000000000000000000000000000000",
                "0123456789abcdef0123456789abcdef",
                "0123456789ABCDEF0123456789ABCDEF",
                "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
                "abcdefghijklmnopqrstuvwxyz0123456789",
                "changeme-changeme-changeme-changeme-1234567890",
                "my-super-secret-sealing-key-1234567890",
                "P@ssw0rd-password-1234567890-abcdefg",
                "this-is-only-an-example-of-a-key-4711"
            })
    void a_secret_that_can_be_guessed_is_refused_and_not_repeated(String weak) {
        for (Runnable use : new Runnable[] {() -> SealingKeys.of(weak), () -> keys.andReading(weak)}) {
            assertThatThrownBy(use::run)
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("openssl rand -base64 32")
                    .satisfies(refused -> assertThat(
                                    weak.isEmpty() || !refused.toString().contains(weak))
                            .isTrue());
        }
    }

    @Test
    void a_missing_secret_says_that_it_is_missing() {
        assertThatThrownBy(() -> SealingKeys.of(System.getenv("NO_SUCH_VARIABLE")))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("There is no sealing secret");
    }

    @Test
    void keys_print_their_ids_and_no_secret() {
        String text = keys.andReading(NEW).toString();
        assertThat(text).contains("writing=").doesNotContain(OLD).doesNotContain(NEW);
    }
}
