/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The few threads that the library owns, in real time. They end when idle, and do not keep a program from ending.
 * Thread-safe.
 */
final class WorkerThreads implements Workers {
    /** The number of threads for reads, which end within seconds by the store's contract. */
    private static final int READERS = 32;

    private final ThreadPoolExecutor threads;
    private final ThreadPoolExecutor readers;
    private final ScheduledThreadPoolExecutor timer;
    private final CountDownLatch closing = new CountDownLatch(1);

    WorkerThreads(String name, int most) {
        AtomicInteger number = new AtomicInteger();
        ThreadFactory factory = task -> {
            Thread thread = new Thread(task, "grantkeeper-" + name + "-" + number.incrementAndGet());
            thread.setDaemon(true);
            return thread;
        };
        threads = pool(most, factory);
        readers = pool(READERS, factory);
        timer = new ScheduledThreadPoolExecutor(1, factory);
        timer.setKeepAliveTime(10, TimeUnit.SECONDS);
        timer.allowCoreThreadTimeOut(true);
        timer.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
    }

    private static ThreadPoolExecutor pool(int most, ThreadFactory factory) {
        ThreadPoolExecutor pool =
                new ThreadPoolExecutor(most, most, 10, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), factory);
        pool.allowCoreThreadTimeOut(true);
        return pool;
    }

    @Override
    public void execute(Runnable task) {
        threads.execute(task);
    }

    @Override
    public void read(Runnable task) {
        readers.execute(task);
    }

    @Override
    public void later(Duration delay, Runnable task) {
        try {
            Future<?> unused = timer.schedule(task, delay.toNanos(), TimeUnit.NANOSECONDS);
        } catch (RejectedExecutionException e) {
            // Closed: there is no later.
        }
    }

    @Override
    public boolean pause(Duration delay) {
        try {
            return !closing.await(delay.toNanos(), TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    @Override
    public void acquire(Semaphore slots) throws InterruptedException {
        slots.acquire();
    }

    @Override
    public void close(Duration limit) {
        closing.countDown();
        timer.shutdownNow();
        threads.shutdown();
        readers.shutdown();
        try {
            if (!threads.awaitTermination(limit.toNanos(), TimeUnit.NANOSECONDS)) {
                threads.shutdownNow();
            }
            readers.shutdownNow();
        } catch (InterruptedException e) {
            threads.shutdownNow();
            readers.shutdownNow();
            Thread.currentThread().interrupt();
        }
    }
}
