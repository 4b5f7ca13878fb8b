/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A web application whose users connect their Spotify account. Begin with
 * {@link dev.grantkeeper.examples.spotify.WebApp}: everything that it does with Grantkeeper is there. The other classes
 * are what every web application has, users and sessions, and a look behind the scenes. Code belongs here if the page
 * shows it, or if a login needs it. This package uses Grantkeeper's public API, the JDBC store, and the test kit for
 * the demonstration.
 */
@NullMarked
package dev.grantkeeper.examples.spotify;

import org.jspecify.annotations.NullMarked;
