/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Calls to protected APIs: where tokens come from, how they are attached, and what an API's answer says about them.
 * Answers come in from any server on the Internet and are believed only as far as a standard or a preset says so.
 * Nothing here talks to the authorization server, except through the refresher. The interceptor itself is in the
 * facade, since it makes the exceptions that applications handle. This package may use {@code refresh} and
 * {@code wire}.
 */
@NullMarked
package dev.grantkeeper.internal.call;

import org.jspecify.annotations.NullMarked;
