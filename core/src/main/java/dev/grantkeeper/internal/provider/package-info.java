/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What is known of a provider, for the library's own packages. On the ground: package {@code provider} fills these
 * facts in and shows few of them, and nothing here knows it.
 */
@NullMarked
package dev.grantkeeper.internal.provider;

import org.jspecify.annotations.NullMarked;
