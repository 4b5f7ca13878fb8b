/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.load;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/** Counts the prepared statements that are executed through a {@link DataSource}. Thread-safe. */
final class CountingDataSource {
    private final DataSource counted;
    private final AtomicLong reads = new AtomicLong();
    private final AtomicLong writes = new AtomicLong();
    private final AtomicLong losses = new AtomicLong();
    private @Nullable List<String> trace; // guarded by this

    CountingDataSource(DataSource dataSource) {
        this.counted = proxy(DataSource.class, dataSource, (name, arguments, result) -> {
            return name.equals("getConnection") && result instanceof Connection connection
                    ? counting(connection)
                    : result;
        });
    }

    /** The data source whose statements are counted. */
    DataSource counted() {
        return counted;
    }

    long reads() {
        return reads.get();
    }

    long writes() {
        return writes.get();
    }

    /** The writes that changed no row: another node had changed it before. */
    long losses() {
        return losses.get();
    }

    /** Begins to keep the statements in their order. */
    synchronized void trace() {
        trace = new ArrayList<>();
    }

    /** The statements since {@link #trace}. */
    synchronized List<String> traced() {
        return trace == null ? List.of() : List.copyOf(trace);
    }

    private Connection counting(Connection connection) {
        return proxy(Connection.class, connection, (name, arguments, result) -> {
            return name.equals("prepareStatement") && result instanceof PreparedStatement statement
                    ? counting(statement, (String) arguments[0])
                    : result;
        });
    }

    private PreparedStatement counting(PreparedStatement statement, String sql) {
        return proxy(PreparedStatement.class, statement, (name, arguments, result) -> {
            if (name.startsWith("execute")) {
                executed(sql, result);
            }
            return result;
        });
    }

    private void executed(String sql, @Nullable Object result) {
        if (result instanceof Integer changed && changed == 0) {
            losses.incrementAndGet();
        }
        (sql.stripLeading().regionMatches(true, 0, "SELECT", 0, 6) ? reads : writes).incrementAndGet();
        synchronized (this) {
            if (trace != null) {
                trace.add(sql);
            }
        }
    }

    /** Receives the result of a call. */
    private interface After {
        @Nullable
        Object result(String name, Object[] arguments, @Nullable Object result);
    }

    private static <T> T proxy(Class<T> type, T target, After after) {
        InvocationHandler handler = (proxy, method, arguments) -> {
            Object result = call(target, method, arguments);
            return after.result(method.getName(), arguments == null ? new Object[0] : arguments, result);
        };
        return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, handler));
    }

    private static @Nullable Object call(Object target, Method method, Object @Nullable [] arguments) throws Throwable {
        try {
            return method.invoke(target, arguments);
        } catch (InvocationTargetException e) {
            throw e.getCause() == null ? e : e.getCause();
        }
    }
}
