/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.token;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Two keys are one only if they are the same in both parts, and so are their digests. */
class AccountKeyTest {
    private static void assertApart(List<AccountKey> keys) {
        Set<AccountKey> distinct = new HashSet<>(keys);
        Set<String> digests = new HashSet<>();
        distinct.forEach(key -> digests.add(key.digest()));
        assertThat(digests).hasSameSizeAs(distinct).allMatch(digest -> digest.matches("[0-9a-f]{64}"));
    }

    @Test
    void what_moves_from_one_part_to_the_other_is_another_key() {
        List<AccountKey> keys = new ArrayList<>();
        String both = "ab:c|d/e 1\u00fc";
        for (int i = 1; i < both.length(); i++) {
            keys.add(new AccountKey(both.substring(0, i), both.substring(i)));
            keys.add(new AccountKey(both.substring(i), both.substring(0, i)));
        }
        assertThat(new HashSet<>(keys)).hasSameSizeAs(keys);
        assertApart(keys);
    }

    @Test
    @SuppressWarnings("NullAway") // as callers without a null check do
    void a_part_that_is_missing_is_named() {
        assertThatNullPointerException()
                .isThrownBy(() -> new AccountKey("spotify", null))
                .withMessageContaining("The account of an account key is null");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new AccountKey("", "alice"))
                .withMessageContaining("The registration of an account key is empty");
    }

    @Test
    void keys_that_look_alike_are_different_keys() {
        List<AccountKey> keys = new ArrayList<>();
        for (String account :
                List.of("alice", "Alice", "alice ", " alice", "al\u0131ce", "\u0430lice", "ali", "alicea")) {
            keys.add(new AccountKey("spotify", account));
            keys.add(new AccountKey("Spotify", account));
        }
        assertThat(new HashSet<>(keys)).hasSameSizeAs(keys);
        assertApart(keys);
    }

    @Test
    void random_keys_are_equal_if_and_only_if_both_parts_are() {
        Random random = new Random(20261121);
        String letters = "aAb:|/.\u00e4";
        List<AccountKey> keys = new ArrayList<>();
        for (int i = 0; i < 2_000; i++) {
            keys.add(new AccountKey(word(random, letters), word(random, letters)));
        }
        for (int i = 0; i < keys.size(); i++) {
            AccountKey one = keys.get(i);
            AccountKey other = keys.get(random.nextInt(keys.size()));
            boolean same = one.registration().equals(other.registration())
                    && one.account().equals(other.account());
            assertThat(one.equals(other)).isEqualTo(same);
            assertThat(one.digest().equals(other.digest())).isEqualTo(same);
            AccountKey copy = new AccountKey(one.registration(), one.account());
            assertThat(copy).isEqualTo(one).hasSameHashCodeAs(one);
            assertThat(copy.digest()).isEqualTo(one.digest());
        }
        assertApart(keys);
    }

    private static String word(Random random, String letters) {
        StringBuilder word = new StringBuilder();
        for (int length = 1 + random.nextInt(3); length > 0; length--) {
            word.append(letters.charAt(random.nextInt(letters.length())));
        }
        return word.toString();
    }
}
