/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.office.handover;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.grantkeeper.examples.office.MovingTime;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class SessionCookieTest {
    private static final Duration MONTH = Duration.ofDays(30);
    private static final String SECRET = "one secret of this application, long enough";
    private static final String NEXT = "the secret that comes after it, as long";

    private final MovingTime time = new MovingTime();
    private final SessionCookie cookies = cookies("pane", SECRET, null);

    private SessionCookie cookies(String name, String secret, @Nullable String before) {
        return new SessionCookie(name, true, MONTH, time, secret, before);
    }

    @Test
    void whatWasIssuedIsRead() {
        String value = cookies.issue();
        assertThat(cookies.read("a=b; __Host-pane=" + value + "; c=d")).isPresent();
        assertThat(cookies.read("__Host-pane=" + value)).isEqualTo(cookies.idOf(value));
        assertThat(cookies.issue()).isNotEqualTo(value);
    }

    @Test
    void everyChangedCharacterIsNoticed() {
        String value = cookies.issue();
        for (int i = 0; i < value.length(); i++) {
            for (char c : new char[] {'A', 'B', '0', '1', '-', '.', ' ', (char) (value.charAt(i) ^ 1), '\u00e9'}) {
                String changed = value.substring(0, i) + c + value.substring(i + 1);
                if (!changed.equals(value)) {
                    assertThat(cookies.idOf(changed)).as("position " + i).isEmpty();
                }
            }
            assertThat(cookies.idOf(value.substring(0, i))).isEmpty();
            assertThat(cookies.idOf(value.substring(i + 1))).isEmpty();
        }
        assertThat(cookies.idOf(value + "A")).isEmpty();
        assertThat(cookies.idOf(value + ".")).isEmpty();
        assertThat(cookies.idOf(value.replace("v1.", "v2."))).isEmpty();
    }

    @Test
    void junkIsNoSession() {
        for (String junk :
                new String[] {"", ".", "v1....", "v1.a.b.c.d", "x".repeat(100_000), "\0\n", "v1." + "A".repeat(150)}) {
            assertThat(cookies.idOf(junk)).isEmpty();
            assertThat(cookies.read("__Host-pane=" + junk)).isEmpty();
        }
        assertThat(cookies.read(null)).isEmpty();
        assertThat(cookies.read("")).isEmpty();
        assertThat(cookies.read(";;;=;=")).isEmpty();
    }

    @Test
    void twoOfTheSameNameAreNone() {
        String one = "__Host-pane=" + cookies.issue();
        assertThat(cookies.read(one + "; __Host-pane=" + cookies.issue())).isEmpty();
        assertThat(cookies.read(one + "; " + one)).isEmpty();
        assertThat(cookies.read(one + "; __Host-pane=")).isEmpty();
    }

    @Test
    void aCookieOfAnotherPurposeIsNone() {
        assertThat(cookies.idOf(cookies("other", SECRET, null).issue())).isEmpty();
    }

    @Test
    void theServerDecidesWhenItEnds() {
        String value = cookies.issue();
        time.pass(MONTH.minusSeconds(2));
        assertThat(cookies.idOf(value)).isPresent();
        time.pass(Duration.ofSeconds(2));
        assertThat(cookies.idOf(value)).isEmpty();
    }

    @Test
    void theKeyBeforeIsReadAndSignsNoMore() {
        String old = cookies.issue();
        SessionCookie both = cookies("pane", NEXT, SECRET);
        assertThat(both.idOf(old)).isEqualTo(cookies.idOf(old)).isPresent();
        assertThat(cookies.idOf(both.issue())).isEmpty();

        assertThat(cookies("pane", NEXT, null).idOf(old)).isEmpty();
    }

    @Test
    void weakSecretsAreRefused() {
        for (String weak : new String[] {"", "changeme", "a".repeat(64)}) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> cookies("pane", weak, null))
                    .withMessageNotContaining("aaaa");
        }
    }

    @Test
    void theCookieIsForFramesAndForThisHostOnly() {
        assertThat(cookies.set(cookies.issue()))
                .startsWith("__Host-pane=v1.")
                .contains("; Path=/", "; HttpOnly", "; Secure", "; SameSite=None", "; Partitioned", "; Max-Age=2592000")
                .doesNotContain("Domain")
                .hasSizeLessThan(300);
    }

    @Test
    void withoutHttpsItIsForPagesOfTheirOwn() {
        SessionCookie plain = new SessionCookie("pane", false, MONTH, time, SECRET, null);
        assertThat(plain.set(plain.issue()))
                .startsWith("pane=")
                .contains("; HttpOnly", "; SameSite=Lax")
                .doesNotContain("Secure", "None");
    }
}
