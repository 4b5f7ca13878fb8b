/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.testkit;

import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.StoredTokens;
import dev.grantkeeper.token.TokenStore;
import java.io.IOException;
import java.lang.reflect.Method;
import java.time.Duration;
import java.util.Comparator;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.InvocationInterceptor;
import org.junit.jupiter.api.extension.ReflectiveInvocationContext;

/**
 * Watches the calls that a test makes to its stores. A call that does not end fails the test as rule 3.2 and shows
 * where it hangs, whatever rule the test is about; and an exception of a store is reported under the rule that could
 * not be tested because of it.
 *
 * <p>The test runs in a thread of its own, since many drivers ignore interrupts: a thread that hangs is left behind.
 * Calls stay in the threads that make them. Thread-safe.
 */
final class CallWatch implements InvocationInterceptor {
    /** For a whole test: some make thousands of calls, and build machines are slow. */
    private static final Duration LONGEST_TEST = Duration.ofMinutes(2);

    private static final Pattern RULE = Pattern.compile("rule_(\\d)_(\\d)_.*");

    private final Duration longestCall;
    private final Set<Call> underWay = ConcurrentHashMap.newKeySet();
    private final Set<Throwable> thrownByStores = ConcurrentHashMap.newKeySet();

    /** A call, equal to nothing but itself: many threads make the same call at the same moment. */
    private static final class Call {
        final String what;
        final Thread thread = Thread.currentThread();
        final long start = System.nanoTime();

        Call(String what) {
            this.what = what;
        }

        Duration took() {
            return Duration.ofNanos(System.nanoTime() - start);
        }
    }

    CallWatch(Duration longestCall) {
        this.longestCall = longestCall;
    }

    static String broken(String rule, String what) {
        return "Rule " + rule + " of TokenStore is broken: " + what;
    }

    // ---- The calls -----------------------------------------------------------------------------------------------

    private interface Body<T> {
        T call() throws IOException;
    }

    /** The given store, under this watch. */
    TokenStore over(TokenStore store) {
        return new TokenStore() {
            @Override
            public Optional<StoredTokens> find(AccountKey key) throws IOException {
                return watched("find", () -> store.find(key));
            }

            @Override
            public boolean create(AccountKey key, StoredTokens tokens) throws IOException {
                return watched("create", () -> store.create(key, tokens));
            }

            @Override
            public boolean replace(AccountKey key, String version, StoredTokens next) throws IOException {
                return watched("replace", () -> store.replace(key, version, next));
            }

            @Override
            public boolean delete(AccountKey key, String version) throws IOException {
                return watched("delete", () -> store.delete(key, version));
            }

            @Override
            public String toString() {
                return store.toString();
            }
        };
    }

    private <T> T watched(String what, Body<T> body) throws IOException {
        Call call = new Call(what);
        underWay.add(call);
        try {
            return body.call();
        } catch (IOException | RuntimeException e) {
            thrownByStores.add(e);
            throw e;
        } finally {
            underWay.remove(call);
            // Even where it threw: a caller that waited this long was not served.
            if (call.took().compareTo(longestCall) > 0) {
                failFor(what + " took " + call.took().toMillis() + " ms", null);
            }
        }
    }

    private static void failFor(String what, @Nullable Throwable where) {
        throw new AssertionError(
                broken(
                        "3.2",
                        what + ". Calls end within seconds, also when nobody answers: give connections, statements and"
                                + " locks a timeout of a few seconds, and release what you hold on every way out."),
                where);
    }

    // ---- The test around them ------------------------------------------------------------------------------------

    @Override
    public void interceptTestMethod(
            Invocation<@Nullable Void> test, ReflectiveInvocationContext<Method> method, ExtensionContext context)
            throws Throwable {
        CompletableFuture<@Nullable Void> end = new CompletableFuture<>();
        Thread thread = new Thread(
                () -> {
                    try {
                        test.proceed();
                        end.complete(null);
                    } catch (Throwable e) {
                        end.completeExceptionally(explained(e, context));
                    }
                },
                method.getExecutable().getName());
        thread.setDaemon(true);
        thread.start();
        try {
            await(end);
        } catch (ExecutionException e) {
            throw inTermsOfTheRule(method.getExecutable().getName(), e.getCause());
        } finally {
            thread.interrupt();
        }
    }

    /** In the thread of the test, so that calls of the explanation are watched as well. */
    private Throwable explained(Throwable failure, ExtensionContext context) {
        boolean ofTheStore = failure instanceof AssertionError || thrownByStores.contains(failure);
        return ofTheStore && context.getRequiredTestInstance() instanceof TokenStoreContract contract
                ? contract.explained(failure)
                : failure;
    }

    private void await(CompletableFuture<@Nullable Void> end) throws ExecutionException, InterruptedException {
        Call whole = new Call("the test");
        while (true) {
            try {
                end.get(50, TimeUnit.MILLISECONDS);
                return;
            } catch (TimeoutException e) {
                underWay.stream().max(Comparator.comparing(Call::took)).ifPresent(this::failIfItHangs);
                if (whole.took().compareTo(LONGEST_TEST) > 0) {
                    failFor(
                            "no call took long, but the test had not ended after " + LONGEST_TEST.toSeconds() + " s",
                            null);
                }
            }
        }
    }

    private void failIfItHangs(Call call) {
        // A little later than the call itself would notice, which knows better how it ended.
        if (call.took().compareTo(longestCall.plusMillis(500)) > 0) {
            Throwable where = new Throwable("where " + call.what + " hangs, in thread " + call.thread.getName());
            where.setStackTrace(call.thread.getStackTrace());
            failFor(call.what + " had not ended after " + call.took().toMillis() + " ms", where);
        }
    }

    private Throwable inTermsOfTheRule(String test, Throwable failure) {
        Matcher name = RULE.matcher(test);
        if (!thrownByStores.contains(failure) || !name.matches()) {
            return failure;
        }
        return new AssertionError(
                broken(
                        name.group(1) + "." + name.group(2),
                        "the store threw " + failure.getClass().getName() + " where it had to answer: "
                                + failure.getMessage()),
                failure);
    }
}
