/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.testkit;

import dev.grantkeeper.testkit.Settings.User;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The API that the tokens are for: a music service in Spotify's shape, and an echo for everything else. */
final class ProtectedApi {
    private static final List<List<String>> SONGS = List.of(
            List.of("Paper Lanterns", "The Quiet Harbours", "Slow Ferries"),
            List.of("Ninety Degrees North", "Ada Winterberg", "Compass"),
            List.of("Late Train to Nowhere", "Brass & Timber", "Departures"),
            List.of("Copper Sky", "The Quiet Harbours", "Slow Ferries"),
            List.of("An Open Window", "Noor Valdez", "Rooms"),
            List.of("Static and Rain", "Low Orbit Choir", "Signals"),
            List.of("Seven Small Boats", "Ada Winterberg", "Compass"),
            List.of("Garden of Clocks", "Mirabel Quartet", "Op. 3"));

    /** The number of times that each song is among the most played ones. */
    private static final int RECORDINGS = 6;

    private final Settings settings;
    private final Grants grants;
    private final Counters counters;
    private final Endpoints endpoints;

    ProtectedApi(Settings settings, Grants grants, Counters counters, Endpoints endpoints) {
        this.settings = settings;
        this.grants = grants;
        this.counters = counters;
        this.endpoints = endpoints;
    }

    Answer answer(RecordedRequest request) {
        Answer answer = settings.apiAnswer.apply(request, authorized(request));
        if (answer.status() == 401) {
            counters.apiUnauthorized.incrementAndGet();
        }
        return answer;
    }

    private Answer authorized(RecordedRequest request) {
        String token = settings.dialects.accessToken(request);
        if (token == null) {
            // RFC 6750, 3.1: a request without a token gets no error code.
            return unauthorized("", "No token provided");
        }
        try {
            User user = grants.userOf(token);
            if (settings.rejectAllAtApi) {
                throw new Refused("invalid_token", "Invalid access token");
            }
            return switch (settings.local(request.path())) {
                case FakeAuthorizationServer.PROFILE -> profile(user);
                case FakeAuthorizationServer.RECENTLY_PLAYED -> recentlyPlayed(request, user);
                case FakeAuthorizationServer.TOP_TRACKS -> topTracks(request, user);
                case FakeAuthorizationServer.USERINFO -> endpoints.userInfo(user);
                default ->
                    settings.dialects.isProfile(settings.local(request.path()))
                            ? ownProfile(request, user)
                            : echo(request, user, token);
            };
        } catch (Refused e) {
            return unauthorized(
                    ", error=\"" + e.error() + "\", error_description=\"" + e.description() + "\"", e.description());
        }
    }

    /** In Spotify's shape, whose {@code error} is an object here and a text at the token endpoint. */
    private static Answer unauthorized(String challenge, String message) {
        Map<String, Object> error = new LinkedHashMap<>();
        error.put("status", 401);
        error.put("message", message);
        return Answer.json(401, Json.write(Map.of("error", error)))
                .header("WWW-Authenticate", "Bearer realm=\"" + FakeAuthorizationServer.REALM + "\"" + challenge);
    }

    static Answer echo(RecordedRequest request, @Nullable User user, String token) {
        Map<String, Object> body = new LinkedHashMap<>();
        body.put("user", user == null ? null : user.id());
        body.put("method", request.method());
        body.put("path", request.path());
        body.put("token", HexFormat.of().formatHex(Jwt.sha256(token), 0, 3));
        body.put("bodyLength", request.bodyLength());
        return Answer.json(200, Json.write(body));
    }

    private Answer ownProfile(RecordedRequest request, @Nullable User user) {
        return user == null
                ? noUser()
                : Answer.json(200, Json.write(settings.dialects.profile(settings.local(request.path()), user)));
    }

    private Answer profile(@Nullable User user) {
        if (user == null) {
            return noUser();
        }
        Map<String, Object> body = new LinkedHashMap<>();
        body.put("country", "DE");
        body.put("display_name", user.name());
        body.put("email", user.email());
        body.put("explicit_content", Map.of("filter_enabled", false));
        body.put("external_urls", Map.of());
        body.put("href", settings.url + FakeAuthorizationServer.PROFILE);
        body.put("id", user.id());
        body.put("images", List.of());
        body.put("product", "premium");
        body.put("type", "user");
        body.put("uri", "demo:user:" + user.id());
        return Answer.json(200, Json.write(body));
    }

    /** The same songs for everybody, in an order of each user's own. */
    private Answer recentlyPlayed(RecordedRequest request, @Nullable User user) {
        if (user == null) {
            return noUser();
        }
        int limit = number(request, "limit", 20);
        if (limit < 0) {
            return invalid("limit");
        }
        List<Object> items = new ArrayList<>();
        for (int i = 0; i < Math.min(limit, SONGS.size()); i++) {
            int number = Math.floorMod(user.id().hashCode() + i * 3, SONGS.size());
            Map<String, Object> item = new LinkedHashMap<>();
            item.put("track", track(number, 0));
            item.put(
                    "played_at",
                    settings.time
                            .instant()
                            .minusSeconds(240L * (i + 1))
                            .truncatedTo(ChronoUnit.MILLIS)
                            .toString());
            item.put("context", null);
            items.add(item);
        }
        Map<String, Object> body = new LinkedHashMap<>();
        body.put("items", items);
        body.put("next", null);
        body.put("cursors", null);
        body.put("limit", limit);
        body.put("href", settings.url + FakeAuthorizationServer.RECENTLY_PLAYED);
        return Answer.json(200, Json.write(body));
    }

    /** In pages, as Spotify has them: each song in several recordings, so that there is more than one page. */
    private Answer topTracks(RecordedRequest request, @Nullable User user) {
        if (user == null) {
            return noUser();
        }
        int limit = number(request, "limit", 20);
        int offset = number(request, "offset", 0);
        if (limit < 1 || limit > 50 || offset < 0) {
            return invalid(offset < 0 ? "offset" : "limit");
        }
        int total = SONGS.size() * RECORDINGS;
        List<Object> items = new ArrayList<>();
        for (int i = offset; i < Math.min(total, offset + limit); i++) {
            items.add(track(Math.floorMod(user.id().hashCode() + i * 3, SONGS.size()), i / SONGS.size()));
        }
        Map<String, Object> body = new LinkedHashMap<>();
        String here = settings.url + FakeAuthorizationServer.TOP_TRACKS;
        body.put("items", items);
        body.put("total", total);
        body.put("limit", limit);
        body.put("offset", offset);
        body.put("href", here);
        body.put("next", offset + limit < total ? here + "?offset=" + (offset + limit) + "&limit=" + limit : null);
        return Answer.json(200, Json.write(body));
    }

    private static Map<String, Object> track(int number, int recording) {
        List<String> song = SONGS.get(number);
        String id = "song" + number + (recording == 0 ? "" : "-" + recording);
        Map<String, Object> track = new LinkedHashMap<>();
        track.put("id", id);
        track.put("name", recording == 0 ? song.get(0) : song.get(0) + " (Live " + recording + ")");
        track.put("artists", List.of(Map.of("name", song.get(1), "type", "artist")));
        track.put("album", Map.of("name", song.get(2), "type", "album", "images", List.of()));
        track.put("duration_ms", 150_000 + number * 17_000);
        track.put("type", "track");
        track.put("uri", "demo:track:" + id);
        return track;
    }

    /** A number of the query; -1 if it is not a number. */
    private static int number(RecordedRequest request, String name, int otherwise) {
        try {
            return Integer.parseInt(request.queryParams().getOrDefault(name, String.valueOf(otherwise)));
        } catch (IllegalArgumentException e) {
            return -1;
        }
    }

    private static Answer invalid(String name) {
        return Answer.json(400, "{\"error\":{\"status\":400,\"message\":\"Invalid " + name + "\"}}");
    }

    private static Answer noUser() {
        return Answer.json(403, "{\"error\":{\"status\":403,\"message\":\"This token stands for no user\"}}");
    }
}
