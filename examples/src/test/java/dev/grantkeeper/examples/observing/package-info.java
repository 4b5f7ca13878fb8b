/* SPDX-License-Identifier: Apache-2.0 */
/** Tests of the metrics and traces, and of the page that explains them. */
@NullMarked
package dev.grantkeeper.examples.observing;

import org.jspecify.annotations.NullMarked;
