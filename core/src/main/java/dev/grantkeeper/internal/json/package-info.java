/* SPDX-License-Identifier: Apache-2.0 */
/**
 * JSON of our own: rows and the list of providers, which every application reads when it starts. Jackson's parser and
 * generator, and its tree, without the object mapper, whose start takes longer than that of everything else here. JSON
 * of others is read with the mapper, where it comes in. This package uses Jackson, and nothing of ours.
 */
@NullMarked
package dev.grantkeeper.internal.json;

import org.jspecify.annotations.NullMarked;
