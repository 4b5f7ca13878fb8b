/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.provider;

import static dev.grantkeeper.provider.Texts.array;
import static dev.grantkeeper.provider.Texts.flag;
import static dev.grantkeeper.provider.Texts.map;
import static dev.grantkeeper.provider.Texts.text;
import static java.util.Map.entry;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.time.Period;
import java.time.format.DateTimeParseException;
import java.time.temporal.TemporalAmount;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * The members of a preset in JSON. Each has the name of a setter of {@link Provider.Builder} or {@link Dialect}, and
 * does what that does.
 */
final class PresetFacts {
    /** Sets one fact. */
    private interface Setter<B> {
        void set(B builder, String what, JsonNode value);
    }

    private static final Map<String, Setter<Provider.Builder>> PROVIDER = Map.ofEntries(
            entry("documentation", (b, what, v) -> b.documentation(text(what, v))),
            entry("authorizationEndpoint", (b, what, v) -> b.authorizationEndpoint(text(what, v))),
            entry("tokenEndpoint", (b, what, v) -> b.tokenEndpoint(text(what, v))),
            entry("refreshEndpoint", (b, what, v) -> b.refreshEndpoint(text(what, v))),
            entry("revocationEndpoint", (b, what, v) -> b.revocationEndpoint(text(what, v))),
            entry("introspectionEndpoint", (b, what, v) -> b.introspectionEndpoint(text(what, v))),
            entry(
                    "pushedAuthorizationRequestEndpoint",
                    (b, what, v) -> b.pushedAuthorizationRequestEndpoint(text(what, v))),
            entry("deviceAuthorizationEndpoint", (b, what, v) -> b.deviceAuthorizationEndpoint(text(what, v))),
            entry(
                    "backchannelAuthenticationEndpoint",
                    (b, what, v) -> b.backchannelAuthenticationEndpoint(text(what, v))),
            entry("backchannelTokenDeliveryModes", (b, what, v) -> b.backchannelTokenDeliveryModes(array(what, v))),
            entry("backchannelUserCodeParameter", (b, what, v) -> b.backchannelUserCodeParameter(flag(what, v))),
            entry("endSessionEndpoint", (b, what, v) -> b.endSessionEndpoint(text(what, v))),
            entry("userInfoEndpoint", (b, what, v) -> b.userInfoEndpoint(text(what, v))),
            entry(
                    "openId",
                    (b, what, v) -> b.openId(
                            text(what + " issuer", v.path("issuer")), text(what + " jwksUri", v.path("jwksUri")))),
            entry("issuer", (b, what, v) -> b.issuer(text(what, v))),
            entry("issuerInCallback", (b, what, v) -> b.issuerInCallback(flag(what, v))),
            entry(
                    "profileEndpoint",
                    (b, what, v) -> b.profileEndpoint(
                            text(what + " url", v.path("url")), map(what + " claims", v.path("claims")))),
            entry("apiOrigins", (b, what, v) -> b.apiOrigins(array(what, v))),
            entry("formerServers", (b, what, v) -> b.formerServers(array(what, v))),
            entry(
                    "clientAuthentication",
                    (b, what, v) -> b.clientAuthentication(constant(ClientAuthentication.class, what, v))),
            entry("assertionIssuer", (b, what, v) -> b.assertionIssuer(text(what, v))),
            entry("assertionAudience", (b, what, v) -> b.assertionAudience(text(what, v))),
            entry("scopeSeparator", (b, what, v) -> b.scopeSeparator(text(what, v))),
            entry("pkce", (b, what, v) -> b.pkce(flag(what, v))),
            entry("authorizationParameters", (b, what, v) -> map(what, v).forEach(b::authorizationParameter)),
            entry("defaultLifetime", (b, what, v) -> b.defaultLifetime(duration(what, v))),
            entry("replay", (b, what, v) -> b.replay(constant(Provider.Replay.class, what, v))),
            entry("earliestRefresh", (b, what, v) -> b.earliestRefresh(duration(what, v))),
            entry(
                    "refreshTokenLifetime",
                    (b, what, v) -> b.refreshTokenLifetime(
                            amount(what + " lifetime", v.path("lifetime")),
                            constant(Provider.Anchor.class, what + " from", v.path("from")))),
            entry("loopback", (b, what, v) -> b.loopback(constant(Provider.Loopback.class, what, v))),
            entry("noApplicationTokens", (b, what, v) -> b.noApplicationTokens(text(what, v))),
            entry("noLogins", (b, what, v) -> b.noLogins(text(what, v))),
            entry(
                    "dialect",
                    (b, what, v) -> b.dialect(d -> v.properties()
                            .forEach(difference -> set(d, "difference", PresetFacts.DIALECT, what, difference)))));

    private static final Map<String, Setter<Dialect>> DIALECT = Map.ofEntries(
            entry("parameterNames", (d, what, v) -> map(what, v).forEach(d::parameterName)),
            entry("jsonRequests", (d, what, v) -> only(flag(what, v), what, d::jsonRequests)),
            entry("requestHeaders", (d, what, v) -> map(what, v).forEach(d::requestHeader)),
            entry("tokenParameters", (d, what, v) -> map(what, v).forEach(d::tokenParameter)),
            entry("refreshParameters", (d, what, v) -> map(what, v).forEach(d::refreshParameter)),
            entry("applicationParameters", (d, what, v) -> map(what, v).forEach(d::applicationParameter)),
            entry("redirectUriOnRefresh", (d, what, v) -> only(flag(what, v), what, d::redirectUriOnRefresh)),
            entry("scopesOnRefresh", (d, what, v) -> d.scopesOnRefresh(array(what, v))),
            entry(
                    "members",
                    (d, what, v) -> v.properties()
                            .forEach(one -> d.member(one.getKey(), array(what + " " + one.getKey(), one.getValue())))),
            entry(
                    "identityMembers",
                    (d, what, v) -> v.properties()
                            .forEach(one ->
                                    d.identityMember(one.getKey(), array(what + " " + one.getKey(), one.getValue())))),
            entry("bearerTypes", (d, what, v) -> d.bearerTypes(array(what, v))),
            entry("grantedScopeSeparator", (d, what, v) -> d.grantedScopeSeparator(text(what, v))),
            entry("anyContentType", (d, what, v) -> only(flag(what, v), what, d::anyContentType)),
            entry("zeroMeansForever", (d, what, v) -> only(flag(what, v), what, d::zeroMeansForever)),
            entry(
                    "errors",
                    (d, what, v) -> v.properties()
                            .forEach(one ->
                                    d.error(one.getKey(), constant(Dialect.Meaning.class, what, one.getValue())))),
            entry(
                    "apiBase",
                    (d, what, v) -> d.apiBase(
                            text(what + " pointer", v.path("pointer")), array(what + " domains", v.path("domains")))),
            entry("tokenHeader", (d, what, v) -> d.tokenHeader(text(what, v))),
            entry("tokenScheme", (d, what, v) -> d.tokenScheme(text(what, v))),
            entry(
                    "rejection",
                    (d, what, v) -> d.rejection(
                            text(what + " pointer", v.path("pointer")), array(what + " values", v.path("values")))),
            entry("grantedScopeParameter", (d, what, v) -> d.grantedScopeParameter(text(what, v))),
            entry("codeParameter", (d, what, v) -> d.codeParameter(text(what, v))),
            entry("serverParameter", (d, what, v) -> d.serverParameter(text(what, v))),
            entry("callbackHmac", (d, what, v) -> d.callbackHmac(text(what, v))),
            entry("formPost", (d, what, v) -> only(flag(what, v), what, d::formPost)));

    private PresetFacts() {}

    /** Whether a member of this name describes the provider. */
    static boolean isFact(String name) {
        return PROVIDER.containsKey(name);
    }

    /** Sets a fact of a provider. */
    static void set(Provider.Builder builder, String provider, Map.Entry<String, JsonNode> fact) {
        set(builder, "fact", PROVIDER, "Provider " + provider, fact);
    }

    private static <B> void set(
            B builder, String kind, Map<String, Setter<B>> setters, String what, Map.Entry<String, JsonNode> fact) {
        Setter<B> setter = setters.get(fact.getKey());
        String place = what + ", " + fact.getKey();
        if (setter == null) {
            throw new IllegalArgumentException(place + " is an unknown " + kind + ". There are "
                    + String.join(", ", new TreeSet<>(setters.keySet())));
        }
        setter.set(builder, place, fact.getValue());
    }

    private static void only(boolean yes, String what, Runnable setter) {
        if (!yes) {
            throw new IllegalArgumentException(what + " is true, or left out");
        }
        setter.run();
    }

    private static <E extends Enum<E>> E constant(Class<E> type, String what, JsonNode value) {
        String name = text(what, value);
        for (E constant : type.getEnumConstants()) {
            if (constant.name().equals(name.toUpperCase(Locale.ROOT))) {
                return constant;
            }
        }
        throw new IllegalArgumentException(what + " is one of " + Set.of(type.getEnumConstants()) + ", not " + name);
    }

    private static Duration duration(String what, JsonNode value) {
        try {
            return Duration.parse(text(what, value));
        } catch (DateTimeParseException e) {
            throw new IllegalArgumentException(what + " is a duration in ISO 8601, like PT1H, not " + value, e);
        }
    }

    private static TemporalAmount amount(String what, JsonNode value) {
        String text = text(what, value);
        try {
            return text.contains("T") || text.endsWith("D") ? Duration.parse(text) : Period.parse(text);
        } catch (DateTimeParseException e) {
            throw new IllegalArgumentException(what + " is in ISO 8601, like P90D, P6M or PT8H, not " + value, e);
        }
    }
}
