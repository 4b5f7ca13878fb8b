/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.benchmarks;

/** One chapter of the report. */
@FunctionalInterface
interface Part {
    /** Measures, and returns the chapter in Markdown. */
    String run(Mode mode) throws Exception;
}
