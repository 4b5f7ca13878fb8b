/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Logins, from the first redirect or code to the tokens: the authorization code flow, the device flow, and a token
 * exchange that makes a grant. What an application keeps meanwhile comes in as an {@code Attempt}, what a browser or a
 * server sends comes in as it is and is believed in nothing, and a {@link dev.grantkeeper.internal.login.LoginOutcome}
 * goes out. Nothing is stored here. The flows may use {@code server}, {@code openid}, {@code wire} and the timers of
 * {@code refresh}. They know neither the public results nor the public exceptions, which the facade makes of what they
 * return.
 */
@NullMarked
package dev.grantkeeper.internal.login;

import org.jspecify.annotations.NullMarked;
