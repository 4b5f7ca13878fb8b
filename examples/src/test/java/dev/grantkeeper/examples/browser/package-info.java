/* SPDX-License-Identifier: Apache-2.0 */
/** The installed Chromium, for tests that click through the examples' pages. */
@NullMarked
package dev.grantkeeper.examples.browser;

import org.jspecify.annotations.NullMarked;
