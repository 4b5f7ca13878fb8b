/* SPDX-License-Identifier: Apache-2.0 */
/**
 * APIs of which the application knows the URL only. A {@link dev.grantkeeper.internal.api.ProtectedResource} finds the
 * authorization server of one (RFC 9728), a {@link dev.grantkeeper.internal.api.DiscoveredServer} is that server as one
 * client uses it, and a {@link dev.grantkeeper.internal.api.RegistrationRenewal} makes the application known there,
 * once for all nodes: a registration is a grant of the application's own, kept by the refresher like any other.
 */
@NullMarked
package dev.grantkeeper.internal.api;

import org.jspecify.annotations.NullMarked;
