/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.load;

/**
 * A library as an application uses it: it keeps tokens of many users in the database, and brings each call an access
 * token. Implementations are thread-safe.
 */
interface Library {
    /** Stores the tokens of a user, as a login does. */
    void keep(String user, Tokens tokens) throws Exception;

    /**
     * Calls the API for a user.
     *
     * @return the status of the response
     * @throws Exception if there is no token, or no response
     */
    int call(String user) throws Exception;
}
