/* SPDX-License-Identifier: Apache-2.0 */
/** Tests of the bridges to other clients, over HTTP and other protocols of this machine. */
@NullMarked
package dev.grantkeeper.examples.bridges;

import org.jspecify.annotations.NullMarked;
