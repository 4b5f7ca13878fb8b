/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import dev.grantkeeper.internal.refresh.Memory.Remembered;
import dev.grantkeeper.internal.refresh.Rows.Written;
import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.internal.row.VersionedRow;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.TokenSet;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * All operations on a row besides refreshing: logins, imports, sign-outs, second thoughts. Runs on the caller's thread.
 * Thread-safe.
 */
public final class Logins {
    /** Others write between our reading and our writing, but not that often. */
    private static final int TRIES = 100;

    private final Rows rows;
    private final Refresher refresher;
    private final Renewal renewal;

    Logins(Rows rows, Refresher refresher, Renewal renewal) {
        this.rows = rows;
        this.refresher = refresher;
        this.renewal = renewal;
    }

    /** Reads a row. */
    public @Nullable GrantRow find(AccountKey key) throws IOException {
        VersionedRow grant = rows.find(key).grant();
        return grant == null ? null : grant.row();
    }

    /**
     * A row as it was just read.
     *
     * @param row the row
     * @param hasRunOut whether its access token has expired, and nothing can bring another one
     */
    public record Found(GrantRow row, boolean hasRunOut) {}

    /** Reads a row, and tells whether it is still of use. */
    public @Nullable Found look(AccountKey key) throws IOException {
        Remembered seen = rows.find(key);
        return seen.grant() == null ? null : new Found(seen.grant().row(), refresher.hasRunOut(seen));
    }

    /**
     * Writes a login over whatever is there. It is done when the row carries this login's name, whatever was written in
     * between.
     */
    public void login(AccountKey key, GrantRow row) throws IOException {
        for (int i = 0; i < TRIES; i++) {
            VersionedRow found = rows.find(key).grant();
            if (found != null && found.row().login().equals(row.login())) {
                refresher.loggedIn(key, row.login());
                return;
            }
            Written written = found == null ? rows.create(key, row) : rows.replace(key, found.version(), row);
            if (written instanceof Written.Unclear unclear) {
                throw unclear.cause();
            }
            if (written instanceof Written.Won) {
                refresher.loggedIn(key, row.login());
                return;
            }
        }
        throw new IOException(
                "The token store refused " + TRIES + " writes of a login. Check it with TokenStoreContract");
    }

    /** Writes a row only if there is none. */
    public boolean create(AccountKey key, GrantRow row) throws IOException {
        Written written = rows.create(key, row);
        if (written instanceof Written.Unclear unclear) {
            throw unclear.cause();
        }
        if (!(written instanceof Written.Won)) {
            return false;
        }
        refresher.loggedIn(key, row.login());
        return true;
    }

    /** Clears a recorded refusal and any back-off. */
    public void clearRefusal(AccountKey key) throws IOException {
        for (int i = 0; i < TRIES; i++) {
            VersionedRow found = rows.find(key).grant();
            if (found == null || !found.row().hasFailed()) {
                return;
            }
            Written written = rows.replace(key, found.version(), found.row().withoutFailures());
            if (written instanceof Written.Unclear unclear) {
                throw unclear.cause();
            }
            if (written instanceof Written.Won) {
                return;
            }
        }
        throw new IOException("The token store refused " + TRIES + " writes. Check it with TokenStoreContract");
    }

    /**
     * Seals a row under the current key if it is sealed under an older one. An attempt in the row stays; its holder
     * notices this write like any other that comes between.
     *
     * @return whether it was written
     */
    public boolean reseal(AccountKey key) throws IOException {
        for (int i = 0; i < TRIES; i++) {
            VersionedRow found = rows.sealedBefore(key);
            if (found == null) {
                return false;
            }
            Written written = rows.replace(key, found.version(), found.row());
            if (written instanceof Written.Unclear unclear) {
                throw unclear.cause();
            }
            if (written instanceof Written.Won) {
                return true;
            }
        }
        throw new IOException("The token store refused " + TRIES + " writes. Check it with TokenStoreContract");
    }

    /** Removes a row without opening it. */
    public void forget(AccountKey key) throws IOException {
        for (int i = 0; i < TRIES; i++) {
            String version = rows.version(key);
            if (version == null) {
                GrantRow unused = refresher.signedOut(key, null);
                return;
            }
            boolean unused = rows.delete(key, version); // and looked for again
        }
        throw new IOException("The token store refused to remove a row. Check it with TokenStoreContract, rule 2.3");
    }

    /**
     * Removes the current login, however often refreshes rewrite its row meanwhile, then revokes its tokens. A login
     * that comes in meanwhile stays. Nothing is revoked then, since some servers revoke all grants of a user at once.
     */
    public void signOut(AccountKey key) throws IOException {
        @Nullable String login = null;
        @Nullable GrantRow last = null;
        @Nullable IOException unclear = null;
        boolean gone = false;
        for (int i = 0; i < TRIES && !gone; i++) {
            VersionedRow found = rows.find(key).grant();
            if (found == null) {
                gone = true;
                continue;
            }
            if (login != null && !found.row().login().equals(login)) {
                GrantRow unused = refresher.signedOut(key, login);
                return;
            }
            login = found.row().login();
            last = found.row().tokens() == null ? last : found.row();
            try {
                gone = rows.delete(key, found.version());
                unclear = null;
            } catch (IOException e) {
                if (unclear != null) {
                    throw e;
                }
                unclear = e; // look once whether it is gone
            }
        }
        if (!gone) {
            throw new IOException(
                    "The token store refused to remove a row. Check it with TokenStoreContract, rule 2.3");
        }
        GrantRow newest = refresher.signedOut(key, login);
        if (newest == null) {
            newest = last;
        }
        TokenSet tokens = newest == null ? null : newest.tokens();
        if (newest != null && tokens != null) {
            renewal.revoke(newest, tokens);
        }
    }
}
