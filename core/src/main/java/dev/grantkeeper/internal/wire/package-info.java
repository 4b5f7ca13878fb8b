/* SPDX-License-Identifier: Apache-2.0 */
/** What goes over the wire to the authorization server, what comes back, and what that means. */
@NullMarked
package dev.grantkeeper.internal.wire;

import org.jspecify.annotations.NullMarked;
