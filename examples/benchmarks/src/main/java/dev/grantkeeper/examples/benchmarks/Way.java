/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.benchmarks;

import java.util.List;

/** The ways to send an authorized call that are compared. */
public enum Way {
    /** Nothing is attached. */
    BARE("OkHttp, no token"),
    /** The least that attaches a token. */
    CONSTANT_HEADER("OkHttp, constant header"),
    /** By hand. */
    AUTHENTICATOR("OkHttp, header and `Authenticator`"),
    /** By hand. */
    SYNCHRONIZED("OkHttp, synchronized interceptor"),
    /** By hand. */
    TABLE("OkHttp, `SELECT` in each call (H2)", "HikariCP", "h2"),
    /** The README's. */
    WRAPPED_ACCOUNT("Grantkeeper, `account.wrap(http)`", "grantkeeper-store-memory"),
    /** For many users. */
    TAGGED_REQUEST("Grantkeeper, `wrap(http)` and a tagged request", "grantkeeper-store-memory"),
    /** For many users, as applications write it. */
    ACCOUNT_OF_EACH_CALL("Grantkeeper, `account(id)` in each call", "grantkeeper-store-memory"),
    /** For other HTTP clients. */
    AUTHORIZATION("Grantkeeper, `account.authorization(url)`", "grantkeeper-store-memory"),
    /** Rows in a database. */
    JDBC("Grantkeeper, `account.wrap(http)`, JDBC (H2)", "grantkeeper-store-jdbc", "HikariCP", "h2"),
    /** Rows in a database, read in each call as others do. */
    JDBC_EACH_CALL("Grantkeeper, JDBC (H2), `storeCacheTime(ZERO)`", "grantkeeper-store-jdbc", "HikariCP", "h2"),
    /** Spring Security's manager. */
    SPRING("Spring Security, in memory", "spring-security-oauth2-client", "jackson-databind"),
    /** The same over a database. */
    SPRING_JDBC(
            "Spring Security, JDBC (H2)",
            "spring-security-oauth2-client",
            "jackson-databind",
            "spring-jdbc",
            "HikariCP",
            "h2"),
    /** One {@code Credential} for all calls. */
    GOOGLE("google-oauth-client, one `Credential`", "google-oauth-client", "google-http-client-gson"),
    /** One is loaded from its store for each call. */
    GOOGLE_STORED(
            "google-oauth-client, `loadCredential(id)` in each call", "google-oauth-client", "google-http-client-gson"),
    /** Out of its cache. */
    MSAL("MSAL4J, `acquireTokenSilently`", "msal4j"),
    /** With a map and a check of the expiry, which applications write themselves. */
    SCRIBE("ScribeJava, a map and a check of the expiry", "scribejava-core");

    final String title;
    private final List<String> libraries;

    Way(String title, String... libraries) {
        this.title = title;
        this.libraries = List.of(libraries);
    }

    /** The artifacts beside OkHttp that it needs. */
    List<String> libraries() {
        return libraries;
    }

    /** Signs a user in, whose token is valid then; returns how that user's calls are sent. */
    AuthorizedCall start(Transport transport) {
        return switch (this) {
            case BARE -> PlainWays.bare(transport);
            case CONSTANT_HEADER -> PlainWays.constantHeader(transport);
            case AUTHENTICATOR -> PlainWays.authenticator(transport);
            case SYNCHRONIZED -> PlainWays.synchronizedInterceptor(transport);
            case TABLE -> TableWay.start(transport);
            case WRAPPED_ACCOUNT -> GrantkeeperWays.wrappedAccount(transport);
            case TAGGED_REQUEST -> GrantkeeperWays.taggedRequest(transport);
            case ACCOUNT_OF_EACH_CALL -> GrantkeeperWays.accountOfEachCall(transport);
            case AUTHORIZATION -> GrantkeeperWays.authorization(transport);
            case JDBC -> GrantkeeperJdbcWays.wrappedAccount(transport);
            case JDBC_EACH_CALL -> GrantkeeperJdbcWays.readInEachCall(transport);
            case SPRING -> SpringWays.inMemory(transport);
            case SPRING_JDBC -> SpringJdbcWay.start(transport);
            case GOOGLE -> GoogleWays.oneCredential(transport);
            case GOOGLE_STORED -> GoogleWays.loadedCredential(transport);
            case MSAL -> MsalWay.start(transport);
            case SCRIBE -> ScribeWay.start(transport);
        };
    }
}
