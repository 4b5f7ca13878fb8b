/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.protocol;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import okhttp3.Challenge;
import okhttp3.Headers;
import okhttp3.Protocol;
import okhttp3.Request;
import okhttp3.Response;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Challenges as RFC 9110 writes them, as servers write them, and as an attacker may. */
@Timeout(300)
class ChallengeSyntaxTest {
    private static Headers headers(String... values) {
        Headers.Builder headers = new Headers.Builder();
        for (String value : values) {
            headers.addUnsafeNonAscii("WWW-Authenticate", value);
        }
        return headers.build();
    }

    private static List<Challenge> read(String... values) {
        return Challenges.in(headers(values));
    }

    private static List<Challenge> readByOkHttp(String... values) {
        return new Response.Builder()
                .request(new Request.Builder().url("https://api.example/").build())
                .protocol(Protocol.HTTP_1_1)
                .code(401)
                .message("")
                .headers(headers(values))
                .build()
                .challenges();
    }

    private static Challenge challenge(String scheme, Map<String, String> parameters) {
        return new Challenge(scheme, parameters);
    }

    // ---- As the standard has it -----------------------------------------------------------------------------------

    @ParameterizedTest
    @ValueSource(
            strings = {
                "Bearer",
                "Bearer realm=\"x\"",
                "bEARER   ERROR = insufficient_scope ,\tSCOPE = things.write",
                "Bearer realm=\"quoted \\\" and, comma \\\\ back\\slash\", error=\"x\"",
                "Basic realm=\"\"",
                "Negotiate YWJjZA==, Basic realm=\"a, Bearer error=x\", DPoP algs=\"ES256 PS256\", error=token",
                ", Basic realm=\"x\",, Bearer scope=\"a b\", ,",
                "Bearer a=\"1\", b=2 , c=\"x=y\", DPoP d=\"; e=f\"",
                "Digest realm=\"a@b\", qop=\"auth, auth-int\", nonce=\"dcd98=\", algorithm=SHA-256",
                "Basic realm=\"x\", charset=\"UTF-8\", error_description*=UTF-8''it%20is",
                "Custom abc.-_~+/0123456789=, Bearer realm=\"after a token68\"",
                "Bearer realm=it's, error='open, scope=\"a\"",
            })
    void a_well_formed_header_is_read_as_okhttp_reads_it(String header) {
        assertThat(readByOkHttp(header)).isNotEmpty();
        assertThat(read(header)).isEqualTo(readByOkHttp(header));
        assertThat(read(header, header)).isEqualTo(readByOkHttp(header, header));
    }

    @Test
    void any_well_formed_header_is_read_as_okhttp_reads_it() {
        Random random = new Random(9110);
        String[] texts = {
            "a", "a b", "a, b=c", "\\\"", "\\\\", "'", "=", ";", "x='y'", "Bearer realm=", "\u00e9", "", " "
        };
        for (int i = 0; i < 20_000; i++) {
            List<String> challenges = new ArrayList<>();
            for (int count = 1 + random.nextInt(3); count > 0; count--) {
                StringBuilder challenge = new StringBuilder("scheme" + random.nextInt(3));
                if (random.nextInt(4) == 0) {
                    challenge.append(" t68+/").append("=".repeat(random.nextInt(3)));
                } else {
                    for (int parameter = 0; parameter <= random.nextInt(4); parameter++) {
                        challenge
                                .append(parameter == 0 ? " " : ", ")
                                .append("p")
                                .append(parameter);
                        challenge.append(random.nextBoolean() ? "=" : " = ");
                        if (random.nextBoolean()) {
                            challenge.append("to.ken'").append(random.nextInt(9));
                        } else {
                            challenge.append('"');
                            for (int part = random.nextInt(4); part > 0; part--) {
                                challenge.append(texts[random.nextInt(texts.length)]);
                            }
                            challenge.append('"');
                        }
                    }
                }
                challenges.add(challenge.toString());
            }
            String header = String.join(random.nextBoolean() ? ", " : " ,\t", challenges);
            assertThat(readByOkHttp(header)).as(header).isNotEmpty();
            assertThat(read(header)).as(header).isEqualTo(readByOkHttp(header));
        }
    }

    /** OkHttp takes the second of these for a token68 of the first. */
    @Test
    void schemes_without_parameters_are_challenges_of_their_own() {
        assertThat(read("Negotiate, NTLM , Bearer", "DPoP"))
                .containsExactly(
                        challenge("Negotiate", Map.of()),
                        challenge("NTLM", Map.of()),
                        challenge("Bearer", Map.of()),
                        challenge("DPoP", Map.of()));
    }

    @Test
    void headers_of_any_case_and_number_are_read_in_their_order() {
        Headers headers = new Headers.Builder()
                .add("www-authenticate", "Bearer a=1")
                .add("Content-Type", "text/plain")
                .add("WWW-AUTHENTICATE", "DPoP b=2, Bearer c=3")
                .build();
        assertThat(Challenges.in(headers))
                .containsExactly(
                        challenge("Bearer", Map.of("a", "1")),
                        challenge("DPoP", Map.of("b", "2")),
                        challenge("Bearer", Map.of("c", "3")));
        assertThat(Challenges.in(Headers.of())).isEmpty();
    }

    // ---- As servers write them ------------------------------------------------------------------------------------

    @ParameterizedTest
    @ValueSource(
            strings = {
                "Bearer realm=\"x\" resource_metadata=\"https://a/m?b=c\"",
                "Bearer realm=\"x\"resource_metadata=\"https://a/m?b=c\"",
                "Bearer realm=\"x\"; resource_metadata=\"https://a/m?b=c\"",
                "Bearer realm=x resource_metadata=https://a/m?b=c",
                "Bearer realm=x; resource_metadata=https://a/m?b=c;",
                "Bearer realm='x' resource_metadata='https://a/m?b=c'",
                "Bearer realm='x', resource_metadata='https://a/m?b=c'",
                "Bearer, realm=\"x\", resource_metadata=\"https://a/m?b=c\"",
                "Bearer realm=\"x\", realm=\"y\", REALM=z, resource_metadata=\"https://a/m?b=c\"",
                "bearer\trealm = x\tresource_metadata =\thttps://a/m?b=c",
                "Bearer realm=\"x\" , , resource_metadata=https://a/m?b=c,",
            })
    void a_challenge_that_is_not_quite_well_formed_is_read_all_the_same(String header) {
        assertThat(read(header)).singleElement().satisfies(challenge -> {
            assertThat(challenge.scheme()).isEqualToIgnoringCase("Bearer");
            assertThat(challenge.authParams())
                    .containsExactlyInAnyOrderEntriesOf(Map.of("realm", "x", "resource_metadata", "https://a/m?b=c"));
        });
    }

    @Test
    void a_value_without_quotes_ends_at_a_comma_and_where_the_next_parameter_begins() {
        assertThat(read("Bearer scope=a b")).containsExactly(challenge("Bearer", Map.of("scope", "a b")));
        assertThat(read("Bearer scope=a  b:c/d, error=insufficient_scope"))
                .containsExactly(challenge("Bearer", Map.of("scope", "a  b:c/d", "error", "insufficient_scope")));
        assertThat(read("Bearer error=insufficient_scope scope=a b error_description=So it is"))
                .containsExactly(challenge(
                        "Bearer",
                        Map.of("scope", "a b", "error", "insufficient_scope", "error_description", "So it is")));
        assertThat(read("Bearer realm=\"x\", scope= error=e, url=https://a/b;c=d"))
                .containsExactly(
                        challenge("Bearer", Map.of("realm", "x", "scope", "", "error", "e", "url", "https://a/b;c=d")));
        assertThat(read("Bearer error_description='It's gone, isn't it?', error='invalid_token'"))
                .containsExactly(challenge(
                        "Bearer", Map.of("error_description", "It's gone, isn't it?", "error", "invalid_token")));
    }

    @Test
    void a_challenge_may_begin_where_a_comma_is_missing() {
        List<Challenge> both =
                List.of(challenge("Basic", Map.of("realm", "x")), challenge("Bearer", Map.of("scope", "a b")));
        assertThat(read("Basic realm=\"x\" Bearer scope=\"a b\"")).isEqualTo(both);
        assertThat(read("Basic realm=x Bearer scope=\"a b\"")).isEqualTo(both);
        assertThat(read("Basic realm='x' Bearer scope=a b")).isEqualTo(both);
        assertThat(read("Basic realm=x bearer things, error=e"))
                .as("a scope may be named like a scheme")
                .containsExactly(challenge("Basic", Map.of("realm", "x bearer things", "error", "e")));
    }

    @Test
    void what_cannot_be_read_is_skipped_and_costs_no_other_parameter() {
        assertThat(read("Bearer error_description=\"The \"x\" is bad, really\", error=\"invalid_token\""))
                .containsExactly(challenge("Bearer", Map.of("error_description", "The ", "error", "invalid_token")));
        assertThat(read("Bearer realm=\"x\", \"junk\", (more) of=it, error=\"e\""))
                .containsExactly(challenge("Bearer", Map.of("realm", "x", "error", "e")));
        assertThat(read("realm=\"nobody's\", Bearer a=1")).containsExactly(challenge("Bearer", Map.of("a", "1")));
        assertThat(read("Bearer: a=1, DPoP b=2")).containsExactly(challenge("DPoP", Map.of("b", "2")));
    }

    @Test
    void a_quoted_value_that_never_ends_is_dropped_with_the_rest_of_its_header_only() {
        assertThat(read("Bearer a=1, b=\"2, c=3", "DPoP d=\"4\\\"", "Bearer e=5"))
                .containsExactly(
                        challenge("Bearer", Map.of("a", "1")),
                        challenge("DPoP", Map.of()),
                        challenge("Bearer", Map.of("e", "5")));
    }

    // ---- As an attacker may ---------------------------------------------------------------------------------------

    @Test
    void nothing_makes_it_throw() {
        Random random = new Random(1);
        String[] pieces = {
            "Bearer",
            "DPoP ",
            " ",
            "\t",
            "=",
            "\"",
            "'",
            "\\",
            ",",
            ";",
            "a",
            "realm=",
            "scope=a b",
            "==",
            "\u00e9",
            "\u0000",
            "(",
            "'x'",
            " b=",
            "\"c d\""
        };
        for (int i = 0; i < 100_000; i++) {
            StringBuilder header = new StringBuilder();
            for (int length = random.nextInt(12); length > 0; length--) {
                header.append(pieces[random.nextInt(pieces.length)]);
            }
            assertThat(read(header.toString().replace('\u0000', '.'))).isNotNull();
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "a",
                " ",
                "\"",
                "'",
                "=",
                "a=",
                "a='x, ",
                "a=' ",
                "a b ",
                "Bearer ",
                "Bearer a=",
                "a ; ",
                "\\",
                "a=\"\\\"\", "
            })
    void a_huge_header_costs_no_time(String piece) {
        String most = "Bearer x=" + piece.repeat(32_000 / piece.length());
        long start = System.nanoTime();
        List<Challenge> unused = read(most);
        assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(5));
    }

    @Test
    void a_header_that_is_longer_than_any_real_one_is_left_out_and_others_are_read() {
        String long1 = "Bearer a=\"" + "x".repeat(20_000) + "\"";
        assertThat(read("Bearer a=\"" + "x".repeat(40_000) + "\"", "DPoP b=2"))
                .containsExactly(challenge("DPoP", Map.of("b", "2")));
        assertThat(read(long1, long1, long1, "DPoP b=2")).hasSize(2);
    }
}
