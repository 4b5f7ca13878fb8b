/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.row;

/**
 * A row and the version under which the store holds it.
 *
 * @param version the version of the row
 * @param row the content of the row
 */
public record VersionedRow(String version, GrantRow row) {}
