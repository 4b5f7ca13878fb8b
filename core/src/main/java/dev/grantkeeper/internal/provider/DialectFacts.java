/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.provider;

import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The differences between a server's messages and the standards. By default there are none. The method of the same name
 * in {@code Dialect} explains each; places in JSON are pointers (RFC 6901). Set while a provider is built, and never
 * again; collections are unmodifiable.
 */
public final class DialectFacts implements Cloneable {
    /** No differences. */
    public static final DialectFacts STANDARD = new DialectFacts();

    /** From a standard parameter of requests to this server's name for it. */
    public Map<String, String> parameterNames = Map.of();

    public boolean jsonRequests;
    public Map<String, String> requestHeaders = Map.of();
    public Map<String, String> tokenParameters = Map.of();
    /** Those of refreshes only. */
    public Map<String, String> refreshParameters = Map.of();

    /** Those of requests for the application's own tokens. */
    public Map<String, String> applicationParameters = Map.of();

    public boolean redirectUriOnRefresh;
    public boolean scopesOnRefresh;
    /** Scopes that the server grants without listing them. */
    public Set<String> unlistedScopes = Set.of();

    /** From the standard's name to places. */
    public Map<String, List<String>> members = Map.of();
    /** From claim to places; {@code sub} is one of the claims, if there are any. */
    public Map<String, List<String>> identityMembers = Map.of();
    /** In the server's spelling; empty for {@code Bearer} alone. */
    public Set<String> bearerTypes = Set.of();
    /** {@code null} for the separator in requests. */
    public @Nullable String grantedScopeSeparator;

    public boolean anyContentType;
    public boolean zeroMeansForever;
    public @Nullable String apiBaseMember;
    public Set<String> apiBaseDomains = Set.of();
    public String tokenHeader = "Authorization";
    /** Empty for none. */
    public String tokenScheme = "Bearer";

    public @Nullable String rejectionMember;
    public Set<String> rejections = Set.of();
    public @Nullable String grantedScopeParameter;
    public String codeParameter = "code";
    public @Nullable String serverParameter;
    public @Nullable String callbackHmac;
    public boolean formPost;

    private DialectFacts() {}

    /** The server's name for a parameter of requests. */
    public String parameterName(String standard) {
        return parameterNames.getOrDefault(standard, standard);
    }

    /** A copy. A copy constructor would have to name every fact, and could forget one. */
    @Override
    public DialectFacts clone() {
        try {
            return (DialectFacts) super.clone();
        } catch (CloneNotSupportedException e) {
            throw new AssertionError(e);
        }
    }
}
