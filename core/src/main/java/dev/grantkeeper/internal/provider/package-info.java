/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The facts about a provider, as plain fields with their defaults. The builders of package {@code provider} set them,
 * and explain them; {@code Provider} shows few of them to users, and {@link dev.grantkeeper.internal.provider.Facts}
 * shows all to the library's other packages. Names of parameters, which providers reserve, are compared here. This
 * package uses the JDK only.
 */
@NullMarked
package dev.grantkeeper.internal.provider;

import org.jspecify.annotations.NullMarked;
