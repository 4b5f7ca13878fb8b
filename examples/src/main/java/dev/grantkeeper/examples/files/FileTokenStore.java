/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.files;

import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.StoredTokens;
import dev.grantkeeper.token.TokenStore;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Keeps each grant in a file of its own, named by {@link AccountKey#digest()}: for command-line tools, desktop
 * programs, and several processes of one machine. It needs no library.
 *
 * <p><b>A write</b> goes to a file beside the row, is forced to the disk, and takes the row's place by an atomic
 * rename: a reader finds the old row or the new one, and so does a process that starts after a crash. The remains of a
 * crash are removed by the next write to that key, or by {@link #create(Path)}.
 *
 * <p><b>Compare and write</b> happen under a lock that holds for all processes: one of 16 lock files, chosen by the
 * key. The operating system releases it when a process dies. It does not separate threads, so a lock of this class
 * comes first. Readers take no lock.
 *
 * <p><b>An empty answer means that the user is signed out</b> (rule 1.2), so a missing row is only believed while its
 * lock file exists: in a directory that was removed, or whose disk is not mounted, every call fails.
 *
 * <p>Files are readable and writable for their owner only, if the file system knows owners; the text inside is sealed
 * unless the application allows plaintext tokens. The directory has to be on a local disk: network file systems promise
 * neither these locks nor these renames. Two copies of this class in one process, as in two web applications of one
 * server, know nothing of each other's locks: each needs its own directory.
 *
 * <p>Instances are immutable and thread-safe, and own nothing that would have to be closed. A call that gets no lock
 * within 5 seconds fails.
 */
public final class FileTokenStore implements TokenStore {
    private static final Duration LONGEST_WAIT = Duration.ofSeconds(5);
    private static final String LOCKS = "0123456789abcdef";
    private static final Set<PosixFilePermission> OWNER_ONLY = PosixFilePermissions.fromString("rwx------");

    /**
     * A lock for each lock file of this process, shared by all instances: the system's locks belong to whole processes.
     */
    private static final ConcurrentMap<Path, ReentrantLock> THREADS = new ConcurrentHashMap<>();

    private final Path directory;
    private final boolean knowsOwners;

    private FileTokenStore(Path directory) throws IOException {
        this.directory = directory.toRealPath();
        this.knowsOwners = Files.getFileStore(directory).supportsFileAttributeView("posix");
    }

    /**
     * Returns a store on a directory, creates the directory if it is missing, and removes the remains of writes that a
     * crash has cut off. Any number of processes may do this at once.
     *
     * @param directory the directory for the files; nothing else belongs there
     * @return the store
     * @throws IOException if the directory cannot be created, or others than its owner may use it
     */
    public static FileTokenStore create(Path directory) throws IOException {
        Path absolute = directory.toAbsolutePath();
        boolean owners = absolute.getFileSystem().supportedFileAttributeViews().contains("posix");
        Files.createDirectories(absolute, ownerOnly(owners, "rwx------"));
        FileTokenStore store = on(absolute);
        for (int i = 0; i < LOCKS.length(); i++) {
            // Open, not create: another process may be about to do the same.
            FileChannel.open(
                            store.lockFile(LOCKS.charAt(i)),
                            Set.of(StandardOpenOption.CREATE, StandardOpenOption.WRITE),
                            store.ownerOnly("rw-------"))
                    .close();
        }
        store.force(store.directory);
        store.removeRemains();
        return store;
    }

    /**
     * Returns a store on a directory that {@link #create(Path)} has created before. Fails if it is missing: while its
     * disk is not mounted, {@code create} would begin a new one, in which nobody is signed in.
     *
     * @param directory the directory of the files
     * @return the store
     * @throws IOException if there is no such directory, or others than its owner may use it
     */
    public static FileTokenStore on(Path directory) throws IOException {
        FileTokenStore store = new FileTokenStore(directory);
        if (store.knowsOwners && !OWNER_ONLY.containsAll(Files.getPosixFilePermissions(store.directory))) {
            throw new IOException("Others than its owner may use " + store.directory + "; run chmod 700 on it");
        }
        return store;
    }

    @Override
    public Optional<StoredTokens> find(AccountKey key) throws IOException {
        String row;
        try {
            row = Files.readString(rowFile(key), StandardCharsets.US_ASCII);
        } catch (NoSuchFileException e) {
            requireDirectory(key);
            return Optional.empty();
        }
        int end = row.indexOf('\n');
        if (end < 0 || !row.endsWith("\n") || row.length() < end + 2) {
            // Not empty, which would mean signed out. A rename cannot do this; a disk or a person can.
            throw new IOException("The file of " + key + " is damaged: " + rowFile(key));
        }
        return Optional.of(new StoredTokens(row.substring(0, end), row.substring(end + 1, row.length() - 1)));
    }

    @Override
    public boolean create(AccountKey key, StoredTokens tokens) throws IOException {
        return locked(key, () -> {
            if (find(key).isPresent()) {
                return false;
            }
            write(key, tokens);
            return true;
        });
    }

    @Override
    public boolean replace(AccountKey key, String version, StoredTokens next) throws IOException {
        return locked(key, () -> {
            if (!hasVersion(key, version)) {
                return false;
            }
            write(key, next);
            return true;
        });
    }

    @Override
    public boolean delete(AccountKey key, String version) throws IOException {
        return locked(key, () -> {
            if (!hasVersion(key, version)) {
                return false;
            }
            Files.deleteIfExists(temporaryFile(key));
            Files.delete(rowFile(key));
            force(directory);
            return true;
        });
    }

    /** Returns the name of the directory. */
    @Override
    public String toString() {
        return "FileTokenStore[" + directory + "]";
    }

    private boolean hasVersion(AccountKey key, String version) throws IOException {
        return find(key).filter(row -> row.version().equals(version)).isPresent();
    }

    // ---- Files -----------------------------------------------------------------------------------------------------

    private Path rowFile(AccountKey key) {
        return directory.resolve(key.digest());
    }

    /** Always the same for a key: only the holder of its lock writes it. */
    private Path temporaryFile(AccountKey key) {
        return directory.resolve(key.digest() + ".tmp");
    }

    private Path lockFile(char lock) {
        return directory.resolve("lock-" + lock);
    }

    private Path lockFile(AccountKey key) {
        return lockFile(key.digest().charAt(0));
    }

    private void requireDirectory(AccountKey key) throws IOException {
        if (!Files.exists(lockFile(key))) {
            throw new IOException("The directory is gone: " + directory);
        }
    }

    private static FileAttribute<?>[] ownerOnly(boolean knowsOwners, String permissions) {
        return knowsOwners
                ? new FileAttribute<?>[] {
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(permissions))
                }
                : new FileAttribute<?>[0];
    }

    private FileAttribute<?>[] ownerOnly(String permissions) {
        return ownerOnly(knowsOwners, permissions);
    }

    /** Under the lock of the key. Version and text are printable ASCII, so that a line's end can end them. */
    private void write(AccountKey key, StoredTokens tokens) throws IOException {
        Path temporary = temporaryFile(key);
        // The remains of a crash may be half of a row.
        Files.deleteIfExists(temporary);
        try {
            try (FileChannel file = FileChannel.open(
                    temporary,
                    Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
                    ownerOnly("rw-------"))) {
                ByteBuffer row = StandardCharsets.US_ASCII.encode(tokens.version() + "\n" + tokens.text() + "\n");
                while (row.hasRemaining()) {
                    file.write(row);
                }
                // Before the rename: otherwise a power failure can leave the new name with nothing in it.
                file.force(true);
            }
            Files.move(temporary, rowFile(key), StandardCopyOption.ATOMIC_MOVE);
        } finally {
            Files.deleteIfExists(temporary);
        }
        force(directory);
    }

    /** Makes renames and removals last. Windows opens no directories, and needs nothing of this kind. */
    private void force(Path path) throws IOException {
        if (knowsOwners) {
            try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
                channel.force(true);
            }
        }
    }

    private void removeRemains() throws IOException {
        try (DirectoryStream<Path> remains = Files.newDirectoryStream(directory, "[0-9a-f]*.tmp")) {
            for (Path temporary : remains) {
                // Under the lock, because it may be a write under way.
                locked(lockFile(temporary.getFileName().toString().charAt(0)), () -> Files.deleteIfExists(temporary));
            }
        }
    }

    // ---- Locks -----------------------------------------------------------------------------------------------------

    private interface Work {
        boolean run() throws IOException;
    }

    private boolean locked(AccountKey key, Work work) throws IOException {
        requireDirectory(key);
        return locked(lockFile(key), work);
    }

    private static boolean locked(Path lockFile, Work work) throws IOException {
        long deadline = System.nanoTime() + LONGEST_WAIT.toNanos();
        ReentrantLock threads = THREADS.computeIfAbsent(lockFile, any -> new ReentrantLock());
        try {
            if (!threads.tryLock(LONGEST_WAIT.toNanos(), TimeUnit.NANOSECONDS)) {
                throw tooLong(lockFile);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("Interrupted while waiting for " + lockFile);
        }
        try {
            // Opened and closed under the threads' lock: on POSIX systems, closing a file gives up all locks that the
            // process has on it, those of other channels included.
            try (FileChannel channel = FileChannel.open(lockFile, StandardOpenOption.WRITE)) {
                lock(channel, lockFile, deadline);
                return work.run();
            }
        } finally {
            threads.unlock();
        }
    }

    /** Polls, because {@code FileChannel.lock} waits without a limit. Closing the channel releases the lock. */
    private static void lock(FileChannel channel, Path lockFile, long deadline) throws IOException {
        for (long pause = 100_000; ; pause = Math.min(2 * pause, 10_000_000)) {
            try {
                if (channel.tryLock() != null) {
                    return;
                }
            } catch (OverlappingFileLockException e) {
                throw new IOException("Another copy of this class in this process uses " + lockFile.getParent(), e);
            }
            if (System.nanoTime() > deadline) {
                throw tooLong(lockFile);
            }
            LockSupport.parkNanos(pause);
        }
    }

    private static IOException tooLong(Path lockFile) {
        return new IOException("Others have held " + lockFile + " for " + LONGEST_WAIT.toSeconds() + " s");
    }
}
