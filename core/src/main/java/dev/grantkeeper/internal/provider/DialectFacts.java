/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.provider;

import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The facts about how a server's messages differ from the standards, with their defaults, which are the standards. What
 * each one means stands at the setter of the same name, in {@code Dialect}. Changed by that class only, and copied
 * before anybody else sees them; collections are unmodifiable.
 */
public final class DialectFacts implements Cloneable {
    /** No differences. */
    public static final DialectFacts STANDARD = new DialectFacts();

    public String clientIdParameter = "client_id";
    public String scopeParameter = "scope";
    public boolean jsonRequests;
    public Map<String, String> requestHeaders = Map.of();
    public Map<String, String> tokenParameters = Map.of();
    public boolean redirectUriOnRefresh;
    /** From the standard's name to pointers. */
    public Map<String, List<String>> members = Map.of();
    /** From claim to pointers. {@code sub} is among the claims, if there are any. */
    public Map<String, List<String>> identityMembers = Map.of();
    /** In the server's spelling; empty for {@code Bearer} alone. */
    public Set<String> bearerTypes = Set.of();
    /** {@code null} for the one that separates scopes in a request. */
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
    public @Nullable String serverParameter;
    public @Nullable String callbackHmac;
    public boolean formPost;

    private DialectFacts() {}

    /** A copy. A copy constructor would name every fact once more, and could forget one. */
    @Override
    public DialectFacts clone() {
        try {
            return (DialectFacts) super.clone();
        } catch (CloneNotSupportedException e) {
            throw new AssertionError(e);
        }
    }
}
