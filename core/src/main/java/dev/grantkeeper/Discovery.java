/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.internal.answer.ServerText;
import dev.grantkeeper.internal.log.Log;
import dev.grantkeeper.internal.openid.SignedMetadata;
import dev.grantkeeper.internal.server.EndpointHosts;
import dev.grantkeeper.internal.server.MetadataDocuments;
import dev.grantkeeper.internal.wire.DPoP;
import dev.grantkeeper.internal.wire.Http;
import dev.grantkeeper.provider.Provider;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.time.InstantSource;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Set;
import java.util.function.Consumer;
import okhttp3.Dns;
import okhttp3.OkHttpClient;
import org.jspecify.annotations.Nullable;

/**
 * Discovers a {@link Provider} from a server's metadata (OpenID Connect Discovery 1.0, RFC 8414).
 *
 * <pre>{@code
 * var acme = Grantkeeper.builder(Discovery.of("https://login.acme.example")
 *         .customize(provider -> provider.apiOrigins("https://api.acme.example")))
 *     .clientId("…")
 * }</pre>
 *
 * <p>In this form the metadata is fetched the first time a request needs them: the application starts, and uses the
 * tokens that it has, while the server is down. {@link #fetch()} fetches them at once, for applications that look at
 * the provider or stop at start-up if there is none.
 *
 * <p>Either way they are fetched until there are some, from the server or from {@link #cacheFile}. The provider that
 * results never changes, so a running application, and a login under way, keep to the endpoints that they started with.
 * No server decides which APIs access tokens are sent to: set them in {@link #customize}.
 *
 * <p>The issuer comes from the application's configuration, never from a request. The metadata has to name the same
 * issuer, letter by letter, and only {@code https} endpoints. These may be on other hosts than the issuer, as Google's
 * are; {@link #allowedHosts} restricts that. An issuer on the Internet cannot name hosts inside the application's own
 * network. Redirects are not followed.
 *
 * <p>An application that has to refresh tokens before it has ever reached the server can use a preset,
 * {@link Provider.Builder#metadata} with a document of its own, or {@link #cacheFile}. Not thread-safe.
 */
public final class Discovery {
    private static final Duration TIMEOUT = Duration.ofSeconds(10);

    private final String issuer;
    private @Nullable String name;
    private @Nullable OkHttpClient httpClient;
    private @Nullable Set<String> hosts;
    private @Nullable Path cacheFile;
    private @Nullable SignedMetadata signedMetadata;
    private boolean httpOnLoopback;
    private Consumer<Provider.Builder> customization = provider -> {};

    private Discovery(String issuer) {
        this.issuer = issuer;
    }

    private Discovery(Discovery other) {
        this.issuer = other.issuer;
        this.name = other.name;
        this.httpClient = other.httpClient;
        this.hosts = other.hosts;
        this.cacheFile = other.cacheFile;
        this.signedMetadata = other.signedMetadata;
        this.httpOnLoopback = other.httpOnLoopback;
        this.customization = other.customization;
    }

    /**
     * Starts a discovery.
     *
     * @param issuer the server's issuer identifier, exactly as the server writes it
     * @return a discovery to configure
     */
    public static Discovery of(String issuer) {
        return new Discovery(Objects.requireNonNull(issuer));
    }

    /**
     * Sets the provider's {@linkplain Provider#name() name}. Default: made of the issuer's host, port and path.
     *
     * @param name lower-case letters, digits, dots and hyphens
     * @return this
     */
    public Discovery name(String name) {
        this.name = name;
        return this;
    }

    /**
     * Customizes the provider beyond its metadata: the origins that access tokens may be sent to, differences from the
     * standards. Values set here override the metadata. Default: none. Further calls add to earlier ones.
     *
     * @param customization receives the provider's builder; it may be called several times, on any thread
     * @return this
     */
    public Discovery customize(Consumer<Provider.Builder> customization) {
        this.customization = this.customization.andThen(customization);
        return this;
    }

    /**
     * Sets the client whose proxy, DNS and trust are used, but not its connections. Default: the registration's, or a
     * new one.
     *
     * @param httpClient the application's client
     * @return this
     */
    public Discovery httpClient(OkHttpClient httpClient) {
        this.httpClient = httpClient;
        return this;
    }

    /**
     * Sets the hosts that endpoints may be on, besides the issuer's own. Default: any host on the Internet that the
     * metadata names.
     *
     * @param hosts host names without port
     * @return this
     */
    public Discovery allowedHosts(String... hosts) {
        this.hosts = new HashSet<>(List.of(hosts));
        return this;
    }

    /**
     * Sets a file that keeps the metadata, and supplies them when the server does not answer, or with something else.
     * They are validated like fresh ones, and used however old they are, until the process ends. Default: no file.
     *
     * @param file the file; it is written when the metadata has changed, and contains no secret
     * @return this
     */
    public Discovery cacheFile(Path file) {
        this.cacheFile = file;
        return this;
    }

    /**
     * Requires metadata that is signed (RFC 8414 section 2.1): what the member {@code signed_metadata} says replaces
     * the plain members, and a document without it, or with one that is signed wrongly or about another server, is
     * rejected. Default: signatures are ignored, and TLS vouches for the document.
     *
     * @param signer the {@code iss} of the signature: the issuer itself, or somebody who attests to it
     * @param jwkSet the signer's public keys as a JWK set (RFC 7517), from a source that is not the server
     * @return this
     * @throws IllegalArgumentException if there is no usable key in it
     */
    public Discovery signedMetadata(String signer, String jwkSet) {
        this.signedMetadata = new SignedMetadata(signer, jwkSet);
        return this;
    }

    /**
     * Allows {@code http} on this machine, for tests.
     *
     * @return this
     */
    public Discovery allowHttpOnLoopback() {
        this.httpOnLoopback = true;
        return this;
    }

    /**
     * Fetches the metadata now: at most ten seconds for each of the well-known places, of which there are two, and
     * three if the issuer has a path.
     *
     * @return the provider, without API origins unless {@link #customize} sets them
     * @throws IOException if the server does not answer, or its metadata is invalid; the message says what is wrong
     * @throws IllegalArgumentException if the issuer is not an {@code https} URL without query and fragment
     */
    public Provider fetch() throws IOException {
        OkHttpVersion.check();
        return fetchWith(new Http(httpClient, TIMEOUT, new DPoP(InstantSource.system(), false)));
    }

    /** Fetches as the registration makes its other requests, through this discovery's own client if it has one. */
    Provider fetch(Http registrations) throws IOException {
        return fetchWith(httpClient == null ? registrations : registrations.through(httpClient));
    }

    private Provider fetchWith(Http http) throws IOException {
        URI uri = MetadataDocuments.issuer(issuer, httpOnLoopback);
        try {
            String json = MetadataDocuments.fetch(http, issuer, MetadataDocuments.Order.OPENID_FIRST, this::attested);
            Provider provider = provider(json, uri, http.dns());
            keep(json);
            return described(provider.newBuilder());
        } catch (IOException e) {
            // Who was interrupted has learned nothing about the server.
            if (cacheFile == null || Thread.currentThread().isInterrupted() || !Files.exists(cacheFile)) {
                throw e;
            }
            Log.warn("{}. Its metadata is taken from {}", String.valueOf(e.getMessage()), cacheFile);
            return described(
                    provider(Files.readString(cacheFile), uri, http.dns()).newBuilder());
        }
    }

    /**
     * The provider as far as it is known without metadata. The issuer stands in place of the endpoints; nothing may be
     * sent there.
     */
    Provider known() {
        return described(builder(MetadataDocuments.issuer(issuer, httpOnLoopback))
                .issuer(issuer)
                .authorizationEndpoint(issuer)
                .tokenEndpoint(issuer));
    }

    /** A copy that later changes to this object do not affect. */
    Discovery copy() {
        return new Discovery(this);
    }

    private Provider described(Provider.Builder provider) {
        customization.accept(provider);
        return provider.build();
    }

    private Provider.Builder builder(URI uri) {
        Provider.Builder builder = Provider.builder(name == null ? nameOf(uri) : name);
        return httpOnLoopback ? builder.allowHttpOnLoopback() : builder;
    }

    private Provider provider(String json, URI uri, Dns dns) throws IOException {
        try {
            Provider provider = builder(uri).metadata(issuer, attested(json)).build();
            EndpointHosts.check(issuer, provider, hosts, dns);
            return provider;
        } catch (IllegalArgumentException e) {
            // The message may quote the metadata, and those anything.
            String why = ServerText.harmless(e.getMessage());
            throw new IOException(why, new IllegalArgumentException(why));
        }
    }

    /** The part of a document that counts: all of it, or what is signed. */
    private String attested(String json) {
        return signedMetadata == null ? json : signedMetadata.attested(issuer, json, InstantSource.system());
    }

    /** A short name for a server, made of its host, port and path. */
    static String nameOf(URI uri) {
        String all = (uri.getRawAuthority() + uri.getRawPath())
                .toLowerCase(Locale.ROOT)
                .replaceAll("[^a-z0-9.]+", "-")
                .replaceAll("^[.-]+|-+$", "");
        return all.length() <= 64 ? all : all.substring(0, 51) + "-" + digest(all);
    }

    private static String digest(String text) {
        try {
            return HexFormat.of()
                    .formatHex(MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8)))
                    .substring(0, 12);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("Every Java platform has SHA-256", e);
        }
    }

    // ---- What is kept ---------------------------------------------------------------------------------------------

    private void keep(String json) {
        if (cacheFile == null) {
            return;
        }
        try {
            if (Files.exists(cacheFile) && Files.readString(cacheFile).equals(json)) {
                return;
            }
            Path folder = Objects.requireNonNullElse(cacheFile.toAbsolutePath().getParent(), cacheFile);
            Path fresh = Files.createTempFile(folder, "metadata", ".json");
            try {
                Files.writeString(fresh, json);
                Files.move(fresh, cacheFile, StandardCopyOption.REPLACE_EXISTING);
            } finally {
                Files.deleteIfExists(fresh);
            }
        } catch (IOException e) {
            Log.warn("The metadata of {} could not be kept in {}", issuer, cacheFile);
        }
    }

    @Override
    public String toString() {
        return "Discovery[" + issuer + "]";
    }
}
