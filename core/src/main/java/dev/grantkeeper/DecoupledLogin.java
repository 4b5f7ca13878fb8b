/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import java.io.Serializable;
import java.time.Instant;

/**
 * A login that the user finishes elsewhere while the application waits: {@link DeviceLogin} or
 * {@link BackchannelLogin}. {@link Grantkeeper#awaitLogin} waits for either. Immutable and thread-safe.
 */
public sealed interface DecoupledLogin extends Serializable permits DeviceLogin, BackchannelLogin {
    /**
     * The expiry of the login.
     *
     * @return the time
     */
    Instant expiresAt();
}
