/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.PriorityQueue;
import java.util.SplittableRandom;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Runs blocking code deterministically, in virtual time.
 *
 * <p>Every task has a real thread, and only one of them runs at a time: the one that has the baton. A task gives it up
 * where it blocks, and nowhere else. Then dice choose among the tasks that can go on; if none can, the clock jumps to
 * the next event. Events are short, do not block, and run on whatever thread has the baton. The dice are seeded, so a
 * seed replays a run exactly.
 *
 * <p>Tasks belong to a {@link Group}, which stands for a process: it can be killed, then each of its tasks gets an
 * error out of the place where it blocks and unwinds, touching nothing; or frozen for a while.
 *
 * <p>Everything here is guarded by the baton; handing it over publishes what was written before.
 */
final class Scheduler {
    /** Thrown out of the place where a task of a dead process blocks. */
    static final class Killed extends Error {
        private static final long serialVersionUID = 1L;

        Killed() {
            super("killed", null, false, false);
        }
    }

    /** A process. */
    static final class Group {
        private final List<Task> tasks = new ArrayList<>();
        private boolean dead;
        private long frozenUntil;

        boolean dead() {
            return dead;
        }
    }

    /** Something that runs and may block. */
    static final class Task {
        private final Group group;
        private final Runnable body;
        private @Nullable Carrier carrier;
        private boolean waiting;
        private boolean over;

        private Task(Group group, Runnable body) {
            this.group = group;
            this.body = body;
        }

        /** Whether it came to its end. */
        boolean over() {
            return over;
        }
    }

    private record Event(long time, int dice, long number, Runnable action) {}

    /** Threads to run tasks on, kept from one run to the next. */
    static final class Carriers implements AutoCloseable {
        private final Deque<Carrier> idle = new ArrayDeque<>();

        @Override
        public void close() {
            idle.forEach(carrier -> carrier.go(null, null));
            idle.clear();
        }
    }

    private static final class Carrier extends Thread {
        private final Carriers home;
        private @Nullable Scheduler scheduler;
        private @Nullable Task task;
        private volatile boolean baton;

        Carrier(Carriers home) {
            super("simulation");
            this.home = home;
            setDaemon(true);
            start();
        }

        void go(@Nullable Scheduler newScheduler, @Nullable Task newTask) {
            scheduler = newScheduler;
            task = newTask;
            pass();
        }

        void pass() {
            baton = true;
            LockSupport.unpark(this);
        }

        void awaitBaton() {
            while (!baton) {
                LockSupport.park(this);
            }
            baton = false;
        }

        @Override
        public void run() {
            while (true) {
                awaitBaton();
                Task first = task;
                Scheduler running = scheduler;
                if (first == null || running == null) {
                    return;
                }
                running.runFrom(this, first);
            }
        }
    }

    private final SplittableRandom dice;
    private final Carriers carriers;
    private final int mostSteps;
    private final PriorityQueue<Event> events = new PriorityQueue<>(
            Comparator.comparingLong(Event::time).thenComparingInt(Event::dice).thenComparingLong(Event::number));
    private final List<Task> runnable = new ArrayList<>();
    private final List<Group> groups = new ArrayList<>();
    private final Thread starter = Thread.currentThread();
    private volatile boolean over;
    private @Nullable Task current;
    private @Nullable Throwable failure;
    private boolean stopped;
    private boolean unwinding;
    private long now;
    private long number;
    private int steps;

    Scheduler(SplittableRandom dice, Carriers carriers, int mostSteps) {
        this.dice = dice;
        this.carriers = carriers;
        this.mostSteps = mostSteps;
    }

    /** Virtual nanoseconds since the run began. */
    long now() {
        return now;
    }

    int steps() {
        return steps;
    }

    Group group() {
        Group group = new Group();
        groups.add(group);
        return group;
    }

    /** Runs something that may block. */
    void spawn(Group group, Runnable body) {
        if (!group.dead) {
            Task task = new Task(group, body);
            group.tasks.add(task);
            runnable.add(task);
        }
    }

    /** Runs something short, later. */
    void after(Duration delay, Runnable action) {
        events.add(new Event(now + delay.toNanos(), dice.nextInt(), number++, action));
    }

    /** Runs something short, later, within a process: never if that died, after the thaw if it is frozen. */
    void after(Group group, Duration delay, Runnable action) {
        after(delay, () -> {
            if (group.dead) {
                return;
            }
            if (group.frozenUntil > now) {
                after(group, Duration.ofNanos(group.frozenUntil - now), action);
            } else {
                action.run();
            }
        });
    }

    Task current() {
        Task task = current;
        if (task == null) {
            throw new IllegalStateException("An event must not block");
        }
        return task;
    }

    /** Blocks the task that runs until somebody wakes it. */
    void block() {
        Task me = current();
        alive();
        me.waiting = true;
        Task next = pick();
        if (next != me) {
            Carrier mine = me.carrier;
            if (mine == null) {
                throw new IllegalStateException("A task runs on a carrier");
            }
            if (next == null) {
                finish();
            } else {
                resume(next);
            }
            mine.awaitBaton();
        }
        current = me;
        alive();
    }

    /** Throws if the process of the task that runs is dead. */
    void alive() {
        if (current().group.dead) {
            throw new Killed();
        }
    }

    void wake(Task task) {
        if (task.waiting) {
            task.waiting = false;
            runnable.add(task);
        }
    }

    void sleep(Duration time) {
        alive();
        Task me = current();
        after(time, () -> wake(me));
        block();
    }

    void kill(Group group) {
        group.dead = true;
        group.tasks.forEach(this::wake);
    }

    void freeze(Group group, Duration time) {
        group.frozenUntil = Math.max(group.frozenUntil, now + time.toNanos());
    }

    /** Ends the run early. */
    void stop() {
        stopped = true;
    }

    /** Runs until nothing is left to do, then unwinds whatever still blocks. Returns what a task or an event threw. */
    @Nullable
    Throwable run() {
        drive();
        stopped = false;
        unwinding = true;
        groups.forEach(this::kill);
        drive();
        return failure;
    }

    private void drive() {
        over = false;
        Task first = pick();
        if (first == null) {
            return;
        }
        resume(first);
        while (!over) {
            LockSupport.park(this);
        }
    }

    private void finish() {
        over = true;
        LockSupport.unpark(starter);
    }

    private @Nullable Task pick() {
        current = null;
        while (!stopped) {
            if (!runnable.isEmpty()) {
                int index = dice.nextInt(runnable.size());
                Task task = runnable.get(index);
                runnable.set(index, runnable.get(runnable.size() - 1));
                runnable.remove(runnable.size() - 1);
                if (!task.group.dead && task.group.frozenUntil > now) {
                    task.waiting = true;
                    after(Duration.ofNanos(task.group.frozenUntil - now), () -> wake(task));
                    continue;
                }
                if (++steps > mostSteps && failure == null && !task.group.dead) {
                    failure = new AssertionError("does not come to rest");
                    stopped = true;
                    runnable.add(task);
                    task.waiting = false;
                    return null;
                }
                return task;
            }
            Event next = unwinding ? null : events.poll();
            if (next == null) {
                return null;
            }
            now = Math.max(now, next.time);
            try {
                next.action.run();
            } catch (RuntimeException | Error e) {
                fail(e);
            }
        }
        return null;
    }

    private void fail(Throwable e) {
        if (failure == null) {
            failure = e;
        }
        stopped = true;
    }

    private void resume(Task task) {
        Carrier carrier = task.carrier;
        if (carrier == null) {
            carrier = carriers.idle.isEmpty() ? new Carrier(carriers) : carriers.idle.pop();
            task.carrier = carrier;
            carrier.go(this, task);
        } else {
            carrier.pass();
        }
    }

    private void runFrom(Carrier carrier, Task first) {
        Task task = first;
        while (true) {
            task.carrier = carrier;
            current = task;
            try {
                alive();
                task.body.run();
                task.over = true;
            } catch (Killed e) {
                // as it should
            } catch (RuntimeException | Error e) {
                if (!task.group.dead) {
                    fail(e);
                }
            }
            task.group.tasks.remove(task);
            Task next = pick();
            if (next != null && next.carrier == null) {
                task = next;
                continue;
            }
            carrier.home.idle.push(carrier);
            if (next == null) {
                finish();
            } else {
                resume(next);
            }
            return;
        }
    }
}
