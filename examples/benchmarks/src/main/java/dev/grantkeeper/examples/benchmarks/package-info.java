/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Measures what Grantkeeper costs beside plain OkHttp, code by hand and other libraries, and writes the report. Start
 * with {@link dev.grantkeeper.examples.benchmarks.Benchmarks}; {@code Ways} lists what is compared.
 */
@NullMarked
package dev.grantkeeper.examples.benchmarks;

import org.jspecify.annotations.NullMarked;
