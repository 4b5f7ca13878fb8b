/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.redis;

import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.StoredTokens;
import dev.grantkeeper.token.TokenStore;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import redis.clients.jedis.ConnectionPoolConfig;
import redis.clients.jedis.DefaultJedisClientConfig;
import redis.clients.jedis.HostAndPort;
import redis.clients.jedis.RedisClient;
import redis.clients.jedis.UnifiedJedis;
import redis.clients.jedis.exceptions.JedisException;

/**
 * Keeps grants in Redis: each a hash of {@code version} and {@code text}, under {@code grantkeeper:} and the
 * {@link AccountKey#digest() digest} of its key. Redis runs a script from beginning to end before it does anything
 * else, so that comparing and writing are one step, for any number of nodes.
 *
 * <p><b>The server has to keep its rows.</b> A Redis that is set up as a cache signs users out:
 *
 * <ul>
 *   <li>{@code appendonly yes}. With {@code appendfsync always} a write that has returned survives a power failure;
 *       with {@code everysec}, the default, the last second may be lost. Where refresh tokens work only once, a lost
 *       write can mean that the row holds a used one, and its user has to sign in again.
 *   <li>{@code maxmemory-policy noeviction}: a full server then rejects writes, instead of making room among the
 *       grants.
 *   <li>No time to live. This store sets none; let nothing else run {@code EXPIRE} over its keys.
 *   <li>The primary, never a replica: replicas are behind (rule 1.3). A failover, by Sentinel or in a cluster, loses
 *       writes that had not been replicated, as {@code everysec} does.
 * </ul>
 *
 * <p><b>Failures.</b> Every exception of Jedis becomes an {@link IOException}; its pool and its sockets need time
 * limits of a few seconds, which {@link #client} sets. A {@code create} that reaches the server after its caller has
 * given up is rejected by the server's own clock: after a sign-out in between it would bring the grant back (rule 3.1).
 *
 * <p>Instances are immutable and thread-safe. The client is the application's, which closes it.
 */
public final class RedisTokenStore implements TokenStore {
    private static final Duration TIMEOUT = Duration.ofSeconds(2);

    private static final String NOW = "return redis.call('TIME')[1]";
    private static final String CREATE = "if tonumber(redis.call('TIME')[1]) >= tonumber(ARGV[3]) then"
            + " return redis.error_reply('ERR too late') end"
            + " if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end"
            + " redis.call('HSET', KEYS[1], 'version', ARGV[1], 'text', ARGV[2]) return 1";
    private static final String REPLACE = "if redis.call('HGET', KEYS[1], 'version') ~= ARGV[1] then return 0 end"
            + " redis.call('HSET', KEYS[1], 'version', ARGV[2], 'text', ARGV[3]) return 1";
    private static final String DELETE = "if redis.call('HGET', KEYS[1], 'version') ~= ARGV[1] then return 0 end"
            + " return redis.call('DEL', KEYS[1])";

    private final UnifiedJedis redis;

    /**
     * Makes a store.
     *
     * @param redis a client whose calls end within seconds, such as {@link #client} returns
     */
    public RedisTokenStore(UnifiedJedis redis) {
        this.redis = redis;
    }

    /**
     * Returns a client with time limits: 2 seconds each for a place in the pool, a connection, and an answer.
     *
     * @param server the address of the primary
     * @param config the other settings, such as user, password and TLS
     * @return a client, to be closed by the caller
     */
    public static UnifiedJedis client(HostAndPort server, DefaultJedisClientConfig.Builder config) {
        int millis = (int) TIMEOUT.toMillis();
        ConnectionPoolConfig pool = new ConnectionPoolConfig();
        // Without a limit Jedis waits for a free connection forever.
        pool.setMaxWait(TIMEOUT);
        return RedisClient.builder()
                .hostAndPort(server)
                .clientConfig(config.connectionTimeoutMillis(millis)
                        .socketTimeoutMillis(millis)
                        .build())
                .poolConfig(pool)
                .build();
    }

    @Override
    public Optional<StoredTokens> find(AccountKey key) throws IOException {
        List<String> row = ask("find", key, () -> redis.hmget(name(key), "version", "text"));
        return row.get(0) == null ? Optional.empty() : Optional.of(new StoredTokens(row.get(0), row.get(1)));
    }

    @Override
    public boolean create(AccountKey key, StoredTokens tokens) throws IOException {
        // Whole seconds, rounded down: at the latest when the answer's time limit is over, the deadline is, too.
        long now = Long.parseLong((String) ask("create", key, () -> redis.eval(NOW, List.of(name(key)), List.of())));
        String deadline = String.valueOf(now + TIMEOUT.toSeconds());
        return run("create", CREATE, key, tokens.version(), tokens.text(), deadline);
    }

    @Override
    public boolean replace(AccountKey key, String version, StoredTokens next) throws IOException {
        return run("replace", REPLACE, key, version, next.version(), next.text());
    }

    @Override
    public boolean delete(AccountKey key, String version) throws IOException {
        return run("delete", DELETE, key, version);
    }

    private boolean run(String what, String script, AccountKey key, String... values) throws IOException {
        return ask(what, key, () -> redis.eval(script, List.of(name(key)), List.of(values)))
                .equals(1L);
    }

    private static <T> T ask(String what, AccountKey key, Supplier<T> command) throws IOException {
        try {
            return command.get();
        } catch (JedisException e) {
            throw new IOException("Redis failed in the " + what + " of " + key, e);
        }
    }

    private static String name(AccountKey key) {
        return "grantkeeper:" + key.digest();
    }

    @Override
    public String toString() {
        return "RedisTokenStore";
    }
}
