/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Metrics and traces from grant events, by Micrometer and by OpenTelemetry: classes to copy, each of which needs no
 * other class of this package.
 */
@NullMarked
package dev.grantkeeper.examples.observing;

import org.jspecify.annotations.NullMarked;
