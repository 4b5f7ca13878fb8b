/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A web application whose users connect their Spotify account. Begin with
 * {@link dev.grantkeeper.examples.spotify.WebApp}: everything that it does with Grantkeeper is there.
 */
@NullMarked
package dev.grantkeeper.examples.spotify;

import org.jspecify.annotations.NullMarked;
