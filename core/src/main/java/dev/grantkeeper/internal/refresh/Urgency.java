/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

/** The urgency of a task: callers' tasks go before those that nobody waits for (law 19). */
enum Urgency {
    /** A caller waits for it. */
    CALLER,
    /** Nobody waits for it. */
    BACKGROUND
}
