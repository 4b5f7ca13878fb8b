/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.call;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.time.Duration;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Predicate;
import okio.Buffer;
import okio.ByteString;
import okio.Source;
import okio.Timeout;
import org.jspecify.annotations.Nullable;

/**
 * A body whose beginning is read on another thread, so that its caller can have it at any time: what was read until
 * then comes first, then what that thread still waits for, then the rest. A read of a socket cannot be given up without
 * giving up the connection, and a body that comes in pieces may be silent for minutes.
 *
 * <p>One thread runs this; one other thread at a time does all the rest.
 */
final class ReadAhead implements Source, Runnable {
    private final Source body;
    private final Predicate<ByteString> enough;
    private final Runnable interrupt;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();

    // all guarded by the lock
    private final Buffer seen = new Buffer();
    private long touched;
    private boolean reading = true;
    private boolean complete;
    private boolean handedOn;
    private boolean closed;
    private @Nullable Throwable failure;

    /**
     * Prepares to read.
     *
     * @param enough whether what was read is enough
     * @param interrupt ends a read that is under way
     */
    ReadAhead(Source body, Predicate<ByteString> enough, Runnable interrupt) {
        this.body = body;
        this.enough = enough;
        this.interrupt = interrupt;
    }

    @Override
    public void run() {
        Buffer piece = new Buffer();
        boolean goOn = true;
        while (goOn) {
            long count = -1;
            @Nullable Throwable broken = null;
            try {
                count = body.read(piece, 8192);
            } catch (Throwable e) { // which is the caller's, when it reads
                broken = e;
            }
            goOn = took(piece, count, broken);
        }
        if (isClosed()) {
            try {
                body.close();
            } catch (IOException e) {
                // Its caller has left.
            }
        }
    }

    private boolean took(Buffer piece, long count, @Nullable Throwable broken) {
        lock.lock();
        try {
            seen.write(piece, piece.size());
            touched = System.nanoTime();
            failure = broken;
            complete = broken == null && count < 0;
            reading = broken == null && !complete && !handedOn && !closed && !enough.test(seen.snapshot());
            return reading;
        } finally {
            changed.signalAll();
            lock.unlock();
        }
    }

    private boolean isClosed() {
        lock.lock();
        try {
            return closed;
        } finally {
            lock.unlock();
        }
    }

    /**
     * Waits for the beginning of the body. From then on no more is read than the caller reads.
     *
     * @param longest the longest wait
     * @param pause the longest wait for more of what has begun
     * @return what was read; {@code null} if it was not enough
     */
    @Nullable
    ByteString beginning(Duration longest, Duration pause) {
        lock.lock();
        try {
            long start = System.nanoTime();
            while (reading) {
                long now = System.nanoTime();
                long left = longest.toNanos() - (now - start);
                if (!seen.exhausted()) {
                    left = Math.min(left, pause.toNanos() - (now - touched));
                }
                if (left <= 0) {
                    break;
                }
                long unused = changed.awaitNanos(left);
            }
            return reading || failure != null ? null : seen.snapshot();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return null;
        } finally {
            handedOn = true;
            lock.unlock();
        }
    }

    @Override
    public long read(Buffer sink, long byteCount) throws IOException {
        lock.lock();
        try {
            while (reading && seen.exhausted()) {
                changed.await();
            }
            if (!seen.exhausted()) {
                return seen.read(sink, byteCount);
            }
            if (failure != null) {
                throw failure instanceof IOException e ? e : new IOException(failure);
            }
            if (complete) {
                return -1;
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted");
        } finally {
            lock.unlock();
        }
        return body.read(sink, byteCount);
    }

    @Override
    public Timeout timeout() {
        return body.timeout();
    }

    @Override
    public void close() throws IOException {
        boolean underWay;
        lock.lock();
        try {
            closed = true;
            underWay = reading;
        } finally {
            lock.unlock();
        }
        if (underWay) {
            interrupt.run(); // and the other thread closes the body
        } else {
            body.close();
        }
    }
}
