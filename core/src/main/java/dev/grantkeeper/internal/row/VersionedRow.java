/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.row;

/**
 * A row and the version under which the store has it.
 *
 * @param version of the row
 * @param row what it says
 */
public record VersionedRow(String version, GrantRow row) {}
