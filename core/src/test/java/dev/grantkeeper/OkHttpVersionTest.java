/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;

import dev.grantkeeper.provider.Spotify;
import java.io.File;
import java.lang.reflect.InvocationTargetException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Two copies of OkHttp on one class path, as build tools put them there: version 5 is another artifact than 4. */
@Timeout(300)
class OkHttpVersionTest {
    /** OkHttp 4 beside the class path, where the build has put it. */
    private static final Path OLD = Path.of("target/okhttp4/okhttp-4.12.0.jar");

    /** The program on the other class path. Returns the throwable that it met. */
    public static final class Application implements Supplier<@Nullable Throwable> {
        @Override
        public @Nullable Throwable get() {
            try {
                Grantkeeper.builder(Spotify.provider())
                        .clientId("id")
                        .clientSecret("secret")
                        .tokenStore(new MapStore())
                        .allowPlaintextTokens()
                        .build()
                        .close();
                return null;
            } catch (Throwable e) {
                return e;
            }
        }
    }

    /** Discovers a server on the other class path. Returns what was thrown. */
    public static final class Discovering implements Supplier<@Nullable Throwable> {
        @Override
        public @Nullable Throwable get() {
            try {
                Discovery.of("https://127.0.0.1:1").fetch();
                return null;
            } catch (Throwable e) {
                return e;
            }
        }
    }

    /** Runs an application with these jars in front of the class path, or behind it. */
    private static @Nullable Throwable run(Class<?> application, boolean first, boolean withNew) throws Exception {
        assertThat(Files.exists(OLD)).as("%s, which the build puts there", OLD).isTrue();
        List<URL> urls = new ArrayList<>();
        for (String entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
            if (withNew || !entry.contains("okhttp-jvm")) {
                urls.add(Path.of(entry).toUri().toURL());
            }
        }
        urls.add(first ? 0 : urls.size(), OLD.toUri().toURL());
        try (URLClassLoader loader =
                new URLClassLoader(urls.toArray(URL[]::new), ClassLoader.getPlatformClassLoader())) {
            Object there =
                    loader.loadClass(application.getName()).getConstructor().newInstance();
            return (Throwable) Supplier.class.getMethod("get").invoke(there);
        } catch (InvocationTargetException e) {
            return e.getCause();
        }
    }

    @Test
    void an_older_okhttp_in_the_way_is_named_with_what_to_exclude() throws Exception {
        for (Class<?> application : List.of(Application.class, Discovering.class)) {
            for (boolean withNew : new boolean[] {true, false}) {
                Throwable thrown = run(application, true, withNew);
                assertThat(thrown)
                        .as(Arrays.toString(new Object[] {application, withNew}))
                        .isInstanceOf(IllegalStateException.class)
                        .hasMessageContaining("OkHttp 4.12.0")
                        .hasMessageContaining("okhttp-4.12.0.jar")
                        .hasMessageContaining("Exclude com.squareup.okhttp3:okhttp ")
                        .hasMessageContaining("okhttp-jvm");
            }
        }
    }

    @Test
    void one_that_comes_later_does_no_harm() throws Exception {
        assertThat(run(Application.class, false, true)).isNull();
    }
}
