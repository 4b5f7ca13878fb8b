/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.benchmarks;

import dev.grantkeeper.Account;
import dev.grantkeeper.Grantkeeper;
import dev.grantkeeper.LoginResult;
import dev.grantkeeper.PendingLogin;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.store.memory.MemoryTokenStore;
import dev.grantkeeper.token.SealingKeys;
import java.io.IOException;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import okhttp3.HttpUrl;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** Logins whose token endpoint answers on a connection in memory. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class LoginBenchmark {
    private static final int USERS = 1_000;

    private Optional<Grantkeeper> started = Optional.empty();
    private int logins;

    /** Builds the registration. */
    @Setup
    public void setUp() {
        started = Optional.of(Grantkeeper.builder(Provider.builder("diary")
                        .allowHttpOnLoopback()
                        .authorizationEndpoint("http://127.0.0.1:9/authorize")
                        .tokenEndpoint("http://127.0.0.1:9/token")
                        .apiOrigins("http://127.0.0.1:9")
                        .build())
                .clientId("client")
                .clientSecret("secret")
                .redirectUri("http://127.0.0.1:8888/callback")
                .scopes("things.read")
                .tokenStore(MemoryTokenStore.create())
                .sealingKeys(SealingKeys.of(GrantkeeperWays.SECRET))
                .httpClient(Transport.inMemory("{\"access_token\":\"" + Tokens.ACCESS_TOKEN
                        + "\",\"token_type\":\"Bearer\",\"expires_in\":3600,\"refresh_token\":\"" + Tokens.REFRESH_TOKEN
                        + "\",\"scope\":\"things.read\"}"))
                .build());
    }

    /** Closes it. */
    @TearDown
    public void tearDown() {
        grantkeeper().close();
    }

    private Grantkeeper grantkeeper() {
        return started.orElseThrow();
    }

    /** The URL to which the user is sent, and what is kept until the callback. */
    @Benchmark
    public PendingLogin start() throws IOException {
        return grantkeeper().startLogin();
    }

    /** A whole login: start, callback, token request, and the row that is written. */
    @Benchmark
    public Account login() throws IOException {
        PendingLogin login = grantkeeper().startLogin();
        String state = HttpUrl.get(login.url().toString()).queryParameter("state");
        LoginResult result = grantkeeper().finishLogin(login, "code=SplxlOBeZQQYbYS6WxSbIA&state=" + state);
        if (!(result instanceof LoginResult.SignedIn in)) {
            throw new IllegalStateException(result.toString());
        }
        return in.keepAs("user-" + logins++ % USERS);
    }
}
