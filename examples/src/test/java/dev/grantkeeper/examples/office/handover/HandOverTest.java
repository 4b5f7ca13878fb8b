/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.office.handover;

import static org.assertj.core.api.Assertions.assertThat;

import dev.grantkeeper.examples.office.MovingTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

class HandOverTest {
    private final MovingTime time = new MovingTime();
    private final Queue<String> discarded = new ConcurrentLinkedQueue<>();
    private final HandOver<String> handOver = new HandOver<>(time, discarded::add);

    private final HandOver.Begun begun = handOver.begin("session", "socket");

    private String arrive(String result) {
        handOver.open(begun.tx());
        return handOver.arrive(begun.tx(), "session", result).orElseThrow();
    }

    @Test
    void thePaneGetsWhatItsPopUpBrought() {
        String token = arrive("grant");
        assertThat(handOver.claim(begun.tx(), "session", begun.secret(), token)).contains("grant");
        handOver.close();
        assertThat(discarded).isEmpty();
    }

    @Test
    void thePopUpLearnsWhoAsked() {
        HandOver.Asker asker = handOver.open(begun.tx()).orElseThrow();
        assertThat(asker.session()).isEqualTo("session");
        assertThat(asker.socket()).isEqualTo("socket");
    }

    @Test
    void anAttemptIsOpenedOnce() {
        assertThat(handOver.open(begun.tx())).isPresent();
        assertThat(handOver.open(begun.tx())).isEmpty();
        assertThat(handOver.open("made up")).isEmpty();
    }

    @Test
    void aWrongSecretEndsIt() {
        String token = arrive("grant");
        assertThat(handOver.claim(begun.tx(), "session", "wrong", token)).isEmpty();
        assertThat(handOver.claim(begun.tx(), "session", begun.secret(), token)).isEmpty();
        assertThat(discarded).containsExactly("grant");
    }

    @Test
    void aWrongTokenEndsIt() {
        String token = arrive("grant");
        assertThat(handOver.claim(begun.tx(), "session", begun.secret(), "")).isEmpty();
        assertThat(handOver.claim(begun.tx(), "session", begun.secret(), token)).isEmpty();
        assertThat(discarded).containsExactly("grant");
    }

    @Test
    void theTwoSecretsDoNotStandForEachOther() {
        String token = arrive("grant");
        assertThat(handOver.claim(begun.tx(), "session", token, begun.secret())).isEmpty();
        assertThat(discarded).containsExactly("grant");
    }

    @Test
    void anotherSessionGetsNothingAndEndsNothing() {
        String token = arrive("grant");
        assertThat(handOver.claim(begun.tx(), "another", begun.secret(), token)).isEmpty();
        assertThat(discarded).isEmpty();
        assertThat(handOver.claim(begun.tx(), "session", begun.secret(), token)).contains("grant");
    }

    @Test
    void itIsClaimedOnce() {
        String token = arrive("grant");
        assertThat(handOver.claim(begun.tx(), "session", begun.secret(), token)).isPresent();
        assertThat(handOver.claim(begun.tx(), "session", begun.secret(), token)).isEmpty();
        assertThat(discarded).isEmpty();
    }

    @Test
    void ofManyWhoClaimAtOnceOneGetsIt() throws Exception {
        String token = arrive("grant");
        ExecutorService threads = Executors.newFixedThreadPool(16);
        try {
            Callable<Integer> claim = () ->
                    handOver.claim(begun.tx(), "session", begun.secret(), token).isPresent() ? 1 : 0;
            int got = 0;
            for (Future<Integer> one :
                    threads.invokeAll(List.of(claim, claim, claim, claim, claim, claim, claim, claim))) {
                got += one.get();
            }
            assertThat(got).isEqualTo(1);
        } finally {
            threads.shutdownNow();
        }
    }

    @Test
    void aResultWaitsTwoMinutes() {
        String token = arrive("grant");
        time.pass(HandOver.TO_CLAIM);
        assertThat(handOver.claim(begun.tx(), "session", begun.secret(), token)).isEmpty();
        assertThat(discarded).containsExactly("grant");
    }

    @Test
    void whatNobodyClaimsIsDiscarded() {
        arrive("grant");
        time.pass(HandOver.TO_CLAIM.minusMillis(1));
        handOver.sweep();
        assertThat(discarded).isEmpty();
        time.pass(Duration.ofMillis(1));
        handOver.sweep();
        handOver.sweep();
        assertThat(discarded).containsExactly("grant");
    }

    @Test
    void aResultThatComesTooLateIsDiscarded() {
        handOver.open(begun.tx());
        time.pass(HandOver.TO_SIGN_IN);
        assertThat(handOver.arrive(begun.tx(), "session", "grant")).isEmpty();
        assertThat(discarded).containsExactly("grant");
    }

    @Test
    void aSecondResultIsDiscardedAndTheFirstKept() {
        String token = arrive("first");
        assertThat(handOver.arrive(begun.tx(), "session", "second")).isEmpty();
        assertThat(discarded).containsExactly("second");
        assertThat(handOver.claim(begun.tx(), "session", begun.secret(), token)).contains("first");
    }

    @Test
    void aResultForAnAttemptThatNobodyOpenedIsDiscarded() {
        assertThat(handOver.arrive(begun.tx(), "session", "grant")).isEmpty();
        assertThat(discarded).containsExactly("grant");
    }

    @Test
    void anAttemptThatFailsEndsAndSaysWhoAsked() {
        assertThat(handOver.fail(begun.tx())).as("not opened yet").isEmpty();
        handOver.open(begun.tx());
        assertThat(handOver.fail(begun.tx()).orElseThrow().socket()).isEqualTo("socket");
        assertThat(handOver.fail(begun.tx())).isEmpty();
        assertThat(handOver.fail("made up")).isEmpty();
        assertThat(handOver.arrive(begun.tx(), "session", "grant")).isEmpty();
        assertThat(discarded).containsExactly("grant");
    }

    @Test
    void anAttemptThatHasItsResultCannotFail() {
        String token = arrive("grant");
        assertThat(handOver.fail(begun.tx())).isEmpty();
        assertThat(handOver.claim(begun.tx(), "session", begun.secret(), token)).contains("grant");
    }

    @Test
    void nothingIsClaimedBeforeItIsThere() {
        handOver.open(begun.tx());
        assertThat(handOver.claim(begun.tx(), "session", begun.secret(), "")).isEmpty();
    }

    @Test
    void whoBeginsOftenLosesTheirOwnOldestAttempt() {
        String token = arrive("grant");
        HandOver.Begun others = handOver.begin("another", "socket");
        for (int i = 0; i < 8; i++) {
            handOver.begin("session", "socket");
        }
        assertThat(handOver.claim(begun.tx(), "session", begun.secret(), token)).isEmpty();
        assertThat(discarded).containsExactly("grant");
        assertThat(handOver.open(others.tx())).isPresent();
    }

    @Test
    void theEndDiscardsWhatWaits() {
        arrive("grant");
        handOver.close();
        assertThat(discarded).containsExactly("grant");
    }

    @Test
    void secretsAreDifferentAndDoNotPrint() {
        List<String> all = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            HandOver.Begun one = handOver.begin("session " + i, "socket");
            all.add(one.tx());
            all.add(one.secret());
            assertThat(one.toString()).doesNotContain(one.secret());
            assertThat(handOver.open(one.tx()).orElseThrow().toString()).doesNotContain("session " + i);
        }
        assertThat(all).doesNotHaveDuplicates().allMatch(secret -> secret.matches("[A-Za-z0-9_-]{43}"));
    }
}
