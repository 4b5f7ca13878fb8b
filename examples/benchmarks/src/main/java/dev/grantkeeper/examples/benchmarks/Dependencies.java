/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.benchmarks;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Which jars belong to which library: the verbose tree of Maven's dependency plugin, read as a graph. */
final class Dependencies {
    /** A library that every way needs. */
    static final String OKHTTP = "okhttp-jvm";

    private static final Pattern NODE =
            Pattern.compile("^([| +\\\\-]*)\\(?([^:\\s(]+):([^:]+):jar:([^:]+):(?:compile|runtime)(.*)$");
    private static final Pattern CONFLICT = Pattern.compile("omitted for conflict with ([^;)]+)");

    private final Map<String, Set<String>> needs = new LinkedHashMap<>();
    private final Map<String, String> versions = new HashMap<>();
    private final Map<String, Path> jars = new HashMap<>();
    private final Path own;

    private Dependencies(Path own) {
        this.own = own;
    }

    /** Reads the tree, and finds its jars in the class path of this process. */
    static Dependencies read(Path tree) throws IOException {
        List<Path> classPath = new ArrayList<>();
        Path own = null;
        for (String entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
            Path path = Path.of(entry);
            if (Files.isDirectory(path)
                    && Files.exists(path.resolve(Benchmarks.class.getName().replace('.', '/') + ".class"))) {
                own = path;
            } else {
                classPath.add(path);
            }
        }
        if (own == null) {
            throw new IOException("The classes of this module are in no directory of the class path");
        }
        Dependencies read = new Dependencies(own);
        Deque<String> above = new ArrayDeque<>();
        for (String line : Files.readAllLines(tree)) {
            Matcher node = NODE.matcher(line);
            if (node.matches()) {
                int depth = node.group(1).length() / 3;
                while (above.size() >= depth && !above.isEmpty()) {
                    above.pop();
                }
                String name = node.group(3);
                Matcher conflict = CONFLICT.matcher(node.group(5));
                read.versions.put(name, conflict.find() ? conflict.group(1).trim() : node.group(4));
                read.needs.computeIfAbsent(name, same -> new LinkedHashSet<>());
                if (!above.isEmpty()) {
                    read.needs
                            .computeIfAbsent(above.element(), same -> new LinkedHashSet<>())
                            .add(name);
                }
                above.push(name);
            }
        }
        for (String name : read.needs.keySet()) {
            read.jars.put(name, read.find(classPath, name));
        }
        return read;
    }

    private Path find(List<Path> classPath, String name) throws IOException {
        String file = name + "-" + versions.get(name) + ".jar";
        for (Path jar : classPath) {
            if (jar.endsWith(file)) {
                return jar;
            }
        }
        throw new IOException("Not in the class path: " + file);
    }

    /** The version of an artifact; {@code null} if it is none of ours. */
    @Nullable
    String version(String name) {
        return versions.get(name);
    }

    /** All jars that some artifacts bring, themselves included, by their names. */
    Map<String, Path> jars(Collection<String> artifacts) {
        Map<String, Path> found = new LinkedHashMap<>();
        Deque<String> left = new ArrayDeque<>(artifacts);
        while (!left.isEmpty()) {
            String name = left.pop();
            Path jar = jars.get(name);
            if (jar == null) {
                throw new IllegalArgumentException("No dependency of this module: " + name);
            }
            if (found.put(name, jar) == null) {
                left.addAll(needs.getOrDefault(name, Set.of()));
            }
        }
        return found;
    }

    /** The class path of a way: its own libraries, OkHttp, and the classes of this module. */
    String classPath(Way way) {
        List<String> libraries = new ArrayList<>(way.libraries());
        libraries.add(OKHTTP);
        List<String> entries = new ArrayList<>();
        entries.add(own.toString());
        jars(libraries).values().forEach(jar -> entries.add(jar.toString()));
        return String.join(File.pathSeparator, entries);
    }
}
