/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import com.sun.source.util.TreePath;
import com.sun.source.util.Trees;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;
import javax.annotation.processing.AbstractProcessor;
import javax.annotation.processing.ProcessingEnvironment;
import javax.annotation.processing.RoundEnvironment;
import javax.lang.model.SourceVersion;
import javax.lang.model.element.Element;
import javax.lang.model.element.Modifier;
import javax.lang.model.element.TypeElement;
import javax.lang.model.util.ElementFilter;
import javax.lang.model.util.Elements;
import javax.tools.Diagnostic;
import javax.tools.DiagnosticCollector;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;

/**
 * The types of this project's sources, as the compiler sees them: with Javadoc, generics and {@code @Nullable}. It
 * reads sources, not classes, so this module's tests can look at the stores, which are built after it.
 */
final class SourceModel {
    /** The folder with all modules. */
    static final Path ROOT = Path.of("..");

    private final ProcessingEnvironment compiler;
    private final List<TypeElement> topLevelTypes;

    private SourceModel(ProcessingEnvironment compiler, List<TypeElement> topLevelTypes) {
        this.compiler = compiler;
        this.topLevelTypes = topLevelTypes;
    }

    /** The files below a folder that are wanted, in the order of their names; not what builds and Git keep there. */
    static List<Path> files(Path folder, Predicate<Path> wanted) {
        List<Path> files = new ArrayList<>();
        try {
            Files.walkFileTree(folder, new SimpleFileVisitor<>() {
                @Override
                public FileVisitResult preVisitDirectory(Path directory, BasicFileAttributes attributes) {
                    // Others write there while this test runs.
                    return directory.endsWith("target") || directory.endsWith(".git")
                            ? FileVisitResult.SKIP_SUBTREE
                            : FileVisitResult.CONTINUE;
                }

                @Override
                public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
                    if (wanted.test(file)) {
                        files.add(file);
                    }
                    return FileVisitResult.CONTINUE;
                }
            });
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        Collections.sort(files);
        return files;
    }

    /** The sources of a module, without its tests. */
    static List<Path> mainSources(String module) {
        return files(ROOT.resolve(module).resolve("src/main/java"), SourceModel::isJava);
    }

    /** The sources of the published test kit. */
    static List<Path> testKitSources() {
        return files(
                ROOT.resolve("core/src/test/java/dev/grantkeeper/testkit"),
                file -> isJava(file) && !file.toString().endsWith("Test.java"));
    }

    static boolean isJava(Path file) {
        return file.toString().endsWith(".java");
    }

    /** Reads sources. The model is good for the length of the call. */
    static <T> T read(List<Path> sources, Function<SourceModel, T> reader) {
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        DiagnosticCollector<JavaFileObject> messages = new DiagnosticCollector<>();
        List<T> result = new ArrayList<>();
        try (StandardJavaFileManager files = compiler.getStandardFileManager(messages, null, StandardCharsets.UTF_8)) {
            JavaCompiler.CompilationTask task = compiler.getTask(
                    new StringWriter(),
                    files,
                    messages,
                    List.of("-proc:only", "--release", "17", "-classpath", System.getProperty("java.class.path")),
                    null,
                    files.getJavaFileObjectsFromPaths(sources));
            task.setProcessors(List.of(new AbstractProcessor() {
                @Override
                public Set<String> getSupportedAnnotationTypes() {
                    return Set.of("*");
                }

                @Override
                public SourceVersion getSupportedSourceVersion() {
                    return SourceVersion.latest();
                }

                @Override
                public boolean process(Set<? extends TypeElement> annotations, RoundEnvironment round) {
                    if (!round.processingOver()) {
                        List<TypeElement> types = ElementFilter.typesIn(round.getRootElements()).stream()
                                .sorted((a, b) -> a.getQualifiedName()
                                        .toString()
                                        .compareTo(b.getQualifiedName().toString()))
                                .toList();
                        result.add(reader.apply(new SourceModel(processingEnv, types)));
                    }
                    return false;
                }
            }));
            task.call();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        List<String> errors = messages.getDiagnostics().stream()
                .filter(message -> message.getKind() == Diagnostic.Kind.ERROR)
                .map(Object::toString)
                .toList();
        if (!errors.isEmpty() || result.size() != 1) {
            throw new AssertionError("The sources cannot be read: " + errors);
        }
        return result.get(0);
    }

    Elements elements() {
        return compiler.getElementUtils();
    }

    /** All types that code outside of their package can name, nested ones after the one that they are in. */
    List<TypeElement> visibleTypes() {
        List<TypeElement> types = new ArrayList<>();
        topLevelTypes.forEach(type -> collect(type, types));
        return types;
    }

    private static void collect(TypeElement type, List<TypeElement> types) {
        if (isVisible(type)) {
            types.add(type);
            ElementFilter.typesIn(type.getEnclosedElements()).stream()
                    .sorted((a, b) -> a.getSimpleName()
                            .toString()
                            .compareTo(b.getSimpleName().toString()))
                    .forEach(nested -> collect(nested, types));
        }
    }

    static boolean isVisible(Element element) {
        return element.getModifiers().contains(Modifier.PUBLIC)
                || element.getModifiers().contains(Modifier.PROTECTED);
    }

    /** File and line of a declaration. */
    String place(Element element) {
        Trees trees = Trees.instance(compiler);
        TreePath path = trees.getPath(element);
        long start = trees.getSourcePositions().getStartPosition(path.getCompilationUnit(), path.getLeaf());
        Path file = Path.of(path.getCompilationUnit().getSourceFile().toUri());
        return ROOT.toAbsolutePath().normalize().relativize(file) + ":"
                + path.getCompilationUnit().getLineMap().getLineNumber(start);
    }
}
