/* SPDX-License-Identifier: Apache-2.0 */
/** Who the user is: verified ID tokens (OpenID Connect Core), and profile endpoints where there are none. */
@NullMarked
package dev.grantkeeper.internal.openid;

import org.jspecify.annotations.NullMarked;
