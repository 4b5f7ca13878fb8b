/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.row;

/**
 * A grant and the version under which the store has it.
 *
 * @param version of the row
 * @param row what it says
 */
public record StoredGrant(String version, GrantRow row) {}
