/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.call;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Set;
import okhttp3.Headers;
import okhttp3.HttpUrl;
import okhttp3.Protocol;
import okhttp3.Request;
import okhttp3.Response;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Challenges that name the metadata of an API. */
class ResourceChallengeTest {
    private static final String METADATA = "https://api.example/.well-known/oauth-protected-resource/mcp?x=y";

    private static @Nullable ResourceChallenge in(int status, String... headers) {
        Headers.Builder all = new Headers.Builder();
        for (String header : headers) {
            all.addUnsafeNonAscii("WWW-Authenticate", header);
        }
        return ResourceChallenge.in(new Response.Builder()
                .request(new Request.Builder().url("https://api.example/mcp").build())
                .protocol(Protocol.HTTP_1_1)
                .code(status)
                .message("")
                .headers(all.build())
                .build());
    }

    private static ResourceChallenge found(String... headers) {
        ResourceChallenge found = in(401, headers);
        if (found == null) {
            throw new AssertionError("No challenge in " + List.of(headers));
        }
        return found;
    }

    @ParameterizedTest
    @ValueSource(ints = {401, 403})
    void a_challenge_says_where_the_metadata_is_and_which_scopes_are_needed(int status) {
        assertThat(in(
                        status,
                        "Bearer error=\"insufficient_scope\", scope=\"a b:c\", resource_metadata=\"" + METADATA + "\""))
                .isEqualTo(
                        new ResourceChallenge(HttpUrl.get(METADATA), Set.of("a", "b:c"), "insufficient_scope", false));
    }

    @Test
    void a_challenge_that_names_nothing_is_one_all_the_same() {
        assertThat(found("bearer")).isEqualTo(new ResourceChallenge(null, Set.of(), null, false));
    }

    @Test
    void other_statuses_and_other_schemes_are_none() {
        for (int status : List.of(200, 400, 404, 407, 500)) {
            assertThat(in(status, "Bearer resource_metadata=\"" + METADATA + "\""))
                    .isNull();
        }
        assertThat(in(401)).isNull();
        assertThat(in(401, "Basic realm=\"x\", resource_metadata=\"" + METADATA + "\"", "Negotiate"))
                .isNull();
    }

    @Test
    void only_bound_tokens_are_accepted_where_every_challenge_is_dpops() {
        ResourceChallenge bound =
                found("Basic realm=\"x\", dpop algs=\"ES256\", resource_metadata=\"" + METADATA + "\"");
        assertThat(bound.dpopOnly()).isTrue();
        assertThat(bound.metadata()).isEqualTo(HttpUrl.get(METADATA));
        assertThat(found("Bearer", "DPoP algs=\"ES256\"").dpopOnly()).isFalse();
        assertThat(found("DPoP algs=\"ES256\", Bearer").dpopOnly()).isFalse();
    }

    @Test
    void of_several_challenges_the_first_counts_that_has_a_parameter() {
        assertThat(found(
                        "Bearer realm=\"x\", scope=\"a\"",
                        "Bearer error=\"invalid_token\", scope=\"b\", resource_metadata=\"" + METADATA + "\"",
                        "DPoP error=\"other\", resource_metadata=\"https://other.example/\""))
                .isEqualTo(new ResourceChallenge(HttpUrl.get(METADATA), Set.of("a"), "invalid_token", false));
        assertThat(found("Bearer resource_metadata=\"nonsense\"", "Bearer resource_metadata=\"" + METADATA + "\"")
                        .metadata())
                .isEqualTo(HttpUrl.get(METADATA));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "Bearer realm=\"x\" resource_metadata=\"%s\" scope=\"a b\"",
                "Bearer realm=\"x\", realm=\"y\", resource_metadata=\"%s\", scope=\"a b\", scope=\"c\"",
                "Bearer scope=a b, resource_metadata=%s",
                "Bearer resource_metadata='%s', scope='a b'",
                "Bearer resource_metadata=%s; scope=a b"
            })
    void a_challenge_that_is_not_quite_well_formed_is_understood(String header) {
        assertThat(found(header.replace("%s", METADATA)))
                .isEqualTo(new ResourceChallenge(HttpUrl.get(METADATA), Set.of("a", "b"), null, false));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "/.well-known/oauth-protected-resource",
                "//api.example/metadata",
                "https:api.example",
                "https:///api.example",
                "https://",
                "https://api.example:99999/",
                "https://user@api.example/",
                "https://:secret@api.example/",
                "file:///etc/passwd",
                "javascript:alert(1)",
                "jar:https://api.example/!/",
                "https\u200b://api.example/"
            })
    void what_is_not_an_absolute_http_url_is_ignored(String url) {
        assertThat(found("Bearer scope=\"a\", resource_metadata=\"" + url + "\""))
                .isEqualTo(new ResourceChallenge(null, Set.of("a"), null, false));
        assertThat(found("Bearer resource_metadata=\"https://api.example/" + "x".repeat(3_000) + "\"")
                        .metadata())
                .isNull();
    }

    @Test
    void what_is_no_scope_is_ignored_and_an_error_is_made_harmless() {
        assertThat(found("Bearer scope=\"a\\\"b\"").scopes()).isEmpty();
        assertThat(found("Bearer scope=\"a \u00e9\"").scopes()).isEmpty();
        assertThat(found("Bearer scope=\"" + "s ".repeat(5_000) + "\"").scopes())
                .isEmpty();
        assertThat(found("Bearer error=\"<b>\u00e9\"").error()).isEqualTo("b");
        assertThat(found("Bearer error=\" \"").error()).isNull();
    }
}
