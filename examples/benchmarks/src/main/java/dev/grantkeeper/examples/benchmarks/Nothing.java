/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.benchmarks;

/** A process that does nothing: what the JVM takes itself. */
final class Nothing {
    private Nothing() {}

    public static void main(String[] args) {
        Runtime.getRuntime().halt(0);
    }
}
