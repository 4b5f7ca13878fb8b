/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import javax.lang.model.element.Element;
import javax.lang.model.element.ElementKind;
import javax.lang.model.element.ExecutableElement;
import javax.lang.model.element.Modifier;
import javax.lang.model.element.TypeElement;
import javax.lang.model.element.TypeParameterElement;
import javax.lang.model.element.VariableElement;
import javax.lang.model.type.ArrayType;
import javax.lang.model.type.DeclaredType;
import javax.lang.model.type.TypeKind;
import javax.lang.model.type.TypeMirror;
import javax.lang.model.type.TypeVariable;
import javax.lang.model.type.WildcardType;
import javax.lang.model.util.Elements;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Every signature that an application can see stands in a file, {@code src/test/resources/public-api.txt} of each
 * module: a change of one is a decision, and shows in a review.
 */
class PublicApiTest {
    private static final String REWRITE = "./mvnw -pl core test -Dtest=PublicApiTest -Dgrantkeeper.api.write=true";

    /** The file with a module's public API. */
    static Path file(String module) {
        return SourceModel.ROOT.resolve(module).resolve("src/test/resources/public-api.txt");
    }

    @ParameterizedTest
    @ValueSource(strings = {"core", "store-memory", "store-jdbc"})
    void the_public_api_is_this_and_a_change_is_a_decision(String module) throws IOException {
        List<String> actual = SourceModel.read(SourceModel.mainSources(module), PublicApiTest::lines);
        Path file = file(module);
        if (Boolean.getBoolean("grantkeeper.api.write")) {
            Files.createDirectories(file.getParent());
            Files.writeString(file, String.join("\n", actual) + "\n");
        }
        List<String> written = Files.exists(file) ? Files.readAllLines(file) : List.of();
        assertThat(difference(written, actual))
                .as("""
                        The public API of %s differs from %s. A line with - is gone, which breaks applications that use\
                         it; a line with + is new, and a promise from now on. If both are meant, rewrite the file:
                        %s""", module, SourceModel.ROOT.relativize(file), REWRITE)
                .isEmpty();
    }

    /** The members that one has and the other has not, each below its type. */
    private static List<String> difference(List<String> before, List<String> after) {
        List<String> qualifiedBefore = qualified(before);
        List<String> qualifiedAfter = qualified(after);
        List<String> all = new ArrayList<>();
        qualifiedBefore.stream().filter(line -> !qualifiedAfter.contains(line)).forEach(line -> all.add("- " + line));
        qualifiedAfter.stream().filter(line -> !qualifiedBefore.contains(line)).forEach(line -> all.add("+ " + line));
        if (all.isEmpty() && !before.equals(after)) {
            all.add("the order of the lines");
        }
        return all;
    }

    private static List<String> qualified(List<String> lines) {
        List<String> all = new ArrayList<>();
        String type = "";
        for (String line : lines) {
            if (line.startsWith(" ")) {
                all.add(type + ": " + line.strip());
            } else {
                type = name(line);
                all.add(line);
            }
        }
        return all;
    }

    /** The name of the type that a line of the file declares; the empty text if it declares none. */
    static String name(String line) {
        return line.startsWith(" ")
                ? ""
                : line.replaceFirst("^.*?\\b(?:class|interface|enum|record) ", "")
                        .replaceFirst("[^\\w.].*", "");
    }

    // ---- The lines ------------------------------------------------------------------------------------------------

    private static List<String> lines(SourceModel model) {
        List<String> lines = new ArrayList<>();
        for (TypeElement type : model.visibleTypes()) {
            String packageName =
                    model.elements().getPackageOf(type).getQualifiedName().toString();
            if (!packageName.matches("dev\\.grantkeeper\\.internal(\\..*)?")) {
                lines.add(declaration(type));
                members(type, model.elements()).stream()
                        .filter(SourceModel::isVisible)
                        .filter(member -> !isOfEveryEnum(member))
                        .sorted(Comparator.comparing(PublicApiTest::group)
                                .thenComparing(member -> member.getSimpleName().toString())
                                .thenComparing(PublicApiTest::member))
                        .forEach(member -> lines.add("    " + member(member)));
            }
        }
        return lines;
    }

    /** Fields, constructors and methods that the type declares, or inherits from a type that nobody else can see. */
    private static List<Element> members(TypeElement type, Elements elements) {
        List<Element> members = new ArrayList<>();
        for (Element member : elements.getAllMembers(type)) {
            boolean constructorOfAnother = member.getKind() == ElementKind.CONSTRUCTOR
                    && !member.getEnclosingElement().equals(type);
            boolean isType = member.getKind().isClass() || member.getKind().isInterface();
            if (!isType && !constructorOfAnother) {
                Element owner = member.getEnclosingElement();
                if (owner.equals(type) || !SourceModel.isVisible(owner)) {
                    members.add(member);
                }
            }
        }
        return members;
    }

    /** {@code values()} and {@code valueOf(String)}, which every enum has. */
    private static boolean isOfEveryEnum(Element member) {
        return member.getEnclosingElement().getKind() == ElementKind.ENUM
                && (member.toString().equals("values()") || member.toString().equals("valueOf(java.lang.String)"));
    }

    private static int group(Element member) {
        return switch (member.getKind()) {
            case ENUM_CONSTANT -> 0;
            case FIELD -> 1;
            case RECORD_COMPONENT -> 2;
            case CONSTRUCTOR -> 3;
            default -> 4;
        };
    }

    private static String declaration(TypeElement type) {
        String kind = switch (type.getKind()) {
            case INTERFACE -> "interface";
            case ENUM -> "enum";
            case RECORD -> "record";
            case ANNOTATION_TYPE -> "@interface";
            default -> "class";
        };
        StringBuilder line =
                new StringBuilder(modifiers(type)).append(kind).append(' ').append(type.getQualifiedName());
        line.append(typeParameters(type.getTypeParameters()));
        boolean extendsSomething = type.getSuperclass().getKind() != TypeKind.NONE
                && type.getKind() == ElementKind.CLASS
                && !type(type.getSuperclass()).equals("Object");
        if (extendsSomething) {
            line.append(" extends ").append(type(type.getSuperclass()));
        }
        line.append(list(type.getKind().isInterface() ? " extends " : " implements ", type.getInterfaces()));
        return line.append(list(" permits ", type.getPermittedSubclasses())).toString();
    }

    private static String member(Element member) {
        if (member instanceof ExecutableElement method) {
            String parameters = typeParameters(method.getTypeParameters());
            String name = method.getKind() == ElementKind.CONSTRUCTOR
                    ? method.getEnclosingElement().getSimpleName().toString()
                    : type(method.getReturnType()) + " " + method.getSimpleName();
            return modifiers(method) + (parameters.isEmpty() ? "" : parameters + " ") + name + "(" + parameters(method)
                    + ")" + list(" throws ", method.getThrownTypes());
        }
        if (member.getKind() == ElementKind.ENUM_CONSTANT) {
            return member.getSimpleName().toString();
        }
        // A constant is copied into the code that uses it, so its value is part of its signature.
        Object value = member instanceof VariableElement field ? field.getConstantValue() : null;
        return modifiers(member) + type(member.asType()) + " " + member.getSimpleName()
                + (value == null ? "" : " = " + (value instanceof String text ? "\"" + text + "\"" : value));
    }

    private static String parameters(ExecutableElement method) {
        String all = method.getParameters().stream()
                .map(parameter -> type(parameter.asType()))
                .collect(Collectors.joining(", "));
        return method.isVarArgs() ? all.replaceFirst(" ?\\[]$", "...") : all;
    }

    private static String modifiers(Element element) {
        boolean isInterface = element.getKind().isInterface();
        boolean isEnum = element.getKind() == ElementKind.ENUM;
        String deprecated = element.getAnnotation(Deprecated.class) == null ? "" : "@Deprecated ";
        return deprecated
                + element.getModifiers().stream()
                        .filter(modifier -> !(isInterface && modifier == Modifier.ABSTRACT))
                        .filter(modifier -> !(isEnum && modifier == Modifier.FINAL))
                        .filter(modifier -> modifier != Modifier.SYNCHRONIZED && modifier != Modifier.TRANSIENT)
                        .sorted()
                        .map(modifier -> modifier + " ")
                        .collect(Collectors.joining());
    }

    private static String typeParameters(List<? extends TypeParameterElement> parameters) {
        return parameters.isEmpty()
                ? ""
                : parameters.stream()
                        .map(parameter -> {
                            List<String> bounds = parameter.getBounds().stream()
                                    .map(PublicApiTest::type)
                                    .filter(bound -> !bound.equals("Object"))
                                    .toList();
                            return parameter.getSimpleName()
                                    + (bounds.isEmpty() ? "" : " extends " + String.join(" & ", bounds));
                        })
                        .collect(Collectors.joining(", ", "<", ">"));
    }

    private static String list(String prefix, List<? extends TypeMirror> types) {
        return types.isEmpty()
                ? ""
                : types.stream().map(PublicApiTest::type).sorted().collect(Collectors.joining(", ", prefix, ""));
    }

    /** A type as text: {@code toString} differs between versions of the JDK where there are annotations. */
    private static String type(TypeMirror type) {
        String nullable = type.getAnnotationMirrors().stream()
                        .anyMatch(one -> one.getAnnotationType()
                                .asElement()
                                .getSimpleName()
                                .contentEquals("Nullable"))
                ? "@Nullable "
                : "";
        if (type instanceof ArrayType array) {
            return type(array.getComponentType()) + (nullable.isEmpty() ? "" : " @Nullable ") + "[]";
        }
        if (type instanceof DeclaredType declared) {
            String name =
                    ((TypeElement) declared.asElement()).getQualifiedName().toString();
            return nullable
                    + name.replaceFirst("^java\\.lang\\.(?=[A-Z])", "")
                    + (declared.getTypeArguments().isEmpty()
                            ? ""
                            : declared.getTypeArguments().stream()
                                    .map(PublicApiTest::type)
                                    .collect(Collectors.joining(", ", "<", ">")));
        }
        if (type instanceof WildcardType wildcard) {
            if (wildcard.getExtendsBound() != null) {
                return "? extends " + type(wildcard.getExtendsBound());
            }
            return wildcard.getSuperBound() == null ? "?" : "? super " + type(wildcard.getSuperBound());
        }
        if (type instanceof TypeVariable variable) {
            return nullable + variable.asElement().getSimpleName();
        }
        return nullable + type.getKind().toString().toLowerCase(Locale.ROOT);
    }
}
