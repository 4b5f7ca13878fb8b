/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.protocol;

/**
 * The API that an access token is for. A login brings an access token of its own; the same refresh token may bring
 * others, each for an API that is named in the request (RFC 8707). Immutable.
 */
public sealed interface Resource {
    /** The API, or APIs, of the access token that the grant itself came with. */
    Resource OWN = new Own();

    /**
     * Another API.
     *
     * @param name the API as the authorization server calls it, an absolute URI
     */
    static Named named(String name) {
        return new Named(name);
    }

    /** Whether this is {@link #OWN}. */
    default boolean isOwn() {
        return this == OWN;
    }

    /** Another API than the grant's own. */
    record Named(String name) implements Resource {
        @Override
        public String toString() {
            return name;
        }
    }

    /** The type of {@link #OWN}, its only instance. */
    final class Own implements Resource {
        private Own() {}

        @Override
        public String toString() {
            return "the grant's own";
        }
    }
}
