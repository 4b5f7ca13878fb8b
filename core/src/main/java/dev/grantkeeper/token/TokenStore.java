/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.token;

import java.io.IOException;
import java.util.Optional;

/**
 * The storage for grants: rows of text, filed under an {@link AccountKey}. A write replaces a row only if it names the
 * row's version. This is the one interface that an application may have to implement; a Redis store is ten lines.
 *
 * <p>The library builds everything on these four operations: one refresh among any number of nodes, logins that are
 * never overwritten, sign-outs that stay signed out. All of it rests on the rules below. {@code TokenStoreContract} in
 * the artifact {@code grantkeeper-core} with classifier {@code tests} has a test for each, named after its number.
 *
 * <p>Methods are called from several threads at once and must be thread-safe.
 *
 * <h2>1. Reading</h2>
 *
 * <ul>
 *   <li><b>1.1</b> {@link #find find} returns the last row written, both strings unchanged: up to 512 KiB of printable
 *       ASCII.
 *   <li><b>1.2</b> {@code find} of an unknown key is empty. A store that cannot be reached throws {@link IOException}:
 *       empty means <em>signed out</em>, and is believed.
 *   <li><b>1.3</b> {@code find} sees every write that has returned, whichever node made it. Read the primary, not a
 *       replica.
 *   <li><b>1.4</b> Different keys never meet. {@link AccountKey#digest()} is a safe primary key, file name and Redis
 *       key.
 * </ul>
 *
 * <h2>2. Writing</h2>
 *
 * <ul>
 *   <li><b>2.1</b> {@link #create create} writes and returns {@code true} only if the key has no row; otherwise it
 *       changes nothing and returns {@code false}.
 *   <li><b>2.2</b> {@link #replace replace} writes and returns {@code true} only if there is a row and its version
 *       equals the given one; otherwise it changes nothing and returns {@code false}.
 *   <li><b>2.3</b> {@link #delete delete} likewise.
 *   <li><b>2.4</b> Of any number of such writes at once to one version (or, for {@code create}, to no row) exactly one
 *       returns {@code true}.
 * </ul>
 *
 * <h2>3. Failing</h2>
 *
 * <ul>
 *   <li><b>3.1</b> After an {@link IOException} a write may have happened, may not, or may happen within seconds. The
 *       library repeats it with the same new version, then looks. For {@code create} a store should rule out "later" (a
 *       timeout that ends the statement): after a sign-out in between, such a row would come back.
 *   <li><b>3.2</b> Calls end within seconds, join no transaction of the caller, and do not call back into the library.
 *   <li><b>3.3</b> A row is never dropped on the store's own account. There is no time to live: a lost row is a user
 *       who was signed out.
 * </ul>
 */
public interface TokenStore {
    /**
     * Reads the row of a key. Rules 1.1 to 1.4.
     *
     * @param key the key of the row
     * @return the row, or empty if there is none
     * @throws IOException if the row cannot be read
     */
    Optional<StoredTokens> find(AccountKey key) throws IOException;

    /**
     * Writes the first row of a key. Rules 2.1 and 2.4.
     *
     * @param key the key of the row
     * @param tokens the row
     * @return whether it was written; {@code false} if the key has a row
     * @throws IOException if the store cannot tell whether it was written, rule 3.1
     */
    boolean create(AccountKey key, StoredTokens tokens) throws IOException;

    /**
     * Writes a row in place of the one that has the given version. Rules 2.2 and 2.4.
     *
     * @param key the key of the row
     * @param version the version to be replaced
     * @param next the new row, with a new version
     * @return whether it was written; {@code false} if there is no row or it has another version
     * @throws IOException if the store cannot tell whether it was written, rule 3.1
     */
    boolean replace(AccountKey key, String version, StoredTokens next) throws IOException;

    /**
     * Removes the row that has the given version. Rules 2.3 and 2.4.
     *
     * @param key the key of the row
     * @param version the version to be removed
     * @return whether it was removed; {@code false} if there is no row or it has another version
     * @throws IOException if the store cannot tell whether it was removed, rule 3.1
     */
    boolean delete(AccountKey key, String version) throws IOException;
}
