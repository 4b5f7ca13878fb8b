/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.office.handover;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A signed cookie that holds a session's id and nothing else: {@code v1.<key>.<id>.<issued>.<mac>}.
 *
 * <p>It is signed and not encrypted, since there is nothing in it to hide, and not a JWT, since there is nothing to
 * negotiate. Only the server knows what the session means, so it can end one. The signature keeps made-up ids away from
 * the database, and gives the cookie an expiry that the browser cannot change.
 *
 * <p>It is made for a pane inside a foreign page: over https it is {@code SameSite=None} and {@code Partitioned}, so
 * that it arrives there, kept apart from what the same server has set elsewhere. The price is that other sites'
 * requests carry it, too: accept it only together with a header that no other site can send, and never let it alone
 * authorize an OAuth callback.
 *
 * <p>Immutable and thread-safe.
 */
public final class SessionCookie {
    /** More than a cookie of ours has, and little enough to look at. */
    private static final int MOST_CHARACTERS = 160;

    private static final int SHORTEST_SECRET = 32;
    private static final Pattern FORM = Pattern.compile("v1\\.(?<key>[A-Za-z0-9_-]{8})\\.(?<id>[A-Za-z0-9_-]{43})"
            + "\\.(?<issued>[0-9]{1,12})\\.(?<mac>[A-Za-z0-9_-]{43})");

    private final String name;
    private final boolean secure;
    private final Duration lives;
    private final InstantSource clock;
    private final Map<String, byte[]> keys = new LinkedHashMap<>();
    private final String signingKey;

    /**
     * Describes the cookie.
     *
     * @param name the cookie's name; over https {@code __Host-} is put before it, and no neighbour of this host can set
     *     it
     * @param secure whether the server is reached by https
     * @param lives the lifetime of a session, whatever the browser does
     * @param clock the clock
     * @param secret the secret that signs; at least 32 characters that nobody can guess
     * @param before the previous secret, whose cookies are still accepted; {@code null} if there is none
     */
    public SessionCookie(
            String name, boolean secure, Duration lives, InstantSource clock, String secret, @Nullable String before) {
        this.name = secure ? "__Host-" + name : name;
        this.secure = secure;
        this.lives = lives;
        this.clock = clock;
        this.signingKey = add(secret);
        if (before != null) {
            add(before);
        }
    }

    private String add(String secret) {
        if (secret.length() < SHORTEST_SECRET || secret.chars().distinct().count() < 8) {
            throw new IllegalArgumentException("The secret is too short, or can be guessed");
        }
        byte[] bytes = secret.getBytes(StandardCharsets.UTF_8);
        // Purposes are kept apart: the same secret may seal other things, and another cookie has another name.
        byte[] key = Secrets.mac(bytes, "session cookie v1 " + name);
        String id = Secrets.text(Secrets.mac(key, "id")).substring(0, 8);
        keys.put(id, key);
        return id;
    }

    /**
     * Makes a session.
     *
     * @return the cookie's value, for {@link #set}; {@link #idOf} returns the session's id
     */
    public String issue() {
        String text = "v1." + signingKey + "." + Secrets.make() + "."
                + clock.instant().getEpochSecond();
        return text + "." + signature(signingKey, text);
    }

    /**
     * Returns the session that a request belongs to.
     *
     * @param header the request's {@code Cookie} header, whatever it contains
     * @return the session's id; empty if there is none, or two, or if it was not made here or is too old
     */
    public Optional<String> read(@Nullable String header) {
        return header == null ? Optional.empty() : value(header).flatMap(this::idOf);
    }

    private Optional<String> value(String header) {
        String found = null;
        for (String pair : header.split(";", -1)) {
            String trimmed = pair.strip();
            if (trimmed.startsWith(name + "=")) {
                if (found != null) {
                    return Optional.empty(); // one of the two was put there by somebody else
                }
                found = trimmed.substring(name.length() + 1);
            }
        }
        return Optional.ofNullable(found);
    }

    /**
     * Checks a cookie's value: its length first, then its form, whether the key is known, the signature, and the age
     * last.
     *
     * @param value the value, whatever it contains
     * @return the session's id
     */
    public Optional<String> idOf(String value) {
        if (value.length() > MOST_CHARACTERS) {
            return Optional.empty();
        }
        var form = FORM.matcher(value);
        if (!form.matches() || !keys.containsKey(form.group("key"))) {
            return Optional.empty();
        }
        String expected = signature(form.group("key"), value.substring(0, form.start("mac") - 1));
        if (!MessageDigest.isEqual(bytes(expected), bytes(form.group("mac")))) {
            return Optional.empty();
        }
        Instant issued = Instant.ofEpochSecond(Long.parseLong(form.group("issued")));
        return clock.instant().isBefore(issued.plus(lives)) ? Optional.of(form.group("id")) : Optional.empty();
    }

    private String signature(String keyId, String text) {
        byte[] key = keys.get(keyId);
        if (key == null) {
            throw new IllegalArgumentException("There is no such key");
        }
        return Secrets.text(Secrets.mac(key, name + "=" + text));
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    /**
     * Returns the header by which the browser keeps the cookie.
     *
     * @param value the value that {@link #issue} returned
     * @return the value of a {@code Set-Cookie} header
     */
    public String set(String value) {
        return name + "=" + value + "; Path=/; Max-Age=" + lives.toSeconds() + "; HttpOnly"
                + (secure ? "; Secure; SameSite=None; Partitioned" : "; SameSite=Lax");
    }

    @Override
    public String toString() {
        return "SessionCookie[" + name + "]";
    }
}
