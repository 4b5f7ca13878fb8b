/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.redis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.grantkeeper.testkit.TokenStoreContract;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.StoredTokens;
import dev.grantkeeper.token.TokenStore;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import redis.clients.jedis.UnifiedJedis;

class RedisTokenStoreTest extends TokenStoreContract {
    @TempDir
    static Path directory;

    private static @Nullable RedisServer server;
    private static @Nullable UnifiedJedis here;
    private static @Nullable UnifiedJedis there;

    @BeforeAll
    static void startServer() throws Exception {
        server = RedisServer.start(directory);
        here = server.client();
        there = server.client();
    }

    @AfterAll
    static void stopServer() throws Exception {
        for (AutoCloseable one : new AutoCloseable[] {here, there, server}) {
            if (one != null) {
                one.close();
            }
        }
    }

    private static AccountKey someKey() {
        return new AccountKey("spotify", "anna-" + UUID.randomUUID());
    }

    @Override
    protected TokenStore store() {
        return new RedisTokenStore(here);
    }

    @Override
    protected TokenStore anotherNode() {
        return new RedisTokenStore(there);
    }

    @Override
    protected TokenStore unreachable() {
        return new RedisTokenStore(RedisServer.client(1));
    }

    @Test
    void rows_have_no_time_to_live() throws IOException {
        AccountKey key = someKey();
        store().create(key, new StoredTokens("1", "text"));
        assertThat(here.pttl("grantkeeper:" + key.digest())).isEqualTo(-1);
        store().replace(key, "1", new StoredTokens("2", "text"));
        assertThat(here.pttl("grantkeeper:" + key.digest())).isEqualTo(-1);
    }

    /** On a server of its own: the other tests' connections would be dead. */
    @Test
    void a_row_survives_a_crash_of_the_server(@TempDir Path own) throws Exception {
        AccountKey key = someKey();
        try (RedisServer crashing = RedisServer.start(own)) {
            try (UnifiedJedis before = crashing.client()) {
                RedisTokenStore store = new RedisTokenStore(before);
                store.create(key, new StoredTokens("1", "text"));
                store.replace(key, "1", new StoredTokens("2", "later"));
            }
            crashing.crashAndRestart();
            try (UnifiedJedis again = crashing.client()) {
                assertThat(new RedisTokenStore(again).find(key)).contains(new StoredTokens("2", "later"));
            }
        }
    }

    @Test
    void a_client_finds_its_way_back_after_a_crash(@TempDir Path own) throws Exception {
        AccountKey key = someKey();
        try (RedisServer crashing = RedisServer.start(own);
                UnifiedJedis client = crashing.client()) {
            RedisTokenStore store = new RedisTokenStore(client);
            store.create(key, new StoredTokens("1", "text"));
            crashing.crashAndRestart();
            // Each connection of the pool has to be found dead once; then there are new ones.
            int failures = 0;
            for (boolean found = false; !found; ) {
                try {
                    found = store.find(key).isPresent();
                    assertThat(found).isTrue();
                } catch (IOException e) {
                    failures++;
                    assertThat(failures).isLessThan(20);
                }
            }
        }
    }

    @Test
    void a_create_that_arrives_after_its_caller_gave_up_is_refused() throws Exception {
        AccountKey key = someKey();
        try (SlowWay way = new SlowWay(server.port(), "EXISTS");
                UnifiedJedis slow = RedisServer.client(way.port())) {
            RedisTokenStore store = new RedisTokenStore(slow);
            assertThatThrownBy(() -> store.create(key, new StoredTokens("1", "text")))
                    .isInstanceOf(IOException.class);
            way.arrive();
            assertThat(store().find(key)).isEmpty();
        }
    }

    @Test
    void something_else_under_the_name_of_a_row_is_an_error_and_not_a_signed_out_user() {
        AccountKey key = someKey();
        here.set("grantkeeper:" + key.digest(), "something else");
        assertThatThrownBy(() -> store().find(key)).isInstanceOf(IOException.class);
        assertThatThrownBy(() -> store().replace(key, "1", new StoredTokens("2", "text")))
                .isInstanceOf(IOException.class);
    }

    @Test
    void errors_show_neither_account_nor_text() {
        AccountKey key = someKey();
        here.set("grantkeeper:" + key.digest(), "something else");
        for (Throwable shown = error(key); shown != null; shown = shown.getCause()) {
            assertThat(List.of(shown.toString()))
                    .noneMatch(text -> text.contains("canary") || text.contains(key.account()));
        }
    }

    private Throwable error(AccountKey key) {
        try {
            store().replace(key, "1", new StoredTokens("2", "canary"));
            throw new AssertionError("replace worked");
        } catch (IOException e) {
            return e;
        }
    }
}
