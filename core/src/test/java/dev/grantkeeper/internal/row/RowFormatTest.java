/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.row;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.grantkeeper.internal.protocol.Resource;
import dev.grantkeeper.token.AccountKey;
import dev.grantkeeper.token.Identity;
import dev.grantkeeper.token.SealingKeys;
import dev.grantkeeper.token.StoredTokens;
import dev.grantkeeper.token.TokenSet;
import java.net.URI;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.spec.ECGenParameterSpec;
import java.time.Instant;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A row says again what was written, only where it was written, and what it cannot say it reports. */
class RowFormatTest {
    private static final SealingKeys KEYS = SealingKeys.of("kP3v9Zq7LxW2mT8sRb5nYc4dHf6gJa1e");
    private static final AccountKey ALICE = new AccountKey("fake:client", "alice");
    private static final AccountKey BOB = new AccountKey("fake:client", "bob");
    private static final Instant NOW = Instant.parse("2026-11-20T12:00:00.123Z");
    private static final JsonMapper JSON = new JsonMapper();

    private final RowFormat sealed = new RowFormat(KEYS);
    private final RowFormat plain = new RowFormat(null);

    private static GrantRow full() {
        Map<String, Object> claims = new LinkedHashMap<>();
        claims.put("name", "Zoë 例え 😀 \u0000\u2028");
        claims.put("number", 7L);
        claims.put("big", 9_007_199_254_740_993L);
        claims.put("share", 0.25);
        claims.put("yes", true);
        claims.put("list", List.of("a", 1L, false));
        claims.put("map", Map.of("inner", Map.of("deeper", "x")));
        Map<Resource.Named, GrantRow.State> resources = new LinkedHashMap<>();
        TokenSet files = TokenSet.builder("files-canary")
                .receivedAt(NOW)
                .authorizationDetails("[{\"type\":\"file\"}]")
                .build();
        resources.put(
                Resource.named("https://files.example"), new GrantRow.State(files, true, null, NOW.plusSeconds(9), 2));
        resources.put(
                Resource.named("api://blocked"),
                new GrantRow.State(
                        null,
                        false,
                        new GrantRow.Refusal(
                                "invalid_grant", "no", GrantRow.Refusal.Kind.BLOCKED, null, NOW.minusSeconds(5)),
                        NOW.plusSeconds(60),
                        3));
        resources.put(
                Resource.named("api://mail"),
                new GrantRow.State(
                        null,
                        false,
                        new GrantRow.Refusal(
                                "consent_required",
                                null,
                                GrantRow.Refusal.Kind.INTERACTION,
                                "{\"access_token\":{}}",
                                NOW),
                        null,
                        0));
        ObjectNode other = JSON.createObjectNode();
        other.put("fromTheFuture", 1L).putObject("alsoNew").put("a", "ü");
        return new GrantRow(
                RowFormat.newName(),
                NOW.minusSeconds(86_400),
                7,
                Identity.of("https://issuer.example/ü", "subject 1", claims),
                "https://issuer.example:443",
                "client-1",
                "https://api.example/mcp",
                RowFormat.newName(),
                true,
                new GrantRow.State(
                        TokenSet.builder("access-canary")
                                .tokenType("bearer")
                                .receivedAt(NOW)
                                .expiresAt(NOW.plusSeconds(3600))
                                .refreshAt(NOW.plusSeconds(1800))
                                .refreshToken("refresh-canary")
                                .refreshTokenExpiresAt(NOW.plusSeconds(86_400))
                                .apiBase(URI.create("https://one.sales.example/"))
                                .idToken("id.token.canary")
                                .scopes(new LinkedHashSet<>(List.of("b", "a", "https://graph.example/x.y")))
                                .authorizationDetails("[{\"type\":\"pâyment\", \"n\":1.50}]")
                                .resources(new LinkedHashSet<>(List.of("urn:b", "https://a.example")))
                                .build(),
                        true,
                        new GrantRow.Refusal(
                                "invalid_grant",
                                "said so",
                                GrantRow.Refusal.Kind.ANSWER_LOST,
                                null,
                                NOW.plusSeconds(5)),
                        NOW.plusSeconds(60),
                        3),
                resources,
                other);
    }

    @Test
    void a_full_row_comes_back_as_it_was() throws Exception {
        for (RowFormat format : List.of(sealed, plain)) {
            GrantRow row = full();
            StoredTokens stored = format.write(ALICE, row);
            VersionedRow read = format.read(ALICE, stored);
            assertThat(read.version()).isEqualTo(stored.version());
            assertThat(read.row()).isEqualTo(row);
            assertThat(read.row().tokens().scopes()).containsExactly("b", "a", "https://graph.example/x.y");
        }
    }

    private static GrantRow bound() throws Exception {
        KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
        generator.initialize(new ECGenParameterSpec("secp256r1"));
        return full().refreshed(
                        Resource.OWN,
                        TokenSet.builder("access-canary")
                                .tokenType("DPoP")
                                .proofKey(generator.generateKeyPair())
                                .receivedAt(NOW)
                                .build(),
                        false);
    }

    @Test
    void a_row_that_is_bound_to_a_key_comes_back_with_it() throws Exception {
        for (RowFormat format : List.of(sealed, plain)) {
            GrantRow row = bound();
            GrantRow read = format.read(ALICE, format.write(ALICE, row)).row();
            assertThat(read).isEqualTo(row);
            KeyPair before = row.tokens().proofKey().orElseThrow();
            KeyPair after = read.tokens().proofKey().orElseThrow();
            assertThat(after.getPrivate().getEncoded())
                    .isEqualTo(before.getPrivate().getEncoded());
            assertThat(after.getPublic()).isEqualTo(before.getPublic());
        }
        assertThat(bound().tokens()).isNotEqualTo(bound().tokens());
    }

    @Test
    void a_key_shows_in_no_sealed_row_and_in_no_message() throws Exception {
        GrantRow row = bound();
        KeyPair key = row.tokens().proofKey().orElseThrow();
        String secret = Base64.getUrlEncoder()
                .withoutPadding()
                .encodeToString(key.getPrivate().getEncoded());
        assertThat(plain.write(ALICE, row).text()).contains(secret);
        assertThat(sealed.write(ALICE, row).text()).doesNotContain(secret);
        assertThat(row.toString()).doesNotContain(secret);
        String text = plain.write(ALICE, row).text();
        assertThatThrownBy(() ->
                        plain.read(ALICE, new StoredTokens("v", text.replace(secret, secret.substring(0, 60)))))
                .isInstanceOf(UnreadableRowException.class)
                .hasMessageContaining("is damaged")
                .hasMessageNotContaining(secret.substring(0, 20))
                .hasNoCause();
    }

    /**
     * A node that does not know of keys would send such a token without a proof, and write down that it was refused.
     */
    @Test
    void a_row_that_is_bound_to_a_key_has_a_format_that_older_libraries_leave_alone() throws Exception {
        assertThat(JSON.readTree(plain.write(ALICE, bound()).text()).path("v").asInt())
                .isEqualTo(2);
        assertThat(JSON.readTree(plain.write(ALICE, full()).text()).path("v").asInt())
                .isEqualTo(1);
    }

    @ParameterizedTest
    @ValueSource(strings = {"DPoP", "dpop"})
    void a_row_whose_key_is_missing_says_so(String type) {
        assertUnreadable(
                plain,
                ALICE,
                new StoredTokens(
                        "v", "{\"v\":2,\"login\":\"l\",\"tokens\":{\"access\":\"canary\",\"type\":\"" + type + "\"}}"),
                "the key is missing");
    }

    @Test
    void a_node_that_knows_nothing_of_authorization_details_and_resources_keeps_them() throws Exception {
        ObjectNode json = (ObjectNode) JSON.readTree(plain.write(ALICE, full()).text());
        assertThat(json.path("tokens").properties())
                .extracting(Map.Entry::getKey)
                .doesNotContain("authorizationDetails", "resourcesAskedFor");
        assertThat(json.path("authorizationDetails").isTextual()).isTrue();
        assertThat(json.path("resourcesAskedFor").size()).isEqualTo(2);
    }

    @Test
    void an_almost_empty_row_comes_back_as_it_was() throws Exception {
        GrantRow row = GrantRow.of("login", Instant.ofEpochMilli(0), null, null);
        assertThat(sealed.read(ALICE, sealed.write(ALICE, row)).row()).isEqualTo(row);
        GrantRow tokens = GrantRow.of(
                "login",
                Instant.ofEpochMilli(NOW.toEpochMilli()),
                TokenSet.builder("a").receivedAt(NOW).build(),
                Identity.of("i", "s", Map.of()));
        assertThat(plain.read(ALICE, plain.write(ALICE, tokens)).row()).isEqualTo(tokens);
    }

    @Test
    void a_text_is_printable_ascii_whatever_it_says() {
        for (RowFormat format : List.of(sealed, plain)) {
            StoredTokens stored = format.write(new AccountKey("régistration", "zoë@例え.example 😀"), full());
            assertThat(stored.text()).matches("[ -~]+");
            assertThat(stored.version()).matches("[!-~]{1,64}");
        }
    }

    @Test
    void a_version_is_never_used_twice() {
        Set<String> seen = new LinkedHashSet<>();
        for (int i = 0; i < 10_000; i++) {
            assertThat(seen.add(RowFormat.newName())).isTrue();
        }
        GrantRow row = full();
        assertThat(sealed.write(ALICE, row).version())
                .isNotEqualTo(sealed.write(ALICE, row).version());
    }

    @Test
    void a_sealed_row_shows_nothing() {
        assertThat(sealed.write(ALICE, full()).text())
                .doesNotContain("canary")
                .doesNotContain("alice")
                .doesNotContain("invalid_grant");
    }

    // ---- Rows that are not where they belong ----------------------------------------------------------------------

    private void assertUnreadable(RowFormat format, AccountKey key, StoredTokens stored, String... words) {
        assertThatThrownBy(() -> format.read(key, stored))
                .isInstanceOf(UnreadableRowException.class)
                .hasMessageContainingAll(words)
                .hasMessageNotContaining("canary")
                .hasMessageNotContaining("alice")
                .hasNoCause();
    }

    @Test
    void a_row_moved_to_another_account_is_not_opened() {
        StoredTokens alices = sealed.write(ALICE, full());
        assertUnreadable(sealed, BOB, alices, "belongs to something else");
        assertUnreadable(sealed, new AccountKey("other:client", "alice"), alices, "belongs to something else");
    }

    @Test
    void an_old_text_under_a_new_version_is_not_opened() {
        StoredTokens old = sealed.write(ALICE, full());
        StoredTokens now = sealed.write(ALICE, full());
        assertUnreadable(sealed, ALICE, new StoredTokens(now.version(), old.text()), "belongs to something else");
    }

    @Test
    void every_changed_character_is_noticed() {
        StoredTokens stored = sealed.write(ALICE, GrantRow.of("login", NOW, null, null));
        for (int i = 0; i < stored.text().length(); i++) {
            char other = stored.text().charAt(i) == 'A' ? 'B' : 'A';
            String changed =
                    stored.text().substring(0, i) + other + stored.text().substring(i + 1);
            assertUnreadable(sealed, ALICE, new StoredTokens(stored.version(), changed), "cannot be opened");
        }
        for (int i = 0; i < stored.text().length(); i += 7) {
            assertUnreadable(
                    sealed,
                    ALICE,
                    new StoredTokens(stored.version(), stored.text().substring(0, i)),
                    "cannot be opened");
        }
    }

    @Test
    void sealed_and_unsealed_are_not_mixed() {
        assertUnreadable(sealed, ALICE, plain.write(ALICE, full()), "is not sealed", "sealingKeys(");
        assertUnreadable(plain, ALICE, sealed.write(ALICE, full()), "is sealed", "allowPlaintextTokens()");
    }

    @Test
    void a_row_under_a_missing_key_names_the_key() {
        RowFormat other = new RowFormat(SealingKeys.of("Q8wE2rT6yU1iO9pA4sD7fG3hJ5kL0zXc"));
        assertUnreadable(sealed, ALICE, other.write(ALICE, full()), "sealed under key", "andReading");
    }

    // ---- Rows of other versions of the library --------------------------------------------------------------------

    @Test
    void a_lost_answer_is_forgotten_with_the_next_refresh_also_if_an_older_library_made_that() throws Exception {
        GrantRow row = full();
        StoredTokens stored = plain.write(ALICE, row);
        assertThat(plain.read(ALICE, stored).row().answerLost()).isTrue();
        String later = stored.text().replace("\"refreshes\":7", "\"refreshes\":8");
        assertThat(plain.read(ALICE, new StoredTokens("v", later)).row().answerLost())
                .isFalse();
        assertThat(row.refreshed(Resource.OWN, row.tokens(), false).answerLost())
                .isFalse();
        assertThat(row.attempting("a").answerLost()).isTrue();
    }

    @Test
    void members_of_a_newer_library_survive_everything_that_happens_to_a_row() throws Exception {
        StoredTokens stored = new StoredTokens(
                "v",
                "{\"v\":1,\"login\":\"l\",\"authorizedAt\":5,\"new\":{\"x\":[1,2]},\"text\":\"\\u00fc\",\"tokens\":"
                        + "{\"access\":\"a\",\"type\":\"Bearer\",\"receivedAt\":5}}");
        GrantRow row = plain.read(ALICE, stored).row();
        List<GrantRow> later = List.of(
                row.attempting("x"),
                row.attempting("x")
                        .refreshed(Resource.OWN, TokenSet.builder("b").build(), true),
                row.refused(
                        Resource.OWN,
                        new GrantRow.Refusal("invalid_grant", null, GrantRow.Refusal.Kind.ENDED, null, NOW)),
                row.failedUntil(Resource.OWN, NOW, null),
                row.failedUntil(Resource.OWN, NOW, null).withoutFailures());
        for (GrantRow one : later) {
            String text = plain.write(ALICE, one).text();
            assertThat(JSON.readTree(text).path("new").toString()).isEqualTo("{\"x\":[1,2]}");
            assertThat(JSON.readTree(text).path("text").asText()).isEqualTo("ü");
            assertThat(plain.read(ALICE, plain.write(ALICE, one)).row()).isEqualTo(one);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"{\"v\":3,\"login\":\"l\"}", "{\"v\":99}", "{\"v\":0,\"login\":\"l\"}", "{}", "{\"v\":null}"})
    void a_row_of_another_format_is_left_as_it_is(String text) {
        assertUnreadable(plain, ALICE, new StoredTokens("v", text), "format", "left as it is");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{",
                "{\"v\":1}",
                "{\"v\":1,\"login\":7}",
                "{\"v\":1,\"login\":\"l\"",
                "{\"v\":1,\"login\":\"l\",\"tokens\":{}}",
                "{\"v\":1,\"login\":\"l\",\"tokens\":{\"access\":\"canary bad\",\"type\":\"Bearer\"}}",
                "{\"v\":1,\"login\":\"l\",\"tokens\":{\"access\":\"a\"}}",
                "{\"v\":1,\"login\":\"l\",\"identity\":{}}",
                "{\"v\":1,\"login\":\"l\",\"identity\":{\"issuer\":\"\",\"subject\":\"\"}}",
                "{\"v\":1,\"login\":\"l\",\"identity\":{\"issuer\":\"i\",\"subject\":\"s\",\"claims\":7}}",
                "{\"v\":1,\"login\":\"l\",\"refusal\":{}}",
                "{\"v\":1,\"login\":\"canary\",canary}"
            })
    void a_damaged_row_is_reported_and_not_quoted(String text) {
        assertUnreadable(plain, ALICE, new StoredTokens("v", text), "is damaged");
    }

    @Test
    void a_row_of_open_brackets_is_damaged_and_harms_nobody() {
        assertUnreadable(
                plain,
                ALICE,
                new StoredTokens("v", "{\"v\":1,\"login\":\"l\",\"x\":" + "[".repeat(500_000)),
                "is damaged");
    }

    @Test
    void values_of_unexpected_types_are_as_good_as_none() throws Exception {
        GrantRow row = plain.read(
                        ALICE,
                        new StoredTokens(
                                "v",
                                "{\"v\":1,\"login\":\"l\",\"authorizedAt\":\"x\",\"failures\":-5,\"notBefore\":\"soon\","
                                        + "\"attempt\":7,\"tokens\":null,\"refusal\":[],\"identity\":\"x\"}"))
                .row();
        assertThat(row).isEqualTo(GrantRow.of("l", Instant.EPOCH, null, null));
    }

    @Test
    void rows_print_no_secret() {
        assertThat(full().toString()).doesNotContain("canary").doesNotContain("subject");
        assertThat(new VersionedRow("v", full()).toString()).doesNotContain("canary");
        assertThat(plain.write(ALICE, full()).toString()).doesNotContain("canary");
        assertThat(ALICE.toString()).doesNotContain("alice");
    }
}
