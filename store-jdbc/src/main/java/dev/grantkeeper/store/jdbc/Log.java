/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.store.jdbc;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The store's log. Its name is text, so that the classes that log need not know the store. */
final class Log {
    static final Logger LOG = LoggerFactory.getLogger("dev.grantkeeper.store.jdbc.JdbcTokenStore");

    private Log() {}
}
