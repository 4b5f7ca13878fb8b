/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.store.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.Proxy;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Statements that take too long, and drivers that make it hard to cancel them. */
@Timeout(300)
class TimeLimitsTest {
    private static final Duration AT_ONCE = Duration.ofMillis(1);

    private final TimeLimits limits = new TimeLimits();

    private interface Cancel {
        void run() throws Throwable;
    }

    private static Statement cancelledBy(Cancel cancel) {
        return (Statement) Proxy.newProxyInstance(
                TimeLimitsTest.class.getClassLoader(), new Class<?>[] {Statement.class}, (proxy, method, arguments) -> {
                    if (method.getName().equals("cancel")) {
                        cancel.run();
                    }
                    return null;
                });
    }

    private static boolean await(CountDownLatch latch) {
        try {
            latch.await();
            return true;
        } catch (InterruptedException e) {
            return false;
        }
    }

    private void oneIsCancelled() throws SQLException {
        CountDownLatch cancelled = new CountDownLatch(1);
        assertThat(limits.cancelling(AT_ONCE, cancelledBy(cancelled::countDown), () -> await(cancelled)))
                .isTrue();
    }

    @ParameterizedTest
    @ValueSource(
            classes = {
                SQLException.class,
                IllegalStateException.class,
                AbstractMethodError.class,
                StackOverflowError.class
            })
    void others_are_cancelled_after_one_that_cannot_be(Class<? extends Throwable> thrown) throws Exception {
        CountDownLatch tried = new CountDownLatch(1);
        Statement stubborn = cancelledBy(() -> {
            tried.countDown();
            throw thrown.getConstructor().newInstance();
        });
        assertThat(limits.cancelling(AT_ONCE, stubborn, () -> await(tried))).isTrue();
        oneIsCancelled();
    }

    /** PostgreSQL's driver opens a connection to cancel, and waits 10 seconds for it if the server has vanished. */
    @Test
    void law_19_a_cancel_that_hangs_holds_up_no_other() throws Exception {
        CountDownLatch tried = new CountDownLatch(1);
        CountDownLatch never = new CountDownLatch(1);
        Statement hanging = cancelledBy(() -> {
            tried.countDown();
            never.await();
        });
        assertThat(limits.cancelling(AT_ONCE, hanging, () -> await(tried))).isTrue();
        oneIsCancelled();
        never.countDown();
    }

    @Test
    void law_19_its_threads_carry_nobodys_context() throws Exception {
        InheritableThreadLocal<String> tenant = new InheritableThreadLocal<>();
        ClassLoader before = Thread.currentThread().getContextClassLoader();
        AtomicReference<String> seen = new AtomicReference<>("none");
        AtomicReference<ClassLoader> loader = new AtomicReference<>();
        CountDownLatch cancelled = new CountDownLatch(1);
        Statement statement = cancelledBy(() -> {
            seen.set(String.valueOf(tenant.get()));
            loader.set(Thread.currentThread().getContextClassLoader());
            cancelled.countDown();
        });
        tenant.set("globex");
        Thread.currentThread().setContextClassLoader(new ClassLoader(before) {});
        try {
            limits.cancelling(AT_ONCE, statement, () -> await(cancelled));
        } finally {
            tenant.remove();
            Thread.currentThread().setContextClassLoader(before);
        }
        assertThat(seen).hasValue("null");
        assertThat(loader).hasValue(TimeLimits.class.getClassLoader());
    }

    @Test
    void a_wait_is_interrupted_and_the_caller_is_not() throws Exception {
        CountDownLatch never = new CountDownLatch(1);
        assertThat(limits.interrupting(AT_ONCE, () -> await(never))).isFalse();
        assertThat(Thread.currentThread().isInterrupted()).isFalse();
    }
}
