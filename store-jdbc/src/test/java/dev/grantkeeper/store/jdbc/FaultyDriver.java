/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.store.jdbc;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Supplier;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/**
 * A driver, or a wrapper around one, that works except for the calls that a test names: {@code Connection.close}, or
 * with a last argument {@code Connection.setAutoCommit(false)}. Thread-safe.
 */
final class FaultyDriver {
    private record Fault(Supplier<Throwable> thrown, boolean afterwards) {}

    private final Map<String, Fault> faults = new ConcurrentHashMap<>();
    private final Queue<String> calls = new ConcurrentLinkedQueue<>();
    private final DataSource connections;

    FaultyDriver(DataSource database) {
        this.connections = new LentConnections(() -> wrap(Connection.class, database.getConnection()));
    }

    DataSource connections() {
        return connections;
    }

    /** Has a call throw that, in place of what it does. */
    void fails(String call, Supplier<Throwable> thrown) {
        faults.put(call, new Fault(thrown, false));
    }

    /** Has a call throw that once it has done what it does. */
    void failsAfterwards(String call, Supplier<Throwable> thrown) {
        faults.put(call, new Fault(thrown, true));
    }

    /** From now on everything works. */
    void recovers() {
        faults.clear();
    }

    /** The names of what was called until now. */
    Queue<String> calls() {
        return calls;
    }

    private <T> T wrap(Class<T> type, T target) {
        return type.cast(Proxy.newProxyInstance(
                FaultyDriver.class.getClassLoader(), new Class<?>[] {type}, (proxy, method, arguments) -> {
                    String call = type.getSimpleName().replace("Prepared", "") + "." + method.getName();
                    String exactly = call + "(" + (arguments == null ? "" : arguments[arguments.length - 1]) + ")";
                    calls.add(call);
                    Fault fault = faults.getOrDefault(exactly, faults.get(call));
                    if (fault != null && !fault.afterwards) {
                        throw fault.thrown.get();
                    }
                    Object result;
                    try {
                        result = wrapped(method.invoke(target, arguments));
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                    if (fault != null) {
                        throw fault.thrown.get();
                    }
                    return result;
                }));
    }

    private @Nullable Object wrapped(@Nullable Object result) {
        if (result instanceof PreparedStatement statement) {
            return wrap(PreparedStatement.class, statement);
        }
        return result instanceof ResultSet rows ? wrap(ResultSet.class, rows) : result;
    }
}
