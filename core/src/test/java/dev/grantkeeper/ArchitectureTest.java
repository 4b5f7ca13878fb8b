/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;

import dev.grantkeeper.internal.provider.AbstractProvider;
import dev.grantkeeper.provider.Provider;
import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.Member;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Type;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;

/**
 * The dependencies that are allowed, and the types that the public may see. Read from the sources and the classes of
 * this module.
 */
class ArchitectureTest {
    private static final Path SOURCES = Path.of("src/main/java");
    private static final String ROOT = "dev.grantkeeper";
    // What is known of a provider: below everything, package provider included.
    private static final String FACTS = ROOT + ".internal.provider";
    // Names of our own, imported or spelled out; Javadoc included, since a link is knowledge as well.
    private static final Pattern OURS = Pattern.compile("\\bdev\\.grantkeeper\\.[\\w.]*\\w");

    private record Source(String packageName, String name, String text) {
        boolean isIn(String prefix) {
            return packageName.equals(prefix) || packageName.startsWith(prefix + ".");
        }

        @Override
        public String toString() {
            return packageName + "." + name;
        }
    }

    private static List<Source> sources() {
        try (Stream<Path> files = Files.walk(SOURCES)) {
            List<Source> all = new ArrayList<>();
            for (Path file :
                    files.filter(file -> file.toString().endsWith(".java")).toList()) {
                String folder = SOURCES.relativize(file.getParent()).toString();
                all.add(new Source(
                        folder.replace('/', '.').replace('\\', '.'),
                        file.getFileName().toString().replace(".java", ""),
                        Files.readString(file)));
            }
            assertThat(all).hasSizeGreaterThan(40);
            return all;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Names outside its own package that a source mentions, its package declaration aside. */
    private static Set<String> mentioned(Source source) {
        Set<String> names = new TreeSet<>();
        Matcher matcher = OURS.matcher(source.text().replaceAll("(?m)^package .*;$", ""));
        while (matcher.find()) {
            names.add(matcher.group());
        }
        return names;
    }

    private static List<String> violations(Predicate<Source> of, Predicate<String> forbidden) {
        List<String> found = new ArrayList<>();
        sources().stream()
                .filter(of)
                .forEach(source -> mentioned(source).stream()
                        .filter(forbidden)
                        .forEach(name -> found.add(source + " knows " + name)));
        return found;
    }

    private static boolean isOfRoot(String name) {
        return name.matches("dev\\.grantkeeper\\.[A-Z].*");
    }

    @Test
    void tokens_know_nothing_of_the_rest() {
        assertThat(violations(source -> source.isIn(ROOT + ".token"), name -> !name.startsWith(ROOT + ".token.")))
                .isEmpty();
    }

    @Test
    void providers_know_nothing_of_the_rest_but_the_facts_that_they_hold() {
        assertThat(violations(
                        source -> source.isIn(ROOT + ".provider"),
                        name -> !name.startsWith(ROOT + ".provider.")
                                && !name.startsWith(FACTS + ".")
                                && !name.startsWith(ROOT + ".internal.json.")))
                .isEmpty();
        assertThat(violations(source -> source.isIn(FACTS), name -> !name.startsWith(FACTS + ".")))
                .isEmpty();
    }

    @Test
    void the_machinery_knows_nothing_of_the_facade() {
        // The name of a logger is text: applications have it in their configuration.
        assertThat(violations(source -> source.isIn(ROOT + ".internal"), ArchitectureTest::isOfRoot))
                .containsExactly(ROOT + ".internal.log.Log knows " + ROOT + ".Grantkeeper");
    }

    @Test
    void dependencies_between_the_mechanisms_point_one_way() {
        Set<String> arrows = new TreeSet<>();
        for (Source source : sources()) {
            if (source.isIn(ROOT + ".internal")) {
                for (String name : mentioned(source)) {
                    Matcher target = Pattern.compile("dev\\.grantkeeper\\.internal\\.(\\w+)\\..*")
                            .matcher(name);
                    String from = source.packageName().replace(ROOT + ".internal.", "");
                    if (target.matches() && !target.group(1).equals(from)) {
                        arrows.add(from + " -> " + target.group(1));
                    }
                }
            }
        }
        assertThat(arrows)
                .containsExactlyInAnyOrder(
                        "answer -> provider",
                        "api -> answer",
                        "api -> call",
                        "api -> log",
                        "api -> protocol",
                        "api -> provider",
                        "api -> refresh",
                        "api -> row",
                        "api -> server",
                        "api -> wire",
                        "call -> answer",
                        "call -> protocol",
                        "call -> provider",
                        "call -> refresh",
                        "call -> wire",
                        "login -> answer",
                        "login -> log",
                        "login -> openid",
                        "login -> protocol",
                        "login -> provider",
                        "login -> refresh",
                        "login -> row",
                        "login -> server",
                        "login -> wire",
                        "openid -> answer",
                        "openid -> provider",
                        "openid -> wire",
                        "refresh -> answer",
                        "refresh -> protocol",
                        "refresh -> row",
                        "row -> json",
                        "row -> protocol",
                        "server -> answer",
                        "server -> log",
                        "server -> openid",
                        "server -> protocol",
                        "server -> provider",
                        "server -> refresh",
                        "server -> row",
                        "server -> wire",
                        "wire -> answer",
                        "wire -> protocol",
                        "wire -> provider");
    }

    @Test
    void nimbus_is_named_in_few_files() {
        assertThat(sources().stream()
                        .filter(source -> source.text().contains("com.nimbusds"))
                        .map(Source::toString))
                .containsExactlyInAnyOrder(
                        ROOT + ".internal.wire.AuthorizationEndpoint",
                        ROOT + ".internal.openid.ClaimSources",
                        ROOT + ".internal.openid.Jwe",
                        ROOT + ".internal.openid.EncryptedRequests",
                        ROOT + ".internal.openid.IdTokens",
                        ROOT + ".internal.openid.LogoutTokens",
                        ROOT + ".internal.openid.ProviderKeys",
                        ROOT + ".internal.openid.SignedIntrospections",
                        ROOT + ".internal.openid.SignedMetadata",
                        ROOT + ".internal.openid.SignedResponses",
                        ROOT + ".internal.wire.Client",
                        ROOT + ".internal.wire.Proofs",
                        ROOT + ".internal.wire.JwtSigner");
    }

    @Test
    void every_package_is_null_marked() throws Exception {
        Set<String> packages = new TreeSet<>();
        sources().forEach(source -> packages.add(source.packageName()));
        assertThat(packages).hasSizeGreaterThanOrEqualTo(7);
        for (String name : packages) {
            assertThat(Class.forName(name + ".package-info").isAnnotationPresent(NullMarked.class))
                    .as(name)
                    .isTrue();
        }
    }

    @Test
    void every_source_says_under_which_license_it_is() {
        assertThat(sources())
                .allSatisfy(
                        source -> assertThat(source.text()).startsWith("/* SPDX-License-Identifier: Apache-2.0 */"));
    }

    // ---- Cycles ---------------------------------------------------------------------------------------------------

    /**
     * Sealed types whose cases have files of their own. The language makes such a type name its cases, and they extend
     * it: that cycle cannot be avoided, and any other through these classes still counts.
     */
    private static final Set<Class<?>> SEALED = Set.of(OAuthException.class, DecoupledLogin.class);

    /**
     * A class as a class file names it, in a type, a descriptor or a generic signature; without what it is nested in.
     */
    private static final Pattern IN_CLASS_FILE = Pattern.compile("dev/grantkeeper/[\\w/]*\\w");

    /** The texts of a class file's constant pool (Java Virtual Machine Specification section 4.4). */
    private static List<String> texts(Path classFile) throws IOException {
        List<String> texts = new ArrayList<>();
        try (DataInputStream in = new DataInputStream(new BufferedInputStream(Files.newInputStream(classFile)))) {
            in.skipNBytes(8); // magic and version
            int count = in.readUnsignedShort();
            for (int i = 1; i < count; i++) {
                int tag = in.readUnsignedByte();
                switch (tag) {
                    case 1 -> texts.add(in.readUTF());
                    case 3, 4, 9, 10, 11, 12, 17, 18 -> in.skipNBytes(4);
                    case 5, 6 -> { // long and double take two places
                        in.skipNBytes(8);
                        i++;
                    }
                    case 7, 8, 16, 19, 20 -> in.skipNBytes(2);
                    case 15 -> in.skipNBytes(3);
                    default -> throw new IOException(classFile + " has a constant with the unknown tag " + tag);
                }
            }
        }
        return texts;
    }

    /** Which top-level class mentions which: nested classes count as the file that they are in. */
    private static Map<String, Set<String>> arrows() throws Exception {
        Path classes = Path.of(OAuthException.class
                .getProtectionDomain()
                .getCodeSource()
                .getLocation()
                .toURI());
        Map<String, Set<String>> arrows = new TreeMap<>();
        try (Stream<Path> files = Files.walk(classes)) {
            for (Path file :
                    files.filter(file -> file.toString().endsWith(".class")).toList()) {
                String name = classes.relativize(file).toString().replaceAll("(\\$.*)?\\.class$", "");
                Set<String> mentioned = arrows.computeIfAbsent(name.replaceAll("[/\\\\]", "."), any -> new TreeSet<>());
                for (String text : texts(file)) {
                    IN_CLASS_FILE
                            .matcher(text)
                            .results()
                            .forEach(found -> mentioned.add(found.group().replace('/', '.')));
                }
            }
        }
        arrows.forEach((from, to) -> {
            to.remove(from);
            to.retainAll(arrows.keySet()); // packages and resources look the same
        });
        for (Class<?> type : SEALED) {
            for (Class<?> itsCase : type.getPermittedSubclasses()) {
                assertThat(arrows.get(type.getName()).remove(itsCase.getName()))
                        .as("%s names %s", type, itsCase)
                        .isTrue();
            }
        }
        return arrows;
    }

    /** The shortest way from a class back to itself; empty if there is none. */
    private static List<String> wayBack(String start, Map<String, Set<String>> arrows) {
        Map<String, String> cameFrom = new LinkedHashMap<>();
        Deque<String> next = new ArrayDeque<>(List.of(start));
        while (!next.isEmpty()) {
            String from = next.remove();
            for (String to : arrows.get(from)) {
                if (to.equals(start)) {
                    List<String> way = new ArrayList<>(List.of(start));
                    for (String at = from; !at.equals(start); at = cameFrom.get(at)) {
                        way.add(1, at);
                    }
                    way.add(start);
                    return way;
                }
                if (cameFrom.putIfAbsent(to, from) == null) {
                    next.add(to);
                }
            }
        }
        return List.of();
    }

    /**
     * The shortest cycle of each class that is in one, in the order of their names. A class counts once: after it is
     * reported, its arrows are taken away.
     */
    private static List<String> cycles(Map<String, Set<String>> arrows) {
        List<String> cycles = new ArrayList<>();
        Map<String, Set<String>> left = new TreeMap<>();
        arrows.forEach((from, to) -> left.put(from, new TreeSet<>(to)));
        for (String name : arrows.keySet()) {
            List<String> way = wayBack(name, left);
            if (!way.isEmpty()) {
                cycles.add(String.join(" -> ", way));
                left.get(name).clear();
            }
        }
        return cycles;
    }

    @Test
    void no_two_classes_need_each_other() throws Exception {
        Map<String, Set<String>> arrows = arrows();
        assertThat(arrows).hasSizeGreaterThan(80);
        assertThat(arrows.get(ROOT + ".Grantkeeper")).contains(ROOT + ".Machinery", ROOT + ".provider.Provider");
        assertThat(cycles(arrows))
                .as("Cycles between classes. Cut each at its weakest arrow: hand over the value in place of its owner,"
                        + " move what both need into a class of its own, or let one of them see only an interface"
                        + " that the other implements, as Registration is")
                .isEmpty();
    }

    @Test
    void cycles_are_found_and_named() {
        Map<String, Set<String>> arrows =
                Map.of("A", Set.of("B", "E"), "B", Set.of("C"), "C", Set.of("A", "D"), "D", Set.of("C"), "E", Set.of());
        assertThat(cycles(new TreeMap<>(arrows))).containsExactly("A -> B -> C -> A", "C -> D -> C");
    }

    @Test
    void the_face_is_no_longer_than_it_has_to_be() throws IOException {
        try (Stream<String> lines = Files.lines(SOURCES.resolve("dev/grantkeeper/Grantkeeper.java"))) {
            long code = lines.map(String::strip)
                    .filter(line -> !line.isEmpty() && !line.startsWith("*") && !line.startsWith("/"))
                    .count();
            assertThat(code)
                    .as("lines of code in Grantkeeper.java. It is a face: Javadoc, and methods that hand on. What"
                            + " settings mean is in Settings, how the parts are wired in Machinery, what happens in a"
                            + " login in the flows: put new code there")
                    .isLessThanOrEqualTo(300);
        }
    }

    // ---- What the public sees -------------------------------------------------------------------------------------

    private static Set<Class<?>> publicTypes() throws ClassNotFoundException {
        Set<Class<?>> types = new TreeSet<>((a, b) -> a.getName().compareTo(b.getName()));
        for (Source source : sources()) {
            if (!source.isIn(ROOT + ".internal") && !source.name().equals("package-info")) {
                collect(Class.forName(source.toString()), types);
            }
        }
        return types;
    }

    private static void collect(Class<?> type, Set<Class<?>> types) {
        boolean seen = Modifier.isPublic(type.getModifiers()) || Modifier.isProtected(type.getModifiers());
        if (seen && types.add(type)) {
            for (Class<?> inner : type.getDeclaredClasses()) {
                collect(inner, types);
            }
        }
    }

    private static boolean isSeen(int modifiers) {
        return Modifier.isPublic(modifiers) || Modifier.isProtected(modifiers);
    }

    @Test
    void the_public_types_are_these_and_another_one_is_a_decision() throws Exception {
        List<String> decided = Files.readAllLines(PublicApiTest.file("core")).stream()
                .map(PublicApiTest::name)
                .filter(name -> !name.isEmpty())
                .toList();
        assertThat(publicTypes().stream().map(Class::getCanonicalName)).containsExactlyInAnyOrderElementsOf(decided);
    }

    /**
     * All types that the public or a subclass can see in a type's members, and its supertypes: all but the superclass
     * of a provider, see {@link #the_superclass_of_a_provider_shows_nothing()}.
     */
    private static Set<String> signatures(Class<?> type) {
        List<Type> seen = new ArrayList<>(List.of(type.getGenericInterfaces()));
        if (type.getGenericSuperclass() != null && type.getSuperclass() != AbstractProvider.class) {
            seen.add(type.getGenericSuperclass());
        }
        for (Method method : type.getDeclaredMethods()) {
            if (isSeen(method.getModifiers()) && !method.isSynthetic()) {
                seen.add(method.getGenericReturnType());
                seen.addAll(List.of(method.getGenericParameterTypes()));
                seen.addAll(List.of(method.getGenericExceptionTypes()));
            }
        }
        for (Constructor<?> constructor : type.getDeclaredConstructors()) {
            if (isSeen(constructor.getModifiers()) && !constructor.isSynthetic()) {
                seen.addAll(List.of(constructor.getGenericParameterTypes()));
            }
        }
        for (Field field : type.getDeclaredFields()) {
            if (isSeen(field.getModifiers())) {
                seen.add(field.getGenericType());
            }
        }
        Set<String> names = new TreeSet<>();
        seen.forEach(one -> names.add(one.getTypeName()));
        return names;
    }

    @Test
    void signatures_show_no_library_but_okhttp_and_nothing_internal() throws Exception {
        for (Class<?> type : publicTypes()) {
            assertThat(signatures(type))
                    .as(type.getName())
                    .noneMatch(name -> name.contains("com.nimbusds")
                            || name.contains("com.fasterxml")
                            || name.contains("org.slf4j")
                            || name.contains(ROOT + ".internal"));
        }
    }

    @Test
    void the_superclass_of_a_provider_shows_nothing() throws Exception {
        assertThat(publicTypes())
                .filteredOn(type -> type.getSuperclass() == AbstractProvider.class)
                .containsExactly(Provider.class);
        assertThat(AbstractProvider.class.getSuperclass()).isEqualTo(Object.class);
        assertThat(AbstractProvider.class.getInterfaces()).isEmpty();
        // Its constructor is protected, and Provider is final.
        assertThat(List.<Member[]>of(
                        AbstractProvider.class.getDeclaredMethods(), AbstractProvider.class.getDeclaredFields()))
                .flatMap(List::of)
                .noneMatch(member -> isSeen(member.getModifiers()));
    }

    @Test
    void tokens_and_providers_show_only_the_jdk_and_themselves() throws Exception {
        for (Class<?> type : publicTypes()) {
            if (!type.getPackageName().equals(ROOT)) {
                assertThat(signatures(type))
                        .as(type.getName())
                        .allMatch(name -> !name.contains(".")
                                || Stream.of(name.split("[<>,\\[\\] ?]+"))
                                        .filter(part -> part.contains("."))
                                        .allMatch(part -> part.startsWith("java.")
                                                || part.startsWith("javax.crypto.")
                                                || part.startsWith(type.getPackageName() + ".")));
            }
        }
    }

    @Test
    void whatever_leaves_the_interceptor_is_an_io_exception() {
        assertThat(OAuthException.class).isAssignableTo(IOException.class);
        assertThat(OAuthException.class.isSealed()).isTrue();
        assertThat(LoginResult.class.isSealed()).isTrue();
    }

    @Test
    void public_classes_are_final_or_sealed_or_interfaces() throws Exception {
        assertThat(publicTypes())
                .allSatisfy(type -> assertThat(Modifier.isFinal(type.getModifiers())
                                || type.isSealed()
                                || type.isInterface()
                                || type.isEnum())
                        .as(type.getName())
                        .isTrue());
    }
}
