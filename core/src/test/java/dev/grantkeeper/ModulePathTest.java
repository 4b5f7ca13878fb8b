/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.jar.Attributes;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An application that is a module can require the library, which is an automatic one. */
class ModulePathTest {
    /** What the library needs at run time, and what that needs. */
    private static final Pattern DEPENDENCY =
            Pattern.compile("(oauth2-oidc-sdk|nimbus-jose-jwt|content-type|lang-tag|json-smart|accessors-smart|asm"
                    + "|jcip-annotations|jackson-(core|databind|annotations)|slf4j-api|jspecify|okhttp-jvm|okio-jvm"
                    + "|kotlin-stdlib|annotations)-[0-9].*\\.jar");

    private static final Pattern NAME = Pattern.compile("<module\\.name>(.*)</module\\.name>");

    private static final String MODULE = """
            module app {
                requires dev.grantkeeper;
                requires jdk.httpserver; // for LoopbackReceiver
            }
            """;

    private static final String MAIN = """
            package app;

            import dev.grantkeeper.Grantkeeper;
            import dev.grantkeeper.LoopbackReceiver;
            import dev.grantkeeper.provider.Providers;
            import dev.grantkeeper.token.TokenStore;

            public class Main {
                public static void main(String[] arguments) throws Exception {
                    TokenStore store = (TokenStore) java.lang.reflect.Proxy.newProxyInstance(
                            Main.class.getClassLoader(), new Class<?>[] {TokenStore.class}, (a, b, c) -> null);
                    try (Grantkeeper client = Grantkeeper.builder(Providers.gitHub())
                            .clientId("an-id").clientSecret("a-secret").redirectUri("http://127.0.0.1/callback")
                            .tokenStore(store).allowPlaintextTokens().dpop().build();
                            LoopbackReceiver receiver = LoopbackReceiver.open(client)) {
                        System.out.println(client.startLogin().url());
                        System.out.println(Grantkeeper.class.getModule());
                    }
                }
            }
            """;

    @TempDir
    Path directory;

    @Test
    void an_application_with_a_module_info_requires_the_library_and_starts_a_login() throws Exception {
        List<Path> dependencies = Arrays.stream(
                        System.getProperty("java.class.path").split(File.pathSeparator))
                .map(Path::of)
                .filter(path ->
                        DEPENDENCY.matcher(path.getFileName().toString()).matches())
                .toList();
        assertThat(dependencies).hasSizeGreaterThan(10);
        String path = Stream.concat(Stream.of(library()), dependencies.stream())
                .map(Path::toString)
                .collect(Collectors.joining(File.pathSeparator));

        Path sources = directory.resolve("src");
        Path module = Files.writeString(Files.createDirectories(sources).resolve("module-info.java"), MODULE);
        Path main = Files.writeString(
                Files.createDirectories(sources.resolve("app")).resolve("Main.java"), MAIN);
        Path classes = directory.resolve("classes");
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        int failures = compiler.run(
                null,
                null,
                null,
                "-proc:none",
                "-p",
                path,
                "-d",
                classes.toString(),
                module.toString(),
                main.toString());
        assertThat(failures).isZero();

        // an automatic module requires nothing, so that modules with a module-info are found only if all are resolved
        Process java = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:TieredStopAtLevel=1",
                        "-p",
                        classes + File.pathSeparator + path,
                        "--add-modules",
                        "ALL-MODULE-PATH",
                        "-m",
                        "app/app.Main")
                .redirectErrorStream(true)
                .start();
        String printed = new String(java.getInputStream().readAllBytes(), UTF_8);
        assertThat(java.waitFor()).as(printed).isZero();
        assertThat(printed).contains("https://github.com/login/oauth/authorize?", "module dev.grantkeeper");
    }

    /** The classes of this build, with the name that the POM gives them. */
    private Path library() throws IOException {
        Matcher name = NAME.matcher(Files.readString(Path.of("pom.xml")));
        assertThat(name.find()).isTrue();
        Manifest manifest = new Manifest();
        manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
        manifest.getMainAttributes().putValue("Automatic-Module-Name", name.group(1));
        Path classes = Path.of(Grantkeeper.class
                .getProtectionDomain()
                .getCodeSource()
                .getLocation()
                .getPath());
        Path jar = directory.resolve("grantkeeper-core.jar");
        try (OutputStream out = Files.newOutputStream(jar);
                JarOutputStream entries = new JarOutputStream(out, manifest);
                Stream<Path> files = Files.walk(classes)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                if (file.endsWith("META-INF/MANIFEST.MF")) continue;
                entries.putNextEntry(
                        new ZipEntry(classes.relativize(file).toString().replace(File.separatorChar, '/')));
                Files.copy(file, entries);
            }
        }
        return jar;
    }
}
