/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Who we talk to: authorization servers as data. A preset is a value with a link to its documentation; for any other
 * server there is {@link dev.grantkeeper.provider.Provider#builder(String)}.
 */
@NullMarked
package dev.grantkeeper.provider;

import org.jspecify.annotations.NullMarked;
