/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.benchmarks;

import java.util.List;

/** All ways by their names. */
final class Ways {
    static final String BARE = "OkHttp, no token";
    static final String CONSTANT_HEADER = "OkHttp, constant header";
    static final String AUTHENTICATOR = "OkHttp, header and `Authenticator`";
    static final String SYNCHRONIZED = "OkHttp, synchronized interceptor";
    static final String WRAPPED_ACCOUNT = "Grantkeeper, `account.wrap(http)`";
    static final String TAGGED_REQUEST = "Grantkeeper, `grantkeeper.wrap(http)`, tagged request";
    static final String ACCOUNT_OF_EACH_CALL = "Grantkeeper, `grantkeeper.account(id)` in each call";
    static final String AUTHORIZATION = "Grantkeeper, `account.authorization(url)`";

    static final List<String> ALL = List.of(
            BARE,
            CONSTANT_HEADER,
            AUTHENTICATOR,
            SYNCHRONIZED,
            WRAPPED_ACCOUNT,
            TAGGED_REQUEST,
            ACCOUNT_OF_EACH_CALL,
            AUTHORIZATION);

    private Ways() {}

    /** Prepares a way: with a user who is signed in, and a token that is valid. */
    static Way named(String name, Transport transport) {
        return switch (name) {
            case BARE -> PlainWays.bare(transport);
            case CONSTANT_HEADER -> PlainWays.constantHeader(transport);
            case AUTHENTICATOR -> PlainWays.authenticator(transport);
            case SYNCHRONIZED -> PlainWays.synchronizedInterceptor(transport);
            case WRAPPED_ACCOUNT -> GrantkeeperWays.wrappedAccount(transport);
            case TAGGED_REQUEST -> GrantkeeperWays.taggedRequest(transport);
            case ACCOUNT_OF_EACH_CALL -> GrantkeeperWays.accountOfEachCall(transport);
            case AUTHORIZATION -> GrantkeeperWays.authorization(transport);
            default -> throw new IllegalArgumentException(name);
        };
    }
}
