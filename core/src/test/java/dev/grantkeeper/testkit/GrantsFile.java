/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.testkit;

import dev.grantkeeper.testkit.Grants.Access;
import dev.grantkeeper.testkit.Grants.Family;
import dev.grantkeeper.testkit.Grants.Refresh;
import dev.grantkeeper.testkit.Grants.State;
import dev.grantkeeper.testkit.Settings.User;
import java.io.IOException;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.jspecify.annotations.Nullable;

/** A server's grants in a file: digests of tokens, and their states. Used by one server at a time. */
final class GrantsFile {
    /** A demonstration that runs for days writes no larger a file than one that runs for an hour. */
    private static final int MOST = 2_000;

    private static final String NOBODY = "-";

    private final Path file;

    GrantsFile(Path file) {
        this.file = file;
    }

    void load(Map<String, User> users, Map<String, Refresh> refreshTokens, Map<String, Access> accessTokens) {
        if (!Files.exists(file)) {
            return;
        }
        Properties properties = new Properties();
        try (Reader reader = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
            properties.load(reader);
        } catch (IOException e) {
            throw new UncheckedIOException("The server's grants cannot be read from " + file, e);
        }
        Map<String, Family> families = new HashMap<>();
        for (String name : properties.stringPropertyNames()) {
            if (name.startsWith("family.")) {
                List<String> parts = parts(properties.getProperty(name));
                User user = users.get(parts.get(1));
                if (user != null) {
                    Family family = new Family(
                            parts.get(0), user, parts.get(2), instant(parts.get(3)), null, resources(parts, 6));
                    family.live = Boolean.parseBoolean(parts.get(4));
                    family.refreshable = Boolean.parseBoolean(parts.get(5));
                    families.put(name.substring("family.".length()), family);
                }
            }
        }
        for (String name : properties.stringPropertyNames()) {
            List<String> parts = parts(properties.getProperty(name));
            Family family = families.get(parts.get(0));
            if (name.startsWith("refresh.") && family != null) {
                Refresh token = new Refresh(family, null, instant(parts.get(2)));
                token.state = State.valueOf(parts.get(1));
                token.expired = Boolean.parseBoolean(parts.get(3));
                refreshTokens.put(name.substring("refresh.".length()), token);
            } else if (name.startsWith("access.")
                    && (family != null || parts.get(0).equals(NOBODY))) {
                String scope = parts.size() > 3 ? parts.get(3) : family == null ? "" : family.scope;
                Access token = new Access(family, scope, resources(parts, 4), instant(parts.get(1)));
                token.revoked = Boolean.parseBoolean(parts.get(2));
                accessTokens.put(name.substring("access.".length()), token);
            }
        }
    }

    void save(Map<String, Refresh> refreshTokens, Map<String, Access> accessTokens) {
        Map<Family, String> families = new IdentityHashMap<>();
        Properties properties = new Properties();
        newest(refreshTokens).forEach(entry -> {
            Refresh token = entry.getValue();
            String family = family(token.family, families, properties);
            properties.setProperty(
                    "refresh." + entry.getKey(),
                    join(family, token.state, token.issuedAt.toEpochMilli(), token.expired));
        });
        newest(accessTokens).forEach(entry -> {
            Access token = entry.getValue();
            String family = token.family == null ? NOBODY : family(token.family, families, properties);
            long expires = token.expiresAt.equals(Instant.MIN) ? 0 : token.expiresAt.toEpochMilli();
            properties.setProperty(
                    "access." + entry.getKey(),
                    join(family, expires, token.revoked, token.scope, String.join(" ", token.resources)));
        });
        try {
            Path next = file.resolveSibling(file.getFileName() + ".next");
            try (Writer writer = Files.newBufferedWriter(next, StandardCharsets.UTF_8)) {
                properties.store(writer, null);
            }
            Files.move(next, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw new UncheckedIOException("The server's grants cannot be written to " + file, e);
        }
    }

    private static String family(Family family, Map<Family, String> families, Properties properties) {
        return families.computeIfAbsent(family, unknown -> {
            String number = String.valueOf(families.size());
            properties.setProperty(
                    "family." + number,
                    join(
                            family.client,
                            family.user.id(),
                            family.scope,
                            family.authorizedAt.toEpochMilli(),
                            family.live,
                            family.refreshable,
                            String.join(" ", family.resources)));
            return number;
        });
    }

    private static <T> List<Map.Entry<String, T>> newest(Map<String, T> tokens) {
        List<Map.Entry<String, T>> all = new ArrayList<>(tokens.entrySet());
        return all.subList(Math.max(0, all.size() - MOST), all.size());
    }

    private static String join(Object... parts) {
        List<String> texts = new ArrayList<>();
        for (Object part : parts) {
            texts.add(URLEncoder.encode(part.toString(), StandardCharsets.UTF_8));
        }
        return String.join(" ", texts);
    }

    private static List<String> parts(@Nullable String value) {
        List<String> parts = new ArrayList<>();
        for (String part : (value == null ? "" : value).split(" ", -1)) {
            parts.add(URLDecoder.decode(part, StandardCharsets.UTF_8));
        }
        return parts;
    }

    /** A file of an older server has none. */
    private static List<String> resources(List<String> parts, int index) {
        return parts.size() <= index || parts.get(index).isEmpty()
                ? List.of()
                : List.of(parts.get(index).split(" ", -1));
    }

    private static Instant instant(String millis) {
        return Instant.ofEpochMilli(Long.parseLong(millis));
    }
}
