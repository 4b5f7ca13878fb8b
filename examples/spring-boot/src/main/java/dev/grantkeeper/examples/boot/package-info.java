/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A Spring Boot application whose users connect Spotify and a server that publishes its metadata: what an application
 * needs around Grantkeeper, to be copied.
 */
@NullMarked
package dev.grantkeeper.examples.boot;

import org.jspecify.annotations.NullMarked;
