/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.testkit;

import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A path where clients look for the metadata of an authorization server.
 *
 * @param issuerPath the path of the issuer, or an empty text
 * @param places the places that the path is; none for those that no standard knows
 */
record WellKnown(String issuerPath, Set<MetadataPlace> places) {
    private static final String OAUTH = "/.well-known/oauth-authorization-server";
    private static final String OPENID = "/.well-known/openid-configuration";

    static @Nullable WellKnown of(String path) {
        if (path.equals(OPENID)) {
            return new WellKnown("", Set.of(MetadataPlace.OPENID, MetadataPlace.OPENID_INSERTED));
        }
        if (path.equals(OAUTH) || path.startsWith(OAUTH + "/")) {
            return new WellKnown(path.substring(OAUTH.length()), Set.of(MetadataPlace.OAUTH));
        }
        if (path.startsWith(OPENID + "/")) {
            return new WellKnown(path.substring(OPENID.length()), Set.of(MetadataPlace.OPENID_INSERTED));
        }
        if (path.endsWith(OPENID)) {
            return new WellKnown(path.substring(0, path.length() - OPENID.length()), Set.of(MetadataPlace.OPENID));
        }
        if (path.endsWith(OAUTH)) {
            return new WellKnown(path.substring(0, path.length() - OAUTH.length()), Set.of());
        }
        return null;
    }
}
