/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What a program on the user's own machine needs for a login: an address that a browser can come back to, and a
 * browser.
 */
@NullMarked
package dev.grantkeeper.internal.loopback;

import org.jspecify.annotations.NullMarked;
