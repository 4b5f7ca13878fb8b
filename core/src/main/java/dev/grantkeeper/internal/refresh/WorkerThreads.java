/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiConsumer;
import java.util.function.LongSupplier;

/**
 * The few threads that the library owns, in real time. They end when idle, do not keep a program from ending, and
 * inherit nothing from the caller that starts them. {@link WorkerPool} decides what runs on them. Thread-safe.
 */
final class WorkerThreads implements Workers {
    /** The usual number of threads for reads, which end within seconds by the store's contract. */
    private static final int READERS = 32;

    /** The most threads of either kind, when so many hang. */
    private static final int MOST = 256;

    private final ThreadPoolExecutor threads;
    private final ThreadPoolExecutor readers;
    private final WorkerPool tasks;
    private final WorkerPool reads;
    private final ScheduledThreadPoolExecutor timer;
    private final CountDownLatch closing = new CountDownLatch(1);

    WorkerThreads(String name, int usual) {
        AtomicInteger number = new AtomicInteger();
        ThreadFactory factory = task -> {
            // Thread-locals and class loader would be those of whichever caller came first.
            Thread thread = new Thread(null, task, "grantkeeper-" + name + "-" + number.incrementAndGet(), 0, false);
            thread.setDaemon(true);
            thread.setContextClassLoader(WorkerThreads.class.getClassLoader());
            return thread;
        };
        timer = new ScheduledThreadPoolExecutor(1, factory);
        timer.setKeepAliveTime(10, TimeUnit.SECONDS);
        timer.allowCoreThreadTimeOut(true);
        timer.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
        threads = threads(factory);
        readers = threads(factory);
        BiConsumer<Duration, Runnable> later = this::later;
        LongSupplier ticks = System::nanoTime;
        tasks = new WorkerPool(usual, MOST, threads, later, ticks);
        reads = new WorkerPool(READERS, MOST, readers, later, ticks);
    }

    /** As many as the pool in front of them wants. */
    private static ThreadPoolExecutor threads(ThreadFactory factory) {
        return new ThreadPoolExecutor(0, Integer.MAX_VALUE, 10, TimeUnit.SECONDS, new SynchronousQueue<>(), factory);
    }

    @Override
    public void execute(Runnable task, Urgency urgency) {
        tasks.add(task, urgency);
    }

    @Override
    public void read(Runnable task) {
        reads.add(task, Urgency.CALLER);
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
    public void close(Duration limit) {
        closing.countDown();
        timer.shutdownNow();
        tasks.close();
        reads.close();
        threads.shutdown();
        readers.shutdown();
        try {
            if (!threads.awaitTermination(limit.toNanos(), TimeUnit.NANOSECONDS)) {
                interrupt(tasks, threads);
            }
            interrupt(reads, readers);
        } catch (InterruptedException e) {
            interrupt(tasks, threads);
            interrupt(reads, readers);
            Thread.currentThread().interrupt();
        }
    }

    private static void interrupt(WorkerPool tasks, ThreadPoolExecutor threads) {
        tasks.clear();
        threads.shutdownNow();
    }
}
