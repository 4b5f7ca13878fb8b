/* SPDX-License-Identifier: Apache-2.0 */
/**
 * An Office add-in whose users sign in with Entra ID (Azure AD): a task pane, its server, a pop-up. Begin with
 * {@link dev.grantkeeper.examples.office.AddIn}; what every such program needs again is in
 * {@link dev.grantkeeper.examples.office.handover}.
 */
@NullMarked
package dev.grantkeeper.examples.office;

import org.jspecify.annotations.NullMarked;
