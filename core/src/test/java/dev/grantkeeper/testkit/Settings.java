/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.testkit;

import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiFunction;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** The settings of a server. Each field stands for itself, and may change while requests are answered. */
final class Settings {
    final String url;
    final Map<String, Client> clients = new ConcurrentHashMap<>();
    final Map<String, User> users = new ConcurrentSkipListMap<>();
    final Map<String, String> clientNames = new ConcurrentHashMap<>();
    /** In words for users. */
    final Map<String, String> scopeTexts = new ConcurrentHashMap<>(Map.of(
            "openid", "Know who you are",
            "profile", "See your name",
            "email", "See your e-mail address",
            "offline_access", "Stay connected while you are away"));

    final Dialects dialects = new Dialects();

    volatile InstantSource time = InstantSource.system();
    volatile String title = "Demo music service";
    volatile @Nullable String autoApprove;
    volatile boolean issuerInCallback;
    volatile int invalidClientStatus = 401;
    volatile Duration deviceInterval = Duration.ofSeconds(5);
    volatile UnaryOperator<Map<String, Object>> deviceResponse = UnaryOperator.identity();
    volatile Duration latency = Duration.ZERO;
    volatile Duration apiLatency = Duration.ZERO;

    volatile Duration accessTokenLifetime = Duration.ofHours(1);
    volatile @Nullable Duration refreshTokenLifetime;
    volatile boolean issueRefreshTokens = true;
    volatile Rotation rotation = Rotation.STRICT;
    volatile Duration grace = Duration.ofSeconds(60);
    volatile boolean wideRevocation;
    volatile boolean truthfulExpiresIn = true;
    volatile @Nullable String expiresIn;
    volatile UnaryOperator<Map<String, Object>> tokenResponse = UnaryOperator.identity();
    volatile UnaryOperator<Map<String, Object>> metadata = UnaryOperator.identity();

    volatile Map<String, Object> extraClaims = Map.of();
    volatile UnaryOperator<Map<String, Object>> idTokenClaims = UnaryOperator.identity();
    volatile Signing signing = Signing.RS256;
    final AtomicInteger signingKey = new AtomicInteger();

    volatile boolean rejectAllAtApi;
    volatile BiFunction<RecordedRequest, Answer, Answer> apiAnswer = (request, answer) -> answer;

    Settings(String url) {
        this.url = url;
    }

    /** A registration. Without redirect URIs, any will do. */
    record Client(String id, @Nullable String secret, List<String> redirectUris) {
        boolean mayRedirectTo(String uri) {
            return redirectUris.isEmpty() || redirectUris.contains(uri);
        }

        @Override
        public String toString() {
            return "Client[id=" + id + "]";
        }
    }

    record User(String id, String givenName, String familyName, String email) {
        String name() {
            return givenName + " " + familyName;
        }
    }
}
