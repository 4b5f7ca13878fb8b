/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.refresh;

import java.io.IOException;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongFunction;
import javax.tools.DiagnosticCollector;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;
import org.jspecify.annotations.Nullable;

/**
 * The refresher with one rule taken out: its source with a few words replaced, compiled, and loaded together with a
 * simulation of its own. Production code needs no switches for that, and a rule that was rewritten or moved is noticed,
 * since its words are no longer found.
 *
 * @param rule what is missing
 * @param edits to the sources
 * @param first the seed to begin with: where a mutant is found late, not all the seeds before need to run in every
 *     build
 */
record Mutant(String rule, List<Edit> edits, long first) {
    /**
     * Words in a source, and what replaces them.
     *
     * @param file in the package of the refresher
     * @param from has to occur exactly once; blanks and line ends may differ
     * @param to what comes in its place
     */
    record Edit(String file, String from, String to) {}

    private static final Path SOURCES = Path.of("src/main/java/dev/grantkeeper/internal/refresh");

    static Mutant of(String rule, String... filesFromsAndTos) {
        List<Edit> edits = new ArrayList<>();
        for (int i = 0; i < filesFromsAndTos.length; i += 3) {
            edits.add(new Edit(filesFromsAndTos[i], filesFromsAndTos[i + 1], filesFromsAndTos[i + 2]));
        }
        return new Mutant(rule, edits, 1);
    }

    /** The same, looked for from another seed on. */
    Mutant from(long seed) {
        return new Mutant(rule, edits, seed);
    }

    /** The refresher as it is, in a class loader of its own: to see that it is not the loading that fails. */
    static Mutant none() {
        return new Mutant("everything in place", List.of(), 1);
    }

    @Override
    public String toString() {
        return rule;
    }

    /** Compiles and loads this mutant. What comes back is closeable. */
    LongFunction<@Nullable String> load(Path directory) throws IOException, ReflectiveOperationException {
        return load(directory, null);
    }

    /** The same, for runs in which all faults are of one kind. */
    LongFunction<@Nullable String> load(Path directory, Plan.@Nullable Kind only)
            throws IOException, ReflectiveOperationException {
        return load(directory, Schedules.class, only == null ? null : only.name());
    }

    /** The same, for runs of another kind: a class with a constructor that takes a text. */
    @SuppressWarnings("unchecked")
    LongFunction<@Nullable String> load(Path directory, Class<?> kind, @Nullable String text)
            throws IOException, ReflectiveOperationException {
        Map<String, String> sources = new LinkedHashMap<>();
        for (Edit edit : edits) {
            String source = sources.containsKey(edit.file)
                    ? sources.get(edit.file)
                    : Files.readString(SOURCES.resolve(edit.file));
            sources.put(edit.file, replaced(source, edit));
        }
        Path classes = Files.createDirectories(directory.resolve("classes"));
        if (!sources.isEmpty()) {
            compile(sources, directory, classes);
        }
        Class<?> runs = new Alone(classes).loadClass(kind.getName());
        return (LongFunction<@Nullable String>)
                runs.getConstructor(String.class).newInstance(text);
    }

    private static String replaced(String source, Edit edit) {
        // The formatter may break lines elsewhere tomorrow.
        String[] words = edit.from.trim().split("\\s+");
        StringBuilder pattern = new StringBuilder();
        for (String word : words) {
            pattern.append(pattern.isEmpty() ? "" : "\\s+").append(java.util.regex.Pattern.quote(word));
        }
        java.util.regex.Matcher found =
                java.util.regex.Pattern.compile(pattern.toString()).matcher(source);
        if (!found.find()) {
            throw new AssertionError(edit.file + " does not contain (any more): " + edit.from);
        }
        int start = found.start();
        int end = found.end();
        if (found.find()) {
            throw new AssertionError(edit.file + " contains more than once: " + edit.from);
        }
        return source.substring(0, start) + edit.to + source.substring(end);
    }

    private static void compile(Map<String, String> sources, Path directory, Path classes) throws IOException {
        List<Path> files = new ArrayList<>();
        for (Map.Entry<String, String> source : sources.entrySet()) {
            files.add(Files.writeString(directory.resolve(source.getKey()), source.getValue()));
        }
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        DiagnosticCollector<JavaFileObject> problems = new DiagnosticCollector<>();
        // Surefire's own class path is a jar with a manifest; the real one is in a property.
        String classPath = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
        try (StandardJavaFileManager manager = compiler.getStandardFileManager(problems, null, null)) {
            boolean compiled = compiler.getTask(
                            null,
                            manager,
                            problems,
                            List.of("-nowarn", "-proc:none", "-classpath", classPath, "-d", classes.toString()),
                            null,
                            manager.getJavaFileObjectsFromPaths(files))
                    .call();
            if (!compiled) {
                throw new AssertionError("The mutant does not compile: " + problems.getDiagnostics());
            }
        }
    }

    /**
     * Loads the package of the refresher afresh, the mutated classes first; everything else comes from where it always
     * does.
     */
    private static final class Alone extends URLClassLoader {
        private static final String PACKAGE = Refresher.class.getPackageName() + ".";

        Alone(Path mutated) throws MalformedURLException {
            super(
                    new URL[] {mutated.toUri().toURL(), placeOf(Refresher.class), placeOf(Schedules.class)},
                    Mutant.class.getClassLoader());
        }

        private static URL placeOf(Class<?> type) {
            return type.getProtectionDomain().getCodeSource().getLocation();
        }

        @Override
        protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
            if (!name.startsWith(PACKAGE)) {
                return super.loadClass(name, resolve);
            }
            synchronized (getClassLoadingLock(name)) {
                Class<?> loaded = findLoadedClass(name);
                return loaded == null ? findClass(name) : loaded;
            }
        }
    }
}
