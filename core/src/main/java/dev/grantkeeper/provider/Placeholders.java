/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.provider;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Locale;

/**
 * Checks the values that an application puts into the URLs of a preset: a shop, a tenant, a host. No value can move a
 * URL to another host, port, path, user or query, since only letters, digits and hyphens get through, with dots between
 * the labels of a domain.
 */
final class Placeholders {
    private static final int LONGEST_LABEL = 63;
    private static final int LONGEST_HOST = 253;
    private static final int LONGEST_NAME = 64;
    private static final int FINGERPRINT = 16;

    private Placeholders() {}

    /** One label of a domain, in lower case. */
    static String label(String what, String value) {
        String label = value.length() <= LONGEST_LABEL ? asciiLowerCase(value) : "";
        if (!isLabel(label)) {
            throw refused(what, "letters, digits and hyphens, at most 63, like acme", value);
        }
        return label;
    }

    /**
     * A domain under one of the provider's own.
     *
     * @param suffix the provider's own domain
     * @param most the most labels before it
     * @param value those labels, or the whole domain
     * @return the whole domain
     */
    static String domainUnder(String suffix, int most, String what, String value) {
        String whole = value.length() <= LONGEST_HOST ? asciiLowerCase(value) : "";
        String labels = whole.endsWith("." + suffix) ? whole.substring(0, whole.length() - suffix.length() - 1) : whole;
        String host = labels + "." + suffix;
        if (!areLabels(labels) || labels.split("\\.", -1).length > most || host.length() > LONGEST_HOST) {
            throw refused(what, "acme or acme." + suffix + ", of letters, digits and hyphens", value);
        }
        return host;
    }

    /**
     * One label of a domain or several, in lower case.
     *
     * @param expected the expected form, for people
     */
    static String domain(String what, String expected, String value) {
        String domain = value.length() <= LONGEST_HOST ? asciiLowerCase(value) : "";
        if (!areLabels(domain)) {
            throw refused(what, expected, value);
        }
        return domain;
    }

    /** A host by its name: no address, no port. */
    static String host(String what, String value) {
        String host = value.length() <= LONGEST_HOST ? asciiLowerCase(value) : "";
        int last = host.lastIndexOf('.');
        // A last label that begins with a digit would make it an address.
        if (last < 0 || !areLabels(host) || !host.substring(last + 1).matches("[a-z].*")) {
            throw refused(what, "the name of a host like login.example.com, without https:// and port", value);
        }
        return host;
    }

    /** One segment of a path, in the case in which it was given. */
    static String pathSegment(String what, String value) {
        if (value.length() > LONGEST_LABEL || !value.matches("[A-Za-z0-9_-]+")) {
            throw refused(what, "letters, digits, hyphens and underscores, at most 63", value);
        }
        return value;
    }

    /** The value of a header. */
    static String headerText(String what, String value) {
        if (value.isBlank() || value.length() > 200 || !value.chars().allMatch(c -> c >= ' ' && c < 0x7f)) {
            throw refused(what, "printable ASCII characters, at most 200", value);
        }
        return value;
    }

    /** A provider's name, different for each value. */
    static String name(String preset, String value) {
        String name = preset + "-" + value;
        if (name.length() <= LONGEST_NAME && name.matches("[a-z0-9.-]+")) {
            return name;
        }
        String start = asciiLowerCase(value).replaceAll("[^a-z0-9.-]", "-");
        int room = LONGEST_NAME - preset.length() - FINGERPRINT - 2;
        String readable = start.substring(0, Math.max(0, Math.min(start.length(), Math.min(room, 24))));
        return preset + "-" + readable + "-" + fingerprint(value);
    }

    private static String fingerprint(String value) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(value.getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(digest, 0, FINGERPRINT / 2);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("Every Java platform has SHA-256", e);
        }
    }

    private static boolean areLabels(String domain) {
        for (String label : domain.split("\\.", -1)) {
            if (!isLabel(label)) {
                return false;
            }
        }
        return true;
    }

    private static boolean isLabel(String label) {
        // A label that begins with xn-- stands for other characters (RFC 5890), which not all software reads alike.
        return label.length() <= LONGEST_LABEL
                && label.matches("[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
                && !label.startsWith("xn--");
    }

    /** Lower case of ASCII letters only: other characters, such as the Kelvin sign, could turn into letters. */
    private static String asciiLowerCase(String value) {
        return value.chars().allMatch(c -> c < 0x80) ? value.toLowerCase(Locale.ROOT) : value;
    }

    static IllegalArgumentException refused(String what, String expected, String value) {
        String start = value.length() > 80 ? value.substring(0, 80) + "..." : value;
        String shown = start.replaceAll("[^\\x20-\\x7e]", "?");
        return new IllegalArgumentException(what + " is written as " + expected + "; not: " + shown);
    }
}
