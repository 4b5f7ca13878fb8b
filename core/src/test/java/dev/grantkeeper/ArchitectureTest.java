/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Type;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;

/** What may know what, and what the public may see. Read from the sources and the classes of this module. */
class ArchitectureTest {
    private static final Path SOURCES = Path.of("src/main/java");
    private static final String ROOT = "dev.grantkeeper";
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
    void providers_know_nothing_of_the_rest() {
        assertThat(violations(source -> source.isIn(ROOT + ".provider"), name -> !name.startsWith(ROOT + ".provider.")))
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
                        "call -> refresh",
                        "call -> wire",
                        "login -> log",
                        "login -> openid",
                        "login -> refresh",
                        "login -> row",
                        "login -> server",
                        "login -> wire",
                        "openid -> wire",
                        "refresh -> row",
                        "refresh -> wire",
                        "server -> log",
                        "server -> openid",
                        "server -> refresh",
                        "server -> row",
                        "server -> wire",
                        "wire -> row");
    }

    @Test
    void nimbus_is_named_in_few_files() {
        assertThat(sources().stream()
                        .filter(source -> source.text().contains("com.nimbusds"))
                        .map(Source::toString))
                .containsExactlyInAnyOrder(
                        ROOT + ".internal.wire.AuthorizationEndpoint",
                        ROOT + ".internal.openid.IdTokens",
                        ROOT + ".internal.openid.Profiles",
                        ROOT + ".internal.openid.LogoutTokens",
                        ROOT + ".internal.openid.ProviderKeys",
                        ROOT + ".internal.openid.SignedResponses",
                        ROOT + ".internal.wire.Client",
                        ROOT + ".internal.wire.DPoP",
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
        assertThat(publicTypes().stream().map(type -> type.getName().substring(ROOT.length() + 1)))
                .containsExactlyInAnyOrder(
                        "Account",
                        "Discovery",
                        "DeviceLogin",
                        "Grant",
                        "GrantListener",
                        "GrantListener$Event",
                        "GrantListener$Kind",
                        "Grantkeeper",
                        "Grantkeeper$Builder",
                        "Introspection",
                        "LoginRequest",
                        "LoginRequiredException",
                        "LoginRequiredException$Reason",
                        "LoginResult",
                        "LoginResult$Declined",
                        "LoginResult$Mismatched",
                        "LoginResult$Mismatched$Reason",
                        "LoginResult$SignedIn",
                        "LogoutRequest",
                        "LogoutNotice",
                        "LoopbackReceiver",
                        "OAuthException",
                        "PendingLogin",
                        "TokenExchange",
                        "AuthorizationServerException",
                        "AuthorizationServerException$Kind",
                        "TokenStoreException",
                        "TokenStoreException$Kind",
                        "provider.ClientAuthentication",
                        "provider.Dialect",
                        "provider.Dialect$Builder",
                        "provider.Dialect$Meaning",
                        "provider.EntraId",
                        "provider.EntraId$Cloud",
                        "provider.LoginProtection",
                        "provider.Provider",
                        "provider.Provider$Anchor",
                        "provider.Provider$Builder",
                        "provider.Provider$Loopback",
                        "provider.Provider$Replay",
                        "provider.Provider$ResourceStyle",
                        "provider.Providers",
                        "provider.Providers$AmazonRegion",
                        "provider.Providers$Environment",
                        "provider.Providers$ZohoDataCenter",
                        "provider.SigningKey",
                        "provider.Spotify",
                        "token.AccountKey",
                        "token.Identity",
                        "token.SealingKeys",
                        "token.StoredTokens",
                        "token.TokenSet",
                        "token.TokenSet$Builder",
                        "token.TokenStore");
    }

    /** All types that the public or a subclass can see in a type's members. */
    private static Set<String> signatures(Class<?> type) {
        List<Type> seen = new ArrayList<>(List.of(type.getGenericInterfaces()));
        if (type.getGenericSuperclass() != null) {
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
