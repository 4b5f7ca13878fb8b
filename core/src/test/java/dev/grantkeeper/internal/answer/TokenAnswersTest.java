/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.answer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.InstanceOfAssertFactories.type;

import dev.grantkeeper.internal.answer.Answer.Failure;
import dev.grantkeeper.internal.answer.Answer.Kind;
import dev.grantkeeper.internal.openid.IdTokens;
import dev.grantkeeper.provider.Dialect;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.token.Identity;
import dev.grantkeeper.token.TokenSet;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import okhttp3.Headers;
import okhttp3.MediaType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What token endpoints send, and what it means. */
@Timeout(300)
class TokenAnswersTest {
    private static final ThreadMXBean CPU = ManagementFactory.getThreadMXBean();
    private static final Instant NOW = Instant.parse("2026-11-20T12:00:00Z");
    private static final Duration TEN_YEARS = Duration.ofDays(3650);

    private static Answer read(int status, String type, String body) {
        return reader(dialect -> {}).read(reply(status, type, body), List.of(), null);
    }

    private static Reply reply(int status, String type, String body, String... retryAfter) {
        MediaType mediaType = type == null ? null : MediaType.parse(type);
        return new Reply(status, mediaType, body, List.of(retryAfter), Headers.of(), List.of());
    }

    private static TokenAnswers reader(Consumer<Dialect> differences) {
        Provider provider = Provider.builder("any")
                .authorizationEndpoint("https://any.example/authorize")
                .tokenEndpoint("https://any.example/token")
                .dialect(differences)
                .build();
        return new TokenAnswers(provider, () -> NOW);
    }

    private static Answer ok(String body) {
        return read(200, "application/json", body);
    }

    private static TokenResponse tokens(String members) {
        Answer answer = ok("{\"access_token\":\"a\",\"token_type\":\"Bearer\"" + members + "}");
        assertThat(answer).as(members).isInstanceOf(Answer.Tokens.class);
        return ((Answer.Tokens) answer).response();
    }

    private static Failure failure(Answer answer, Kind kind) {
        assertThat(answer)
                .asInstanceOf(type(Failure.class))
                .extracting(Failure::kind)
                .isEqualTo(kind);
        return (Failure) answer;
    }

    // ---- Tokens ---------------------------------------------------------------------------------------------------

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "3600|3600",
                "\"3600\"|3600",
                "3599.7|3599",
                "\"3599.7\"|3599",
                "1|1",
                "0|10",
                "-1|10",
                "\"0\"|10",
                "\"-5\"|10",
                "0.5|10",
                "-1e400|10",
                "2147483648|315360000",
                "9223372036854775808|315360000",
                "1e400|315360000",
                "\"99999999999999999999999999999999\"|315360000",
                "315360000|315360000"
            })
    void a_lifetime_is_understood_as_servers_write_it(String json, long seconds) {
        assertThat(tokens(",\"expires_in\":" + json).lifetime()).isEqualTo(Duration.ofSeconds(seconds));
        assertThat(tokens(",\"expires_in\":" + json)
                        .toTokenSet(null, Set.of(), NOW, Optional.empty())
                        .expiresAt())
                .contains(NOW.plusSeconds(seconds));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "null",
                "true",
                "[]",
                "{}",
                "\"\"",
                "\"abc\"",
                "\"3600s\"",
                "\" 3600\"",
                "\"1e9\"",
                "\"0x10\"",
                "\"NaN\"",
                "[3600]",
                "\"٣٦٠٠\""
            })
    void a_lifetime_that_says_nothing_is_none(String json) {
        assertThat(tokens(",\"expires_in\":" + json).lifetime()).isNull();
        assertThat(tokens(",\"expires_in\":" + json)
                        .toTokenSet(null, Set.of(), NOW, Optional.of(Duration.ofHours(2)))
                        .expiresAt())
                .contains(NOW.plus(Duration.ofHours(2)));
    }

    @Test
    void the_longest_lifetime_is_ten_years() {
        assertThat(tokens(",\"expires_in\":99999999999").lifetime()).isEqualTo(TEN_YEARS);
    }

    @ParameterizedTest
    @CsvSource({
        "refresh_token_expires_in, 600, 600",
        "refresh_expires_in, 600, 600",
        "refresh_expires_in, 0, ",
        "refresh_expires_in, null, ",
        "other, 1, "
    })
    void the_refresh_tokens_lifetime_is_read_where_servers_put_it(String member, String json, Long seconds) {
        assertThat(tokens(",\"" + member + "\":" + json).refreshLifetime())
                .isEqualTo(seconds == null ? null : Duration.ofSeconds(seconds));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", ",\"refresh_token\":null", ",\"refresh_token\":\"\"", ",\"refresh_token\":{}"})
    void a_refresh_token_that_is_not_there_leaves_the_old_one(String members) {
        TokenSet before = TokenSet.builder("old")
                .refreshToken("kept")
                .refreshTokenExpiresAt(NOW.plusSeconds(99))
                .idToken("x.y.z")
                .scopes(Set.of("s"))
                .build();
        TokenSet after = tokens(members).toTokenSet(before, Set.of(), NOW, Optional.empty());
        assertThat(after.refreshToken()).contains("kept");
        assertThat(after.refreshTokenExpiresAt()).contains(NOW.plusSeconds(99));
        assertThat(after.idToken()).contains("x.y.z");
        assertThat(after.scopes()).containsExactly("s");
    }

    @Test
    void a_new_refresh_token_does_not_inherit_the_old_ones_end() {
        TokenSet before = TokenSet.builder("old")
                .refreshToken("old")
                .refreshTokenExpiresAt(NOW.plusSeconds(99))
                .build();
        TokenSet after = tokens(",\"refresh_token\":\"new\"").toTokenSet(before, Set.of(), NOW, Optional.empty());
        assertThat(after.refreshToken()).contains("new");
        assertThat(after.refreshTokenExpiresAt()).isEmpty();
    }

    @Test
    void scopes_come_as_text_or_list_and_an_empty_text_says_nothing() {
        assertThat(tokens(",\"scope\":\"b  a b\"").scopes()).containsExactly("b", "a");
        assertThat(tokens(",\"scope\":[\"a\",\"b\"]").scopes()).containsExactly("a", "b");
        for (String nothing : List.of("\"\"", "\" \"", "null", "[]", "7", "{}")) {
            assertThat(tokens(",\"scope\":" + nothing).scopes()).as(nothing).isNull();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"bearer", "BeArEr", "Bearer"})
    void a_bearer_token_is_one_in_any_spelling(String type) {
        assertThat(ok("{\"access_token\":\"a\",\"token_type\":\"" + type + "\"}"))
                .isInstanceOf(Answer.Tokens.class);
    }

    @Test
    void a_missing_token_type_is_bearer() {
        assertThat(((Answer.Tokens) ok("{\"access_token\":\"a\"}")).response().tokenType())
                .isEqualTo("Bearer");
    }

    @ParameterizedTest
    @ValueSource(strings = {"mac", "N_A", "DPoP", "Bearer ", "bear"})
    void a_token_of_another_type_is_malformed(String type) {
        failure(ok("{\"access_token\":\"a\",\"token_type\":\"" + type + "\"}"), Kind.MALFORMED);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{}",
                "{\"access_token\":null}",
                "{\"access_token\":\"\"}",
                "{\"access_token\":7}",
                "{\"access_token\":{}}",
                "{\"access_token\":[\"a\"]}",
                "{\"access_token\":\"a b\"}",
                "{\"access_token\":\"a\\r\\nX: y\"}",
                "{\"access_token\":\"\\u00fc\"}",
                "{\"access_token\":\"\\u0000\"}",
                "{\"access_token\":\"a\",\"refresh_token\":\"a\\tb\"}",
                "{\"access_token\":\"a\",\"refresh_token\":\"a\\u007f\"}",
                "{\"access_token\":\"a\",\"id_token\":\"a\\nb\"}",
                "{\"access_token\":\"a\",\"access_token\":\"b\"}",
                "{\"access_token\":\"a\",\"x\":1,\"x\":2}",
                "{\"access_token\":\"a\"} {}",
                "{\"access_token\":\"a\"} x",
                "{\"access_token\":\"a\",}",
                "{\"access_token\":\"a\"",
                "{access_token:\"a\"}",
                "{'access_token':'a'}",
                "{\"access_token\":\"a\"/* */}",
                "{\"access_token\":\"a\",\"expires_in\":NaN}",
                "\ufeff\ufeff{\"access_token\":\"a\"}",
                "[{\"access_token\":\"a\"}]",
                "\"a\"",
                "null",
                "",
                " ",
                "<html>"
            })
    void an_answer_without_one_good_token_is_malformed(String body) {
        Failure failure = failure(ok(body), Kind.MALFORMED);
        assertThat(failure.cause()).isNull();
    }

    @Test
    void the_message_about_an_impossible_token_does_not_contain_it() {
        Failure failure = failure(ok("{\"access_token\":\"canary 4711\"}"), Kind.MALFORMED);
        assertThat(failure.toString()).doesNotContain("canary").doesNotContain("4711");
    }

    @Test
    void a_token_that_fits_into_no_header_is_malformed() {
        assertThat(ok("{\"access_token\":\"" + "a".repeat(64 * 1024) + "\"}")).isInstanceOf(Answer.Tokens.class);
        failure(ok("{\"access_token\":\"" + "a".repeat(64 * 1024 + 1) + "\"}"), Kind.MALFORMED);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "application/json",
                "application/json;charset=UTF-8",
                "APPLICATION/JSON",
                "application/vnd.api+json",
                "text/plain",
                "text/javascript",
                "application/javascript"
            })
    void json_is_read_under_the_labels_that_servers_give_it(String type) {
        assertThat(read(200, type, "{\"access_token\":\"a\"}")).isInstanceOf(Answer.Tokens.class);
        assertThat(read(200, null, "{\"access_token\":\"a\"}")).isInstanceOf(Answer.Tokens.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"text/html", "application/xml", "application/octet-stream", "image/png", "application/jwt"})
    void a_whole_object_is_read_under_a_foreign_label_and_nothing_else_is(String type) {
        assertThat(read(200, type, "{\"access_token\":\"a\"}")).isInstanceOf(Answer.Tokens.class);
        assertThat(read(200, type, "\ufeff \n{\"access_token\":\"a\"}\n")).isInstanceOf(Answer.Tokens.class);
        failure(read(400, type, "{\"error\":\"invalid_grant\"}"), Kind.REFUSED);
        failure(read(502, type, "{\"error\":\"invalid_grant\"}"), Kind.REFUSED);
        failure(read(200, type, "{\"access_token\":\"a\"}<script>"), Kind.MALFORMED);
        failure(read(400, type, "<p>{\"error\":\"invalid_grant\"}"), Kind.MALFORMED);
        failure(read(502, type, "<p>{\"error\":\"invalid_grant\"}"), Kind.TEMPORARY);
    }

    @ParameterizedTest
    @ValueSource(strings = {"text/html", "application/octet-stream", "text/plain"})
    void an_answer_under_any_label_is_read_where_the_provider_is_known_for_it(String label) {
        TokenAnswers any = reader(Dialect::anyContentType);
        for (String body :
                List.of(" {\"access_token\":\"a\"}", "access_token=a&expires=5183999", "x=1&access_token=a")) {
            assertThat(any.read(reply(200, label, body), List.of(), null))
                    .as(body)
                    .isInstanceOf(Answer.Tokens.class);
        }
        for (String page : List.of("<html>access_token=a</html>", "access_token=a b", "", "hello", "?access_token=")) {
            failure(any.read(reply(200, label, page), List.of(), null), Kind.MALFORMED);
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                // NOW is 1795176000
                "\"expires_in\":1795179600|3600",
                "\"expires_in\":1795179600000|3600",
                "\"expires_in\":\"1795179600\"|3600",
                "\"expires_in\":1795175000|10",
                "\"expires_at\":1795179600|3600",
                "\"expires_on\":\"1795179600\"|3600",
                "\"expires_at\":1795179600,\"expires_in\":60|60",
                "\"expires_at\":17,\"expires_on\":1795179600|3600",
                "\"expires_at\":\"2026-11-20T13:00:00Z\"|3600",
                "\"expires_at\":-1|",
                "\"expires_at\":null|"
            })
    void a_moment_is_a_lifetime_too(String members, Long seconds) {
        assertThat(NOW.getEpochSecond()).isEqualTo(1795176000);
        assertThat(tokens("," + members).lifetime()).isEqualTo(seconds == null ? null : Duration.ofSeconds(seconds));
    }

    @Test
    void a_form_is_read() {
        Answer answer = read(
                200,
                "application/x-www-form-urlencoded; charset=utf-8",
                "access_token=a%2Bb&token_type=bearer&scope=x+y&expires_in=60&refresh_token=");
        TokenResponse response = ((Answer.Tokens) answer).response();
        assertThat(response.accessToken()).isEqualTo("a+b");
        assertThat(response.scopes()).containsExactly("x", "y");
        assertThat(response.lifetime()).isEqualTo(Duration.ofMinutes(1));
        assertThat(response.refreshToken()).isNull();
        failure(read(200, "application/x-www-form-urlencoded", "access_token=a&access_token=b"), Kind.MALFORMED);
        failure(
                read(200, "application/x-www-form-urlencoded", "error=bad_verification_code&error_description=no"),
                Kind.MISCONFIGURED);
        failure(read(200, "application/x-www-form-urlencoded", ""), Kind.MALFORMED);
    }

    // ---- Errors ---------------------------------------------------------------------------------------------------

    @ParameterizedTest
    @CsvSource({
        "400, invalid_grant, REFUSED",
        "401, invalid_grant, REFUSED",
        "200, invalid_grant, REFUSED",
        "403, invalid_grant, REFUSED",
        "500, invalid_grant, REFUSED",
        "400, interaction_required, INTERACTION",
        "400, consent_required, INTERACTION",
        "400, login_required, INTERACTION",
        "400, invalid_client, MISCONFIGURED",
        "401, invalid_client, MISCONFIGURED",
        "200, invalid_client, MISCONFIGURED",
        "400, unauthorized_client, MISCONFIGURED",
        "400, invalid_scope, MISCONFIGURED",
        "400, invalid_request, MISCONFIGURED",
        "400, unsupported_grant_type, MISCONFIGURED",
        "400, something_new, MISCONFIGURED",
        "400, INVALID_GRANT, MISCONFIGURED",
        "400, temporarily_unavailable, TEMPORARY",
        "400, server_error, TEMPORARY",
        "400, slow_down, TEMPORARY",
        "503, invalid_client, TEMPORARY",
        "429, invalid_request, TEMPORARY",
        "408, something_new, TEMPORARY"
    })
    void the_error_decides_and_then_the_status(int status, String error, Kind kind) {
        Failure failure =
                failure(read(status, "application/json", "{\"error\":\"" + error + "\",\"access_token\":\"a\"}"), kind);
        assertThat(failure.error()).isEqualTo(error);
        assertThat(failure.status()).isEqualTo(status);
    }

    @ParameterizedTest
    @CsvSource({
        "400, MALFORMED", "401, MALFORMED", "403, MALFORMED", "404, MALFORMED", "408, TEMPORARY", "429, TEMPORARY",
        "500, TEMPORARY", "502, TEMPORARY", "503, TEMPORARY", "504, TEMPORARY", "301, MALFORMED", "302, MALFORMED",
        "307, MALFORMED", "308, MALFORMED", "204, MALFORMED"
    })
    void a_page_or_nothing_at_all_ends_no_grant(int status, Kind kind) {
        failure(read(status, "text/html", "<html>invalid_grant</html>"), kind);
        failure(read(status, null, ""), kind);
    }

    @Test
    void an_error_that_is_an_object_is_an_error() {
        failure(ok("{\"error\":{\"code\":1},\"access_token\":\"a\"}"), Kind.MISCONFIGURED);
        failure(ok("{\"error\":[1],\"access_token\":\"a\"}"), Kind.MISCONFIGURED);
        failure(read(401, "application/json", "{\"error\":{\"status\":401,\"message\":\"x\"}}"), Kind.MISCONFIGURED);
        assertThat(ok("{\"error\":null,\"access_token\":\"a\"}")).isInstanceOf(Answer.Tokens.class);
    }

    @Test
    void a_status_without_tokens_and_without_error_is_told_by_itself() {
        failure(read(400, "application/json", "{}"), Kind.MALFORMED);
        failure(read(401, "application/json", "{\"access_token\":\"a\"}"), Kind.MISCONFIGURED);
        failure(read(500, "application/json", "{\"access_token\":\"a\"}"), Kind.TEMPORARY);
    }

    @Test
    void what_the_server_says_is_one_short_harmless_line() {
        Failure failure = failure(
                ok("{\"error\":\"x\\r\\nFAKE LOG LINE\",\"error_description\":\"<script>\\u001b[2J\\r\\n\\u0000\\u202e"
                        + "x".repeat(2000) + "\"}"),
                Kind.MISCONFIGURED);
        assertThat(failure.error()).matches("[ -~&&[^<>]]*").isEqualTo("x  FAKE LOG LINE");
        assertThat(failure.description()).matches("[ -~&&[^<>]]*").hasSizeLessThanOrEqualTo(512);
    }

    @Test
    void what_was_sent_is_not_repeated_however_long_and_however_escaped() {
        String secret = "4/secret" + "x".repeat(2000);
        String body = "{\"error\":\"invalid_grant\",\"error_description\":\"bad: " + secret.replace("/", "\\/")
                + " and 4711\"}";
        Answer answer =
                reader(dialect -> {}).read(reply(400, "application/json", body), List.of("", secret, "4711"), null);
        assertThat(failure(answer, Kind.REFUSED).description()).isEqualTo("bad: [redacted] and [redacted]");
    }

    // ---- Bombs ----------------------------------------------------------------------------------------------------

    @Test
    void bombs_cost_little_and_are_malformed() {
        List<String> bombs = List.of(
                "[".repeat(100_000),
                "{\"a\":".repeat(100_000),
                "{\"access_token\":\"a\",\"x\":" + "[".repeat(33) + "]".repeat(33) + "}",
                "{\"access_token\":\"a\",\"expires_in\":" + "9".repeat(100_000) + "}",
                "{\"access_token\":\"a\",\"expires_in\":1" + "0".repeat(33) + "}",
                "{\"access_token\":\"a\",\"expires_in\":0." + "3".repeat(100_000) + "}",
                "{\"access_token\":\"a\",\"id_token\":\"" + ".".repeat(10_000_000) + "\"}");
        for (String bomb : bombs) {
            long start = CPU.getCurrentThreadCpuTime();
            failure(ok(bomb), Kind.MALFORMED);
            assertThat(cpuTimeSince(start)).isLessThan(Duration.ofSeconds(2));
        }
    }

    @Test
    void huge_exponents_cost_little_and_have_a_meaning() {
        long start = CPU.getCurrentThreadCpuTime();
        assertThat(tokens(",\"expires_in\":1e999999999").lifetime()).isEqualTo(TEN_YEARS);
        assertThat(tokens(",\"expires_in\":1e-999999999").lifetime()).isEqualTo(Duration.ofSeconds(10));
        assertThat(tokens(",\"expires_in\":\"" + "9".repeat(200_000) + "\"").lifetime())
                .isNull();
        assertThat(cpuTimeSince(start)).isLessThan(Duration.ofSeconds(2));
    }

    @Test
    void an_id_token_of_dots_is_not_split() {
        long start = CPU.getCurrentThreadCpuTime();
        Identity alice = Identity.of("https://issuer.example", "alice", Map.of());
        assertThat(IdTokens.ownerOf(".".repeat(10_000_000), alice, "client", Set.of()))
                .isEqualTo(IdTokens.Owner.UNREADABLE);
        assertThat(IdTokens.ownerOf("a.b." + "c".repeat(10_000_000), alice, "client", Set.of()))
                .isEqualTo(IdTokens.Owner.UNREADABLE);
        assertThat(IdTokens.ownerOf("bnVsbA.bnVsbA.bnVsbA", alice, "client", Set.of()))
                .isEqualTo(IdTokens.Owner.UNREADABLE);
        assertThat(cpuTimeSince(start)).isLessThan(Duration.ofSeconds(2));
    }

    // ---- Retry-After ----------------------------------------------------------------------------------------------

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "0|0",
                "7|7",
                " 7 |7",
                "3600|3600",
                "3601|3601",
                "999999999999999999|2592000",
                "Fri, 20 Nov 2026 12:01:30 GMT|90",
                "Fri, 20 Nov 2026 11:00:00 GMT|0",
                "Fri, 20 Nov 2099 11:00:00 GMT|2592000",
                "9999999999999999999|",
                "-1|",
                "1.5|",
                "soon|",
                "''|",
                "7 s|",
                "Fri, 31 Feb 2026 12:00:00 GMT|"
            })
    void retry_after_comes_in_two_forms(String value, Long seconds) {
        assertThat(ServerTimes.retryAfter(List.of(value == null ? "" : value), NOW))
                .isEqualTo(seconds == null ? null : Duration.ofSeconds(seconds));
    }

    @Test
    void of_several_waiting_times_the_longest_counts() {
        assertThat(ServerTimes.retryAfter(List.of("7", "junk", "90", "3"), NOW)).isEqualTo(Duration.ofSeconds(90));
        assertThat(ServerTimes.retryAfter(List.of(), NOW)).isNull();
        Failure failure = failure(
                reader(dialect -> {}).read(reply(503, "application/json", "{}", "7"), List.of(), null), Kind.TEMPORARY);
        assertThat(failure.retryAfter()).isEqualTo(Duration.ofSeconds(7));
    }

    @Test
    void no_answer_prints_its_tokens() {
        Answer answer = ok("{\"access_token\":\"canary-1\",\"refresh_token\":\"canary-2\",\"id_token\":\"canary-3\"}");
        assertThat(answer.toString()).doesNotContain("canary");
    }

    /** The time for which this thread has worked, however busy the machine is. */
    private static Duration cpuTimeSince(long start) {
        return Duration.ofNanos(CPU.getCurrentThreadCpuTime() - start);
    }
}
