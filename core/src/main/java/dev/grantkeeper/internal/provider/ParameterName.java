/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.provider;

import java.util.Collection;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Names of parameters that an application adds. Some servers ignore their case, and PHP reads a dot as an underscore
 * and everything from a bracket on as an index: a name may reach the server as another one.
 */
public final class ParameterName {
    private ParameterName() {}

    /**
     * The same name, after a check.
     *
     * @throws IllegalArgumentException if it has characters that no name has (RFC 6749 appendix A.17 allows fewer)
     */
    public static String checked(String name) {
        if (name.isEmpty() || !name.chars().allMatch(c -> c > ' ' && c < 0x7f)) {
            throw new IllegalArgumentException("The name of a parameter is printable ASCII without blanks, not '"
                    + name.replaceAll("[^ -~]", "?") + "'");
        }
        return name;
    }

    /** Whether a server may take one name for the other. */
    public static boolean isSame(String name, String other) {
        return plain(name).equals(plain(other));
    }

    /** Whether a server may take a name for one of these. */
    public static boolean isOneOf(String name, Collection<String> names) {
        return names.stream().anyMatch(other -> isSame(name, other));
    }

    /** The value of the parameter that a server may take this name for. */
    public static @Nullable String find(String name, Map<String, String> values) {
        String exact = values.get(name);
        return exact != null
                ? exact
                : values.entrySet().stream()
                        .filter(entry -> isSame(name, entry.getKey()))
                        .map(Map.Entry::getValue)
                        .findFirst()
                        .orElse(null);
    }

    private static String plain(String name) {
        int bracket = name.indexOf('[');
        return (bracket > 0 ? name.substring(0, bracket) : name)
                .replace('.', '_')
                .toLowerCase(Locale.ROOT);
    }
}
