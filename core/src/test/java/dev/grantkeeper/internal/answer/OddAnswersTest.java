/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.answer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.InstanceOfAssertFactories.type;

import dev.grantkeeper.internal.answer.Answer.Failure;
import dev.grantkeeper.internal.answer.Answer.Kind;
import dev.grantkeeper.provider.Dialect;
import dev.grantkeeper.provider.Provider;
import dev.grantkeeper.token.TokenSet;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import okhttp3.Headers;
import okhttp3.MediaType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Answers that users of other libraries reported, and their relatives: what each costs, and what it must not. */
class OddAnswersTest {
    private static final Instant NOW = Instant.parse("2026-11-20T12:00:00Z");
    private static final String REFRESH = "refresh_token";
    private static final String EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";
    private static final String TOKEN = "1//0gAbC+dEf/ghIJklMNopQRstUVwxYZ~0123456789";

    private static TokenAnswers reader(Consumer<Dialect> differences) {
        Provider provider = Provider.builder("any")
                .authorizationEndpoint("https://any.example/authorize")
                .tokenEndpoint("https://any.example/token")
                .dialect(differences)
                .build();
        return new TokenAnswers(provider, () -> NOW);
    }

    private static Reply reply(int status, String type, String body) {
        return new Reply(status, MediaType.parse(type), body, List.of(), Headers.of(), List.of());
    }

    private static Answer read(int status, String body, String grantType) {
        return reader(dialect -> {}).read(reply(status, "application/json", body), List.of(), null, grantType);
    }

    private static TokenResponse tokens(String members) {
        Answer answer = read(200, "{\"access_token\":\"a\"" + members + "}", REFRESH);
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

    private static String shown(String description, String... secrets) {
        return ServerText.harmless(description, List.of(secrets));
    }

    // ---- A refused refresh in other words -------------------------------------------------------------------------

    @ParameterizedTest
    @CsvSource({
        "invalid_token, 400",
        "invalid_token, 401",
        "invalid_token, 200",
        "expired_token, 400",
        "token_expired, 401",
        "invalid_refresh_token, 400",
        "bad_refresh_token, 200",
        "refresh_token_not_found, 403",
        "refresh_token_already_used, 400",
        "token_revoked, 401"
    })
    void a_refresh_token_is_refused_in_other_words_too(String error, int status) {
        String body = "{\"error\":\"" + error + "\",\"error_description\":\"Invalid refresh token (expired): x\"}";
        Failure refused = failure(read(status, body, REFRESH), Kind.REFUSED);
        assertThat(refused.error()).isEqualTo(error);
        // In the answer to another request these are about something else.
        failure(read(status, body, "authorization_code"), Kind.MISCONFIGURED);
        failure(read(status, body, "client_credentials"), Kind.MISCONFIGURED);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "The refresh token is invalid.|REFUSED",
                "Invalid \"refresh_token\" in request.|REFUSED",
                "Refresh token expired|REFUSED",
                "refresh-token was revoked|REFUSED",
                "Missing \"refresh_token\" in request.|MISCONFIGURED",
                "Invalid parameter: refresh_token|MISCONFIGURED",
                "AADSTS900144: The request body must contain the following parameter: 'refresh_token'.|MISCONFIGURED",
                "The token is invalid|MISCONFIGURED",
                "The refresh token grant is not enabled|MISCONFIGURED"
            })
    void an_invalid_request_refuses_where_it_says_that_the_refresh_token_is_to_blame(String description, Kind kind) {
        String body =
                "{\"error\":\"invalid_request\",\"error_description\":\"" + description.replace("\"", "\\\"") + "\"}";
        failure(read(400, body, REFRESH), kind);
        failure(read(401, body, "authorization_code"), Kind.MISCONFIGURED);
    }

    @Test
    void a_server_that_is_out_of_order_refuses_nothing_in_those_words() {
        failure(read(503, "{\"error\":\"invalid_token\"}", REFRESH), Kind.TEMPORARY);
        failure(read(429, "{\"error\":\"invalid_token\"}", REFRESH), Kind.TEMPORARY);
    }

    @Test
    void the_meaning_that_a_provider_gives_a_word_counts_more() {
        TokenAnswers reader = reader(dialect -> dialect.error("invalid_token", Dialect.Meaning.BLOCKED));
        failure(
                reader.read(reply(400, "application/json", "{\"error\":\"invalid_token\"}"), List.of(), null, REFRESH),
                Kind.BLOCKED);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"invalid_client", "unauthorized_client", "invalid_request", "access_denied", "unauthorized"})
    void a_word_that_is_not_about_the_refresh_token_ends_no_grant(String error) {
        failure(read(401, "{\"error\":\"" + error + "\"}", REFRESH), Kind.MISCONFIGURED);
    }

    // ---- Lifetimes ------------------------------------------------------------------------------------------------

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                // NOW is 1795176000
                "\"expires_in\":1576800000|315360000",
                "\"expires_in\":\"1576800000\"|315360000",
                "\"expires_in\":1576800000.0|315360000",
                "\"expires_in\":1577836800000|315360000",
                "\"expires_in\":1795179600.9|3600",
                "\"expires_in\":1795179600000000|3600",
                "\"expires_in\":\"2026-11-20T13:00:00Z\"|3600",
                "\"expires_in\":\"\",\"expires_at\":\"2026-11-20T13:00:00Z\"|3600",
                "\"expires_in\":[],\"expires_at\":1795179600|3600",
                "\"expires_at\":\"2026-11-20T13:00:00.123456Z\"|3600",
                "\"expires_at\":\"2026-11-20T14:00:00+01:00\"|3600",
                "\"expires_at\":\"2026-11-20T14:00:00+0100\"|3600",
                "\"expires_at\":\"2026-11-20T13:00:00\"|3600",
                "\"expires_at\":\"2026-11-20 13:00:00\"|3600",
                "\"expires_at\":\"2026-11-20 13:00:00 +0000\"|3600",
                "\"expires_at\":\"Fri, 20 Nov 2026 13:00:00 GMT\"|3600",
                "\"expires_at\":\"1795179600\"|3600",
                "\"expires_at\":\"1795179600.5\"|3600",
                "\"expires_at\":1795179600.5|3600",
                "\"expires_at\":1795179600000|3600",
                "\"expires_at\":\"1795179600000\"|3600",
                "\"expires_at\":1795179600000000000|3600",
                "\"expires_at\":\"2026-11-20T11:59:00Z\"|10",
                "\"expires_at\":\"1999-01-01T00:00:00Z\"|",
                "\"expires_at\":\"0001-01-01T00:00:00\"|",
                "\"expires_at\":\"9999-12-31T23:59:59Z\"|",
                "\"expires_at\":\"+999999999-12-31T23:59:59Z\"|",
                "\"expires_at\":\"2026-02-31T00:00:00Z\"|",
                "\"expires_at\":\"tomorrow\"|",
                "\"expires_at\":1e300|",
                "\"expires_at\":3600|",
                "\"expires_at\":{}|"
            })
    void an_end_is_understood_as_servers_write_it(String members, Long seconds) {
        assertThat(tokens("," + members).lifetime()).isEqualTo(seconds == null ? null : Duration.ofSeconds(seconds));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "\"refresh_token_expires_in\":1576800000|315360000",
                "\"refresh_token_expires_in\":1795179600|3600",
                "\"refresh_token_expires_in\":\"\",\"refresh_expires_in\":60|60",
                "\"refresh_token_expires_at\":\"2026-11-20T13:00:00Z\"|3600",
                "\"refresh_token_expires_at\":1795179600000|3600"
            })
    void so_is_the_end_of_a_refresh_token(String members, long seconds) {
        assertThat(tokens("," + members).refreshLifetime()).isEqualTo(Duration.ofSeconds(seconds));
    }

    // ---- Labels and marks -----------------------------------------------------------------------------------------

    @ParameterizedTest
    @ValueSource(strings = {"text/html", "text/plain", "application/x-www-form-urlencoded", "application/octet-stream"})
    void a_whole_object_is_read_under_any_label_with_a_mark_or_without(String label) {
        for (String mark : List.of("", "\ufeff", "\r\n ", "\ufeff\n")) {
            Reply good = reply(200, label, mark + "{\"access_token\":\"a\"}\n");
            assertThat(reader(d -> {}).read(good, List.of(), null)).isInstanceOf(Answer.Tokens.class);
            Reply refused = reply(400, label, mark + "{\"error\":\"invalid_grant\"}");
            failure(reader(d -> {}).read(refused, List.of(), null), Kind.REFUSED);
        }
    }

    @Test
    void a_form_may_have_a_mark_too() {
        Reply form = reply(200, "application/x-www-form-urlencoded", "\ufeffaccess_token=a&expires_in=60");
        assertThat(reader(d -> {}).read(form, List.of(), null)).isInstanceOf(Answer.Tokens.class);
    }

    // ---- Empty is absent ------------------------------------------------------------------------------------------

    private static final List<String> NOTHING = List.of("null", "\"\"", "\" \"", "[]", "{}", "[null]", "[\"\"]");

    @Test
    void an_error_that_is_empty_is_none() {
        for (String nothing : NOTHING) {
            assertThat(tokens(",\"refresh_token\":\"new\",\"error\":" + nothing).refreshToken())
                    .as(nothing)
                    .isEqualTo("new");
        }
        assertThat(tokens(",\"error\":{\"code\":null,\"message\":\"\"}").accessToken())
                .isEqualTo("a");
        failure(read(200, "{\"error\":{\"code\":1},\"access_token\":\"a\"}", REFRESH), Kind.MISCONFIGURED);
    }

    @Test
    void every_member_may_be_empty() {
        TokenSet before = TokenSet.builder("old")
                .refreshToken("kept")
                .idToken("x.y.z")
                .scopes("s")
                .build();
        for (String nothing : NOTHING) {
            String members = "";
            for (String name : List.of(
                    "error",
                    "error_description",
                    "suberror",
                    "token_type",
                    "expires_in",
                    "expires_at",
                    "refresh_token",
                    "refresh_token_expires_in",
                    "refresh_in",
                    "id_token",
                    "scope",
                    "issued_token_type",
                    "claims")) {
                members += ",\"" + name + "\":" + nothing;
            }
            TokenSet after = tokens(members).toTokenSet(before, Set.of(), NOW, Optional.of(Duration.ofHours(1)));
            assertThat(after.tokenType()).as(nothing).isEqualTo("Bearer");
            assertThat(after.refreshToken()).as(nothing).contains("kept");
            assertThat(after.idToken()).as(nothing).contains("x.y.z");
            assertThat(after.scopes()).as(nothing).containsExactly("s");
            assertThat(after.expiresAt()).as(nothing).contains(NOW.plus(Duration.ofHours(1)));
        }
    }

    @Test
    void a_suberror_that_is_empty_leaves_the_error_its_meaning() {
        Failure refused = failure(read(400, "{\"error\":\"invalid_grant\",\"suberror\":\"\"}", REFRESH), Kind.REFUSED);
        assertThat(refused.error()).isEqualTo("invalid_grant");
    }

    @Test
    void a_place_that_is_empty_leaves_the_standards() {
        TokenAnswers reader = reader(dialect -> dialect.member("refresh_token", "/data/refresh"));
        for (String nothing : NOTHING) {
            String body = "{\"access_token\":\"a\",\"refresh_token\":\"r\",\"data\":{\"refresh\":" + nothing + "}}";
            Answer answer = reader.read(reply(200, "application/json", body), List.of(), null);
            assertThat(((Answer.Tokens) answer).response().refreshToken())
                    .as(nothing)
                    .isEqualTo("r");
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "code=c1&error=&state=s1",
                "code=c1&error&state=s1&error_description=&error_uri=",
                "error=&code=c1&state=s1&access_token=&id_token=",
                "code=c1&code=&state=s1&state=",
                "code=&code=c1&state=s1&response="
            })
    void a_parameter_without_value_was_omitted(String query) {
        Callback callback = Callback.parse(query);
        assertThat(callback.problem()).isNull();
        assertThat(callback.error()).isNull();
        assertThat(callback.code()).isEqualTo("c1");
        assertThat(callback.state()).isEqualTo("s1");
        assertThat(callback.response()).isNull();
    }

    @Test
    void a_declined_login_may_have_an_empty_code() {
        Callback callback = Callback.parse("error=access_denied&code=&state=s1");
        assertThat(callback.error()).isEqualTo("access_denied");
        assertThat(callback.code()).isNull();
        Callback signed = Callback.verified("s1", "i", "", "", "c1", Map.of());
        assertThat(signed.error()).isNull();
        assertThat(Callback.parse("code=c1&code=c2&state=s").problem()).contains("repeats code");
        assertThat(Callback.parse("code=c1&access_token=t&state=s").problem()).contains("access_token");
    }

    // ---- Names ----------------------------------------------------------------------------------------------------

    @Test
    void a_users_id_beside_the_tokens_is_kept_digit_by_digit_and_whole_or_not_at_all() {
        TokenAnswers reader = reader(
                dialect -> dialect.identityMember("sub", "/team", "/user").identityMember("name", "/name"));
        for (Map.Entry<String, Object> one : Map.<String, Object>of(
                        "\"user\":12345678901234567890", "12345678901234567890",
                        "\"user\":7", "7",
                        "\"team\":\"T\",\"user\":12345678901234567890", "T/12345678901234567890")
                .entrySet()) {
            assertThat(identity(reader, one.getKey()).get("sub")).hasToString((String) one.getValue());
        }
        for (String partial :
                List.of("\"team\":\"T\",\"user\":{\"id\":1}", "\"team\":\"T\",\"user\":1.5", "\"user\":1e3")) {
            assertThat(identity(reader, partial)).as(partial).doesNotContainKey("sub");
        }
    }

    private static Map<String, Object> identity(TokenAnswers reader, String members) {
        Answer answer = reader.read(
                reply(200, "application/json", "{\"access_token\":\"a\"," + members + "}"), List.of(), null);
        return ((Answer.Tokens) answer).response().identity();
    }

    // ---- Tokens ---------------------------------------------------------------------------------------------------

    @ParameterizedTest
    @ValueSource(strings = {"a b", " a", "a ", "~!@#$%^&*()_+ {}|:\\\"<>?"})
    void a_refresh_token_may_be_of_any_printable_characters(String token) {
        String plain = token.replace("\\\"", "\"");
        assertThat(tokens(",\"refresh_token\":\"" + token + "\"").refreshToken())
                .isEqualTo(plain);
        assertThat(TokenSet.builder("a").refreshToken(plain).build().refreshToken())
                .contains(plain);
    }

    @Test
    void what_an_exchange_issues_may_be_no_access_token() {
        String body = "{\"access_token\":\"jag\",\"token_type\":\"N_A\",\"issued_token_type\":\"%s\"}";
        String jag = body.formatted("urn:ietf:params:oauth:token-type:id-jag");
        Answer answer = read(200, jag, EXCHANGE);
        assertThat(((Answer.Tokens) answer).response().tokenType()).isEqualTo("N_A");
        failure(read(200, jag, REFRESH), Kind.MALFORMED);
        failure(read(200, body.formatted(""), EXCHANGE), Kind.MALFORMED);
        failure(read(200, body.formatted("urn:ietf:params:oauth:token-type:access_token"), EXCHANGE), Kind.MALFORMED);
    }

    // ---- What was sent does not come back -------------------------------------------------------------------------

    @Test
    void what_was_sent_is_redacted_however_it_is_encoded() {
        String form = URLEncoder.encode(TOKEN, StandardCharsets.UTF_8);
        Base64.Encoder base64 = Base64.getEncoder();
        byte[] bytes = TOKEN.getBytes(StandardCharsets.UTF_8);
        for (String echo : List.of(
                TOKEN,
                form,
                form.replace("%2F", "%2f").replace("%2B", "%2b"),
                TOKEN.replace("+", "%2B"),
                URLEncoder.encode(form, StandardCharsets.UTF_8),
                TOKEN.replace("/", "\\/"),
                TOKEN.replace("/", "\\u002F").replace("+", "\\u002b"),
                TOKEN.replace("/", "\\x2f"),
                TOKEN.replace("/", "&#x2F;").replace("+", "&#43;"),
                form.replace("%", "&#37;"),
                base64.encodeToString(bytes),
                base64.encodeToString(("id:" + TOKEN).getBytes(StandardCharsets.UTF_8)),
                base64.encodeToString(("the-id:" + form).getBytes(StandardCharsets.UTF_8)),
                base64.encodeToString(("my-id:" + TOKEN + ":x").getBytes(StandardCharsets.UTF_8)),
                Base64.getUrlEncoder().withoutPadding().encodeToString(bytes),
                TOKEN.substring(0, TOKEN.length() - 5),
                TOKEN.substring(7),
                TOKEN.substring(3, 20),
                form.substring(0, 24))) {
            String shown = shown("bad refresh_token=" + echo + "&client_id=x", TOKEN);
            assertThat(shown)
                    .as(echo)
                    .startsWith("bad refresh_token=")
                    .contains("[redacted]")
                    .endsWith("&client_id=x");
            for (int i = 0; i + 12 <= echo.length(); i++) {
                assertThat(shown).as(echo).doesNotContain(echo.substring(i, i + 12));
            }
        }
    }

    @Test
    void secrets_with_blanks_and_letters_of_other_scripts_are_found_too() {
        String secret = "größe und öl 42";
        assertThat(shown("got " + secret + "!", secret)).isEqualTo("got [redacted]!");
        assertThat(shown("got " + URLEncoder.encode(secret, StandardCharsets.UTF_8) + "!", secret))
                .isEqualTo("got [redacted]!");
        assertThat(shown(
                        "got "
                                + URLEncoder.encode(secret, StandardCharsets.UTF_8)
                                        .replace("+", "%20") + "!",
                        secret))
                .isEqualTo("got [redacted]!");
    }

    @Test
    void what_is_no_secret_stays() {
        String words = "The refresh token is 100% unknown &amp; expired \\u0041 %zz &#xZZ; &; %";
        assertThat(shown(words, TOKEN, "pw")).isEqualTo(words);
        assertThat(shown("1//0gAb is short", TOKEN)).isEqualTo("1//0gAb is short");
    }

    @Test
    void a_code_is_compared_before_anything_is_redacted() {
        List<String> secrets = List.of("grant", "pending", "invalid", "slow");
        for (String code : List.of("invalid_grant", "authorization_pending", "slow_down", "invalid_request")) {
            Reply reply = reply(400, "application/json", "{\"error\":\"" + code + "\"}");
            Failure failure = (Failure) reader(d -> {}).read(reply, secrets, null);
            assertThat(failure.error()).isEqualTo(code);
        }
        Reply reply = reply(400, "application/json", "{\"error\":\"a " + TOKEN + "\"}");
        assertThat(((Failure) reader(d -> {}).read(reply, List.of(TOKEN), null)).error())
                .isEqualTo("a [redacted]");
    }

    // ---- Forms ----------------------------------------------------------------------------------------------------

    @Test
    void a_form_is_read_in_one_pass() {
        // 100,000 names: at one comparison of each with each other, minutes.
        StringBuilder body = new StringBuilder("access_token=a");
        for (int i = 0; i < 100_000; i++) {
            body.append("&n").append(i).append('=');
        }
        Reply reply = reply(200, "application/x-www-form-urlencoded", body.toString());
        assertThat(reader(d -> {}).read(reply, List.of(), null)).isInstanceOf(Answer.Tokens.class);
    }

    @Test
    void a_form_is_decoded_as_browsers_do() {
        Reply reply = reply(
                200,
                "application/x-www-form-urlencoded",
                "&&access_token=a%2Bb&access_token=a%2bb&scope=x+%C3%BC%20%zz%&=&refresh_token=r%3D=");
        TokenResponse response = ((Answer.Tokens) reader(d -> {}).read(reply, List.of(), null)).response();
        assertThat(response.accessToken()).isEqualTo("a+b");
        assertThat(response.refreshToken()).isEqualTo("r==");
        assertThat(response.scopes()).containsExactly("x", "ü", "%zz%");
        Reply twice = reply(200, "application/x-www-form-urlencoded", "access_token=a&access_token=b");
        failure(reader(d -> {}).read(twice, List.of(), null), Kind.MALFORMED);
    }
}
