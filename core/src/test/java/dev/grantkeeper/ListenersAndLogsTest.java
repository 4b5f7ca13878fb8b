/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.UnsynchronizedAppenderBase;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.testkit.Fault;
import dev.grantkeeper.testkit.Held;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.StoredTokens;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import mockwebserver3.MockResponse;
import mockwebserver3.MockWebServer;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.slf4j.LoggerFactory;

/** A listener that throws, and a log that cannot be written: no call fails for it, and no token is lost. */
@Timeout(300)
class ListenersAndLogsTest {
    private final Scene scene = new Scene();
    private final Logger log = (Logger) LoggerFactory.getLogger(Grantkeeper.class);
    private final Level level = log.getLevel();

    @AfterEach
    void close() {
        log.setLevel(level);
        log.setAdditive(true);
        log.detachAndStopAllAppenders();
        scene.close();
    }

    /** The exceptions that listeners and logs throw. */
    enum Thrown {
        FULL_DISK {
            @Override
            Throwable make() {
                return new UncheckedIOException(new IOException("No space left on device"));
            }
        },
        MISSING_CLASS {
            @Override
            Throwable make() {
                return new NoClassDefFoundError("metrics/Registry");
            }
        },
        /** Kotlin, and others, throw these without saying so. */
        UNDECLARED {
            @Override
            Throwable make() {
                return new IOException("undeclared");
            }
        };

        abstract Throwable make();

        <T extends Throwable> void now() throws T {
            @SuppressWarnings("unchecked")
            T throwable = (T) make();
            throw throwable;
        }
    }

    /** Everything that can be heard of. */
    private void live(Grantkeeper node) throws Exception {
        Account alice = scene.signIn(node, "alice");
        OkHttpClient client = alice.wrap(scene.http);
        // a refresh, and another node's
        scene.expire();
        assertThat(scene.status(client)).isEqualTo(200);
        scene.expire();
        Held elsewhere = scene.server.hold();
        Future<TokenSet> others = scene.node().account("alice").tokensAsync();
        elsewhere.awaitArrived(1);
        int finds = scene.store.finds.get();
        Future<TokenSet> waited = alice.tokensAsync();
        while (scene.store.finds.get() < finds + 3) {
            Thread.onSpinWait();
        }
        elsewhere.release();
        scene.server.noFaults();
        assertThat(waited.get(40, TimeUnit.SECONDS)).isEqualTo(others.get(10, TimeUnit.SECONDS));
        // a failure with a token that is still valid, and without one
        scene.server.onEveryTokenRequest(Fault.status(503));
        scene.time.pass(Duration.ofMinutes(9).plusSeconds(45));
        assertThat(scene.status(client)).isEqualTo(200);
        scene.time.pass(Duration.ofMinutes(2));
        assertThatThrownBy(alice::tokens)
                .isInstanceOfSatisfying(
                        AuthorizationServerException.class,
                        failure -> assertThat(failure.kind()).isEqualTo(AuthorizationServerException.Kind.TEMPORARY));
        scene.server.noFaults();
        scene.time.pass(Duration.ofMinutes(2));
        // a write that lands later
        Held held = scene.server.holdAnswers();
        Future<TokenSet> waiting = alice.tokensAsync();
        held.awaitArrived(1);
        scene.store.writesDown(true);
        held.release();
        scene.server.noFaults();
        String fresh = waiting.get(40, TimeUnit.SECONDS).accessToken();
        assertThat(alice.tokens().accessToken()).isEqualTo(fresh);
        scene.store.writesDown(false);
        Account another = scene.node().account("alice");
        while (!another.tokens().accessToken().equals(fresh)) {
            Thread.onSpinWait();
        }
        scene.expire(); // and with it the time after an outage in which rows are left alone
        assertThat(alice.tokens().accessToken()).isNotEqualTo(fresh); // made from what had to be stored first
        // a fail-over that loses a write
        Map<AccountKey, StoredTokens> lost = Map.copyOf(scene.store.rows);
        scene.expire();
        assertThat(scene.status(client)).isEqualTo(200);
        scene.store.rows.putAll(lost);
        scene.time.pass(Duration.ofSeconds(6));
        assertThat(scene.status(client)).isEqualTo(200);
        // a registration that is not accepted
        scene.expire();
        scene.server.onNextTokenRequest(Fault.error(401, "invalid_client"));
        assertThatThrownBy(alice::tokens)
                .isInstanceOfSatisfying(
                        AuthorizationServerException.class,
                        failure ->
                                assertThat(failure.kind()).isEqualTo(AuthorizationServerException.Kind.MISCONFIGURED));
        scene.time.pass(Duration.ofMinutes(2));
        // a refusal
        scene.server.revokeRefreshTokens("alice");
        assertThatThrownBy(alice::tokens).isInstanceOf(LoginRequiredException.class);
        // somebody else's host, and a callback that is not accepted
        try (MockWebServer host = new MockWebServer()) {
            host.start();
            host.enqueue(new MockResponse.Builder().build());
            try (Response response = client.newCall(
                            new Request.Builder().url(host.url("/")).build())
                    .execute()) {
                assertThat(response.code()).isEqualTo(200);
            }
        }
        assertThat(node.finishLogin(null, "code=a&state=b")).isInstanceOf(LoginResult.Mismatched.class);
        alice.signOut();
        // a grant that nothing can refresh
        scene.server.issueRefreshTokens(false);
        Account bob = scene.signIn(node, "bob");
        scene.expire();
        assertThatThrownBy(bob::tokens).isInstanceOf(LoginRequiredException.class);
        bob.signOut();
        scene.server.issueRefreshTokens(true);
        assertThat(scene.store.rows).isEmpty();
    }

    @ParameterizedTest
    @EnumSource
    void a_listener_that_throws_hurts_nobody(Thrown thrown) throws Exception {
        Set<GrantListener.Kind> heard = ConcurrentHashMap.newKeySet();
        Provider provider = scene.provider()
                .refreshTokenLifetime(Duration.ofDays(7).plusMinutes(5), Provider.Anchor.AUTHORIZATION)
                .build();
        live(scene.node(scene.registration(provider).listener(event -> {
            heard.add(event.kind());
            thrown.<RuntimeException>now();
        })));
        assertThat(heard).containsExactlyInAnyOrder(GrantListener.Kind.values());
    }

    @ParameterizedTest
    @EnumSource
    void a_log_that_cannot_be_written_hurts_nobody(Thrown thrown) throws Exception {
        AtomicInteger lines = new AtomicInteger();
        // Logback's own appenders swallow what goes wrong; not all do.
        UnsynchronizedAppenderBase<ILoggingEvent> broken = new UnsynchronizedAppenderBase<>() {
            @Override
            public void doAppend(ILoggingEvent event) {
                lines.incrementAndGet();
                thrown.<RuntimeException>now();
            }

            @Override
            protected void append(ILoggingEvent event) {}
        };
        broken.start();
        log.setAdditive(false);
        log.addAppender(broken);
        log.setLevel(Level.TRACE);
        Grantkeeper node = scene.node();
        live(node);
        assertThat(lines.get()).isGreaterThan(10);

        // What cannot be stored before the end is told, too.
        Account bob = scene.signIn(node, "bob");
        scene.expire();
        Held held = scene.server.holdAnswers();
        Future<TokenSet> waiting = bob.tokensAsync();
        held.awaitArrived(1);
        scene.store.writesDown(true);
        held.release();
        assertThat(waiting.get(40, TimeUnit.SECONDS)).isNotNull();
        Thread.currentThread().interrupt(); // in a hurry
        node.close();
        assertThat(Thread.interrupted()).isTrue();
    }

    @Test
    void an_answer_that_was_lost_is_told_once_where_the_request_is_not_repeated() throws Exception {
        Account alice = scene.signIn(scene.node(), "alice");
        scene.expire();
        scene.server.resetCounters();
        scene.events.clear();
        scene.server.onNextTokenRequest(Fault.retryAfter(504, "5"));
        assertThatThrownBy(alice::tokens).isInstanceOf(AuthorizationServerException.class);
        assertThat(scene.server.tokenRequests()).isEqualTo(1);
        assertThat(scene.events.stream().filter(event -> event.kind() == GrantListener.Kind.FAILED))
                .hasSize(1);
    }
}
