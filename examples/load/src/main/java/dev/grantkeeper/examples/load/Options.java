/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.load;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** The options of a command line: {@code --long}, and numbers as in {@code --users 5000}. Immutable. */
final class Options {
    private final Map<String, Integer> numbers;
    private final boolean isLong;

    private Options(Map<String, Integer> numbers, boolean isLong) {
        this.numbers = Map.copyOf(numbers);
        this.isLong = isLong;
    }

    /**
     * Reads a command line.
     *
     * @param shortly the options with a number, and their values in a short run, which is the default
     * @param longer their values in a long run, where these are others
     * @throws IllegalArgumentException if there are other options; the message lists those that there are
     */
    static Options parse(String[] arguments, Map<String, Integer> shortly, Map<String, Integer> longer) {
        Map<String, Integer> set = new LinkedHashMap<>();
        boolean isLong = false;
        for (int i = 0; i < arguments.length; i++) {
            String name = arguments[i];
            if (name.equals("--long") || name.equals("--short")) {
                isLong = name.equals("--long");
            } else if (name.startsWith("--") && shortly.containsKey(name.substring(2)) && i + 1 < arguments.length) {
                set.put(name.substring(2), Integer.valueOf(arguments[++i]));
            } else {
                throw new IllegalArgumentException(
                        "Unknown option " + name + ". Options: --short (default), --long, and, with a number,"
                                + " their values in a short run: " + shortly + ", in a long one: " + longer);
            }
        }
        Map<String, Integer> numbers = new LinkedHashMap<>(shortly);
        if (isLong) {
            numbers.putAll(longer);
        }
        numbers.putAll(set);
        return new Options(numbers, isLong);
    }

    int number(String name) {
        Integer number = numbers.get(name);
        if (number == null) {
            throw new IllegalArgumentException(name);
        }
        return number;
    }

    boolean isLong() {
        return isLong;
    }

    /** The page into which results are written. */
    static Path page() {
        return Path.of(System.getProperty("load.page", "../LOAD.md"));
    }
}
