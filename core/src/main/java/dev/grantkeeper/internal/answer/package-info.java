/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Responses of the authorization server, and callbacks that a browser brings from it: read leniently, judged strictly.
 * Everything comes in as text from outside and is believed in nothing; what goes out is a value, an
 * {@link dev.grantkeeper.internal.answer.Answer} or a {@link dev.grantkeeper.internal.answer.Callback}, whose messages
 * are made harmless. Odd servers are understood here, each in a line that names it. This package may use
 * {@code protocol} and the facts about the provider, and makes no request.
 */
@NullMarked
package dev.grantkeeper.internal.answer;

import org.jspecify.annotations.NullMarked;
