/* SPDX-License-Identifier: Apache-2.0 */
/** A check of a row of the list of providers against what the provider publishes about itself. */
@NullMarked
package dev.grantkeeper.examples.provider;

import org.jspecify.annotations.NullMarked;
