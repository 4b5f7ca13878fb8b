/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.grantkeeper.testkit.TokenStoreContract;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.StoredTokens;
import dev.grantkeeper.token.TokenStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The other node is another process. */
class FileTokenStoreTest extends TokenStoreContract {
    private static final AccountKey KEY = new AccountKey("spotify", "anna");

    @TempDir
    static Path shared;

    private static StoreProcess process;

    @TempDir
    Path own;

    @BeforeAll
    static void startTheOtherProcess() throws IOException {
        FileTokenStore.create(shared);
        process = StoreProcess.start(shared);
    }

    @AfterAll
    static void stopTheOtherProcess() {
        process.close();
    }

    @Override
    protected TokenStore store() throws IOException {
        return FileTokenStore.on(shared);
    }

    @Override
    protected TokenStore anotherNode() {
        return process;
    }

    @Override
    protected TokenStore unreachable() throws IOException {
        Path directory = own.resolve("unmounted");
        FileTokenStore store = FileTokenStore.create(directory);
        remove(directory);
        // What a mount point is without its disk.
        Files.createDirectory(directory);
        return store;
    }

    private static void remove(Path directory) throws IOException {
        for (Path file : files(directory)) {
            Files.delete(file);
        }
        Files.delete(directory);
    }

    private static List<Path> files(Path directory) throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.toList();
        }
    }

    private static List<String> names(Path directory) throws IOException {
        return files(directory).stream()
                .map(file -> file.getFileName().toString())
                .filter(name -> !name.startsWith("lock-"))
                .toList();
    }

    @Test
    void a_row_is_one_file_named_by_the_digest_of_its_key() throws IOException {
        FileTokenStore store = FileTokenStore.create(own);
        store.create(KEY, new StoredTokens("1", "text"));
        store.replace(KEY, "1", new StoredTokens("2", "later"));
        assertThat(names(own)).containsExactly(KEY.digest());
        store.delete(KEY, "2");
        assertThat(names(own)).isEmpty();
    }

    @Test
    void files_and_directory_belong_to_their_owner_alone() throws IOException {
        Path directory = own.resolve("a/b");
        FileTokenStore.create(directory).create(KEY, new StoredTokens("1", "text"));
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(directory)))
                .isEqualTo("rwx------");
        for (Path file : files(directory)) {
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                    .as(file.toString())
                    .isEqualTo("rw-------");
        }
    }

    @Test
    void a_directory_that_others_may_use_is_refused() throws IOException {
        Files.setPosixFilePermissions(own, PosixFilePermissions.fromString("rwxr-x---"));
        assertThatThrownBy(() -> FileTokenStore.create(own))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("chmod 700");
    }

    @Test
    void a_directory_that_is_missing_is_made_by_create_and_by_nothing_else() {
        assertThatThrownBy(() -> FileTokenStore.on(own.resolve("missing"))).isInstanceOf(IOException.class);
    }

    @Test
    void a_damaged_file_is_an_error_and_not_a_signed_out_user() throws IOException {
        FileTokenStore store = FileTokenStore.create(own);
        for (String damaged : List.of("", "1", "1\n", "1\ntext")) {
            Files.writeString(own.resolve(KEY.digest()), damaged);
            assertThatThrownBy(() -> store.find(KEY))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("damaged");
        }
    }

    @Test
    void what_a_crash_leaves_behind_is_not_read_and_goes() throws IOException {
        FileTokenStore store = FileTokenStore.create(own);
        store.create(KEY, new StoredTokens("1", "text"));
        Path remains = own.resolve(KEY.digest() + ".tmp");
        Files.writeString(remains, "2\nhal");
        assertThat(store.find(KEY)).contains(new StoredTokens("1", "text"));
        assertThat(store.replace(KEY, "1", new StoredTokens("2", "text"))).isTrue();
        assertThat(remains).doesNotExist();

        Files.writeString(remains, "3\nhal");
        FileTokenStore.create(own);
        assertThat(remains).doesNotExist();
        assertThat(store.find(KEY)).contains(new StoredTokens("2", "text"));
    }

    @Test
    void processes_that_are_killed_while_they_write_lose_nothing_that_had_returned() throws Exception {
        FileTokenStore store = FileTokenStore.create(own);
        store.create(KEY, new StoredTokens("0", "start"));
        int last = 0;
        for (int round = 0; round < 5; round++) {
            List<Integer> told;
            try (StoreProcess writer = StoreProcess.start(own)) {
                told = writer.countUpAndDie(KEY, last, 20 + round);
            }
            int found =
                    Integer.parseInt(store.find(KEY).map(StoredTokens::version).orElseThrow());
            assertThat(found).isGreaterThanOrEqualTo(told.get(told.size() - 1));
            // Its locks are gone with it.
            assertThat(store.replace(KEY, String.valueOf(found), new StoredTokens(String.valueOf(found + 1), "mine")))
                    .isTrue();
            last = found + 1;
        }
        assertThat(names(own)).containsExactly(KEY.digest());
    }

    @Test
    void four_processes_count_and_no_number_is_written_twice() throws Exception {
        FileTokenStore.create(own).create(KEY, new StoredTokens("0", "start"));
        List<StoreProcess> processes = new ArrayList<>();
        try {
            for (int i = 0; i < 4; i++) {
                processes.add(StoreProcess.start(own));
            }
            processes.forEach(one -> one.beginToCount(KEY, 50));
            for (StoreProcess one : processes) {
                one.endOfCount();
            }
        } finally {
            processes.forEach(StoreProcess::close);
        }
        assertThat(FileTokenStore.on(own).find(KEY).map(StoredTokens::version)).contains("200");
    }

    @Test
    void whoever_is_interrupted_fails_and_harms_nobody() throws IOException {
        FileTokenStore store = FileTokenStore.create(own);
        Thread.currentThread().interrupt();
        try {
            assertThatThrownBy(() -> store.create(KEY, new StoredTokens("1", "text")))
                    .isInstanceOf(IOException.class);
        } finally {
            assertThat(Thread.interrupted()).isTrue();
        }
        assertThat(store.find(KEY)).isEqualTo(Optional.empty());
        assertThat(store.create(KEY, new StoredTokens(UUID.randomUUID().toString(), "text")))
                .isTrue();
        assertThat(names(own)).containsExactly(KEY.digest());
    }

    @Test
    void a_store_prints_no_rows() throws IOException {
        FileTokenStore store = FileTokenStore.create(own);
        store.create(KEY, new StoredTokens("1", "canary-text"));
        assertThat(store.toString()).doesNotContain("canary").doesNotContain("anna");
    }
}
