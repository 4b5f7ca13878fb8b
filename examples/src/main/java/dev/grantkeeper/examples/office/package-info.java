/* SPDX-License-Identifier: Apache-2.0 */
/**
 * An Office add-in whose users sign in with Entra ID (Azure AD): a task pane, its server, a pop-up. Begin with
 * {@link dev.grantkeeper.examples.office.AddIn}: everything that it does with Grantkeeper is there. The parts that
 * every such program needs again are in {@link dev.grantkeeper.examples.office.handover}. Code belongs here if it is
 * about this one add-in, its page, its tables and its calls to Graph. This package uses Grantkeeper's public API, the
 * JDBC store, and the test kit for the demonstration.
 */
@NullMarked
package dev.grantkeeper.examples.office;

import org.jspecify.annotations.NullMarked;
