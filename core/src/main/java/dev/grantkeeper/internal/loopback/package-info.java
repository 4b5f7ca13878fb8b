/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Logins of a program on the user's own machine (RFC 8252): a server on the loopback interface that receives the
 * callback, and a way to open the browser. Neither knows what a login is: the caller judges each request and chooses a
 * page. Code belongs here if it deals with the user's machine, and not with an authorization server. It starts no
 * shell, and its pages load nothing. This package depends on the JDK only, and on no other package of the library.
 */
@NullMarked
package dev.grantkeeper.internal.loopback;

import org.jspecify.annotations.NullMarked;
