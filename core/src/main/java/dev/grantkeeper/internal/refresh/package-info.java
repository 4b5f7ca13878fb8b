/* SPDX-License-Identifier: Apache-2.0 */
/**
 * When to refresh, and once: among threads, among nodes, through failures. Start with the essay in {@code Refresher}.
 */
@NullMarked
package dev.grantkeeper.internal.refresh;

import org.jspecify.annotations.NullMarked;
