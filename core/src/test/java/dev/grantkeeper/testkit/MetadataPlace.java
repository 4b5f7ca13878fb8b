/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.testkit;

/**
 * A place for the metadata of an authorization server: see {@link FakeAuthorizationServer#metadataAt}. An issuer
 * without a path has two places only, since the second and the third are the same there. More may be added.
 */
public enum MetadataPlace {
    /** {@code https://host/.well-known/oauth-authorization-server/path} (RFC 8414, 3.1). */
    OAUTH,
    /** {@code https://host/.well-known/openid-configuration/path} (RFC 8414, 5). */
    OPENID_INSERTED,
    /** {@code https://host/path/.well-known/openid-configuration} (OpenID Connect Discovery, 4). */
    OPENID
}
