/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Decides when to refresh a grant, and refreshes it once: among threads, among nodes, through failures. Start with the
 * essay in {@link dev.grantkeeper.internal.refresh.Refresher}. Rows come in from the {@code TokenStore} and answers
 * from a {@link dev.grantkeeper.internal.refresh.Renewal}, and either may be late, lost or out of order; code belongs
 * here if it has to hold in spite of that. All waiting goes through {@code Workers} and all time through
 * {@code Clocks}, so that a simulation can run this package. It may use {@code row}, {@code token}, {@code provider}
 * and the answers of {@code wire}; it sends no HTTP request itself, and knows no flow and nothing of the facade.
 */
@NullMarked
package dev.grantkeeper.internal.refresh;

import org.jspecify.annotations.NullMarked;
