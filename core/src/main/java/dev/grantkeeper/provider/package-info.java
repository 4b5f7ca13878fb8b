/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Authorization servers and their APIs as data: the presets, and what a {@link dev.grantkeeper.provider.Provider} and
 * its {@link dev.grantkeeper.provider.Dialect} can describe, be it written by hand or read from metadata. A preset is a
 * value with a link to its documentation and is never a subclass; any other server is described with
 * {@link dev.grantkeeper.provider.Provider#builder(String)}. A difference between servers belongs here, under a name of
 * its own and with the server that has it; the code that acts upon it does not. Nothing here sends a request, waits or
 * keeps state. Of the library's other packages this one knows {@code internal.provider} only, which holds the facts;
 * the entry point and the internal packages read both.
 */
@NullMarked
package dev.grantkeeper.provider;

import org.jspecify.annotations.NullMarked;
