/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;

import dev.grantkeeper.testkit.Fault;
import dev.grantkeeper.testkit.Held;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.StoredTokens;
import dev.grantkeeper.token.TokenSet;
import dev.grantkeeper.token.TokenStore;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.MonitorInfo;
import java.lang.management.ThreadInfo;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * While the store or the authorization server works, no thread holds a monitor of ours (law 12): another key would wait
 * for it, and on JDK 21 a virtual thread would keep its carrier.
 */
@Timeout(300)
class NoLockAcrossIoTest {
    private final Scene scene = new Scene();
    private final ExecutorService callers = Executors.newCachedThreadPool();
    private final Watching store = new Watching();

    @AfterEach
    void close() {
        callers.shutdownNow();
        scene.close();
    }

    private static boolean isOurs(MonitorInfo monitor) {
        StackTraceElement frame = monitor.getLockedStackFrame();
        return frame != null
                && frame.getClassName().startsWith("dev.grantkeeper.")
                && !frame.getClassName().startsWith("dev.grantkeeper.testkit.");
    }

    private static List<String> monitors(ThreadInfo... threads) {
        List<String> held = new ArrayList<>();
        for (ThreadInfo thread : threads) {
            for (MonitorInfo monitor : thread == null ? new MonitorInfo[0] : thread.getLockedMonitors()) {
                if (isOurs(monitor)) {
                    held.add(thread.getThreadName() + " in " + monitor.getLockedStackFrame());
                }
            }
        }
        return held;
    }

    /** Looks at its caller's monitors in every call. */
    private final class Watching implements TokenStore {
        final List<String> held = new ArrayList<>(); // guarded by itself
        final ConcurrentHashMap<String, Boolean> called = new ConcurrentHashMap<>();

        private void look(String call) {
            called.put(call, true);
            List<String> now = monitors(ManagementFactory.getThreadMXBean()
                    .getThreadInfo(new long[] {Thread.currentThread().getId()}, true, false));
            synchronized (held) {
                held.addAll(now);
            }
        }

        @Override
        public Optional<StoredTokens> find(AccountKey key) throws IOException {
            look("find");
            return scene.store.find(key);
        }

        @Override
        public boolean create(AccountKey key, StoredTokens tokens) throws IOException {
            look("create");
            return scene.store.create(key, tokens);
        }

        @Override
        public boolean replace(AccountKey key, String version, StoredTokens next) throws IOException {
            look("replace");
            return scene.store.replace(key, version, next);
        }

        @Override
        public boolean delete(AccountKey key, String version) throws IOException {
            look("delete");
            return scene.store.delete(key, version);
        }
    }

    /** Does something, and looks at all threads while the server keeps it waiting. */
    private <T> T heldBy(Held held, Callable<T> work) throws Exception {
        Future<T> done = callers.submit(work);
        held.awaitArrived(1);
        assertThat(monitors(ManagementFactory.getThreadMXBean().dumpAllThreads(true, false)))
                .isEmpty();
        assertThat(done.isDone()).isFalse();
        held.release();
        scene.server.noFaults();
        return done.get(40, TimeUnit.SECONDS);
    }

    @Test
    void a_monitor_that_is_held_would_be_seen() throws Exception {
        Object ours = new Object();
        synchronized (ours) {
            assertThat(monitors(ManagementFactory.getThreadMXBean().dumpAllThreads(true, false)))
                    .hasSize(1)
                    .allSatisfy(held -> assertThat(held).contains("NoLockAcrossIoTest"));
        }
    }

    @Test
    void no_monitor_is_held_while_the_store_or_the_server_works() throws Exception {
        Grantkeeper node = scene.node(scene.registration(scene.openIdProvider().build())
                .scopes("openid", "things.read")
                .tokenCallTimeout(Duration.ofSeconds(20)) // the server makes its key first
                .maxWait(Duration.ofSeconds(20))
                .tokenStore(store));
        PendingLogin login = node.startLogin();
        String query = Scene.query(scene.server.approve(login.url().toString(), "alice"));
        LoginResult.SignedIn in =
                (LoginResult.SignedIn) heldBy(scene.server.hold(), () -> node.finishLogin(login, query));
        Account alice = in.keepAs("alice");

        scene.expire();
        TokenSet refreshed = heldBy(scene.server.hold(), alice::tokens);
        assertThat(alice.tokens()).isEqualTo(refreshed);

        scene.server.expireAccessTokens();
        assertThat(heldBy(scene.server.holdAnswers(), () -> scene.status(alice.wrap(scene.http))))
                .isEqualTo(200);

        assertThat(heldBy(scene.server.hold(), node.application()::tokens)).isNotNull();

        Held keys = new Held();
        scene.server.rotateSigningKey();
        scene.time.pass(Duration.ofHours(1));
        scene.server.onNextMetadataRequest(Fault.hold(keys));
        PendingLogin again = node.startLogin();
        String callback = Scene.query(scene.server.approve(again.url().toString(), "alice"));
        Grantkeeper fresh = scene.node(scene.registration(scene.openIdProvider().build())
                .scopes("openid", "things.read")
                .tokenCallTimeout(Duration.ofSeconds(20)) // the server makes its key first
                .maxWait(Duration.ofSeconds(20))
                .tokenStore(store));
        assertThat(heldBy(keys, () -> fresh.finishLogin(again, callback))).isInstanceOf(LoginResult.SignedIn.class);

        Held revocation = new Held();
        scene.server.onNextRevocation(Fault.hold(revocation));
        heldBy(revocation, () -> {
            alice.signOut();
            return true;
        });
        synchronized (store.held) {
            assertThat(store.held).isEmpty();
        }
        assertThat(store.called.keySet()).containsExactlyInAnyOrder("find", "create", "replace", "delete");
    }
}
