/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.server;

import dev.grantkeeper.internal.provider.Facts;
import dev.grantkeeper.internal.provider.ProviderFacts;
import dev.grantkeeper.internal.row.GrantRow;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.token.TokenSet;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.temporal.TemporalAmount;
import org.jspecify.annotations.Nullable;

/** The user's consent behind a refresh token, and its end (law 16). */
public final class Consent {
    private Consent() {}

    /**
     * The end of a consent: as the server said with the refresh token, or as the provider is known to do. {@code null}
     * if neither says it, or if there is nothing that could be refreshed.
     */
    public static @Nullable Instant endOf(GrantRow row, Provider provider) {
        TokenSet tokens = row.tokens();
        if (tokens == null || tokens.refreshToken().isEmpty()) {
            return null;
        }
        if (tokens.refreshTokenExpiresAt().isPresent()) {
            return tokens.refreshTokenExpiresAt().orElseThrow();
        }
        ProviderFacts facts = Facts.of(provider);
        @Nullable TemporalAmount lifetime = facts.refreshTokenLifetime;
        if (lifetime == null) {
            return null;
        }
        Instant from = facts.refreshTokenLifetimeFromLogin ? row.authorizedAt() : tokens.receivedAt();
        return from.atOffset(ZoneOffset.UTC).plus(lifetime).toInstant();
    }
}
