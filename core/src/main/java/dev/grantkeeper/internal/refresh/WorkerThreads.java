/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.PriorityBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The few threads that the library owns, in real time. They end when idle, and do not keep a program from ending. Where
 * all of them hang while a caller's task waits, a few more are started, up to a bound: a store or a server that hangs
 * for some grants leaves room for the others (law 19). They inherit nothing from the caller that starts them.
 * Thread-safe.
 */
final class WorkerThreads implements Workers {
    /** The usual number of threads for reads, which end within seconds by the store's contract. */
    private static final int READERS = 32;

    /** The most threads of either kind, when so many hang. */
    private static final int MOST = 256;

    /** The time that a caller's task waits for a thread before more are started. */
    private static final Duration PATIENCE = Duration.ofMillis(50);

    /** The number of threads that are then started at once. */
    private static final int MORE = 16;

    private final Pool threads;
    private final Pool readers;
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
        threads = new Pool(usual, factory);
        readers = new Pool(READERS, factory);
    }

    /** A task in a queue: the more urgent one first, then the older one. */
    private record Queued(Runnable task, Urgency urgency, long number, long since)
            implements Runnable, Comparable<Queued> {
        @Override
        public void run() {
            task.run();
        }

        @Override
        public int compareTo(Queued other) {
            int byUrgency = urgency.compareTo(other.urgency);
            return byUrgency == 0 ? Long.compare(number, other.number) : byUrgency;
        }
    }

    private final class Pool extends ThreadPoolExecutor {
        private final int usual;
        private final AtomicLong numbers = new AtomicLong();
        private final AtomicBoolean watched = new AtomicBoolean();

        Pool(int usual, ThreadFactory factory) {
            super(usual, MOST, 10, TimeUnit.SECONDS, new PriorityBlockingQueue<>(), factory);
            allowCoreThreadTimeOut(true);
            this.usual = usual;
        }

        void add(Runnable task, Urgency urgency) {
            execute(new Queued(task, urgency, numbers.incrementAndGet(), System.nanoTime()));
            watch();
        }

        private void watch() {
            if (getQueue().isEmpty()) {
                if (getCorePoolSize() > usual) {
                    setCorePoolSize(usual);
                }
            } else if (watched.compareAndSet(false, true)) {
                later(PATIENCE, () -> {
                    watched.set(false);
                    if (getQueue().peek() instanceof Queued first
                            && first.urgency() == Urgency.CALLER
                            && System.nanoTime() - first.since() >= PATIENCE.toNanos()) {
                        setCorePoolSize(Math.min(MOST, getCorePoolSize() + MORE));
                    }
                    watch();
                });
            }
        }
    }

    @Override
    public void execute(Runnable task, Urgency urgency) {
        threads.add(task, urgency);
    }

    @Override
    public void read(Runnable task) {
        readers.add(task, Urgency.CALLER);
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
