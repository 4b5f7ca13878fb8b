/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.wire;

import com.nimbusds.oauth2.sdk.auth.ClientSecretBasic;
import com.nimbusds.oauth2.sdk.auth.Secret;
import com.nimbusds.oauth2.sdk.id.ClientID;
import com.nimbusds.oauth2.sdk.util.URLUtils;
import dev.grantkeeper.provider.ClientAuthentication;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import okhttp3.MediaType;
import okhttp3.Request;
import okhttp3.RequestBody;
import okio.BufferedSink;
import org.jspecify.annotations.Nullable;

/**
 * This application as the authorization server knows it: its id, and how it proves it (RFC 6749 section 2.3). Makes the requests
 * that go to the server directly. Thread-safe; {@code toString} shows no secret.
 */
public final class Client {
    private static final MediaType FORM = MediaType.get("application/x-www-form-urlencoded");

    private final String id;
    private final @Nullable String secret;
    private final ClientAuthentication authentication;

    /** A client with what its way to authenticate needs. */
    public Client(String id, @Nullable String secret, ClientAuthentication authentication) {
        this.id = id;
        this.secret = secret;
        this.authentication = authentication;
    }

    /** The client id. */
    public String id() {
        return id;
    }

    /** What must not come back in any message. */
    List<String> secrets() {
        return secret == null ? List.of() : List.of(secret);
    }

    /** An authenticated request to one of the provider's own endpoints. */
    Request post(URI endpoint, Map<String, String> form) {
        Request.Builder request = new Request.Builder().url(endpoint.toString()).header("Accept", "application/json");
        Map<String, List<String>> parameters = new LinkedHashMap<>();
        form.forEach((name, value) -> parameters.put(name, List.of(value)));
        switch (authentication) {
            case SECRET_BASIC ->
                request.header(
                        "Authorization",
                        new ClientSecretBasic(new ClientID(id), new Secret(secret())).toHTTPAuthorizationHeader());
            case SECRET_POST -> {
                parameters.put("client_id", List.of(id));
                parameters.put("client_secret", List.of(secret()));
            }
            case NONE -> parameters.put("client_id", List.of(id));
        }
        return request.post(once(URLUtils.serializeParameters(parameters))).build();
    }

    private String secret() {
        if (secret == null) {
            throw new IllegalStateException("Checked when the Grantkeeper was built");
        }
        return secret;
    }

    /** A body that says it cannot be sent twice: OkHttp then does not try to, after a 408 or a 421. */
    private static RequestBody once(String form) {
        byte[] bytes = form.getBytes(StandardCharsets.UTF_8);
        return new RequestBody() {
            @Override
            public MediaType contentType() {
                return FORM;
            }

            @Override
            public long contentLength() {
                return bytes.length;
            }

            @Override
            public boolean isOneShot() {
                return true;
            }

            @Override
            public void writeTo(BufferedSink sink) throws IOException {
                sink.write(bytes);
            }
        };
    }

    @Override
    public String toString() {
        return "Client[" + id + ", " + authentication + "]";
    }
}
