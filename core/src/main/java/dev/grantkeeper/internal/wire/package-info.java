/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Requests to the authorization server: its endpoints as one client uses them, the client's authentication, and the
 * HTTP underneath. Form parameters, keys and tokens come in, and go out to that server and nowhere else. The responses
 * are handed to {@code answer}, which decides what they mean. Addresses of which an application knows nothing are
 * reached over sockets that keep out of its network. This package may use {@code protocol}, {@code answer} and the
 * facts about the provider. It knows no grant, no row and no login.
 */
@NullMarked
package dev.grantkeeper.internal.wire;

import org.jspecify.annotations.NullMarked;
