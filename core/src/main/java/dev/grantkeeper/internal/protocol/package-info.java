/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The small words of the protocol that every mechanism needs: what a request may ask for (scopes, resources) and what
 * decides where a token may go (origins), and the challenges in a response. Texts of applications are checked once,
 * here. This package uses the JDK and OkHttp's values, and nothing of ours.
 */
@NullMarked
package dev.grantkeeper.internal.protocol;

import org.jspecify.annotations.NullMarked;
