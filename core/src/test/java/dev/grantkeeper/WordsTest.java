/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.lang.model.element.Element;
import javax.lang.model.element.TypeElement;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * The language of Javadoc, messages and documentation: the words that people of this field search for, in sentences
 * that nobody reads twice. What is measured is written to {@code target/words.txt}.
 */
class WordsTest {
    /**
     * What not to write => what to write in its place => an example of the first. That is a regular expression of whole
     * words, whatever their case, in which a blank is any white space.
     */
    private static final List<Rule> WORDS = rules("""
            (is|are|was|were|be)(?<!\\bthere (will |still )?\\w{2,4}) no \
            (?!(longer|more|less|other|different|good|use|secret|such|exception|one|matter|better|worse)\\b)\\w+ \
            => is not a …, are not … => if it is no URL
            (give[sn]?|gave|giving) (\\w+ ){0,3}back(?!-) => revoke (tokens), return (values) => gives its tokens back
            tak(e|es|en|ing) (it|them|(the |its )?tokens?) back => supports revocation => where it can take them back
            (is|are|was|were|be|been|being) said(?! to (have|be)) => is called, is set, is described => if it is said
            say ([{]@(link|code) )?[#\\w.]*\\w[(] => call => say openId(issuer) when describing it
            (for|by|to) who => for callers that …, by anyone who … => the interceptor, for who holds a builder
            who(?<=[.;:\\x01] who) (?!(is|was)\\b)(\\w+s|may|can|have)(?![^.?]*[?]) => anyone who … => So: who asks
            whoever => anyone who … => whoever holds this
            metadata (are|were|have|do|tell|say|name) => metadata is, has, does => what the metadata tell
            (is|are) asked => is contacted, is read, is requested, receives a request => The server is asked once
            (was|were|be|been|being) asked(?! (for|to)) => is contacted, is read, is unreachable => it cannot be asked
            for ever => forever, for good => nobody waits for ever
            mend(s|ed|ing|able)? => fix, repair => what a login can mend
            hear[sd]? of => is notified of, receives => a listener hears of it
            unsealed => plaintext, not sealed => an unsealed row
            prov(e|es|ing) who (they|it|we|the (application|client)) => authenticate => to prove who they are
            makes? no sense => is malformed => if the answer makes no sense
            another matter => does not … => The session is another matter.
            (does|do) not say whose => without an account => a request that does not say whose it is
            wants? to see the user => requires user interaction => the server wants to see the user
            (tokens?|codes?) (has |have |had )?end(s|ed)?(?! (the|all|every|its|an?)\\b) => expire => token has ended
            ^#+ [^\\n]*another device => Device login (RFC 8628) => ### On another device
            ^#+ [^\\n]*Without a browser => Device login (RFC 8628) => ### Without a browser
            ^#+ [^\\n]*Prove who => Client authentication => ### Prove who the application is
            ^#+ [^\\n]*Protect logins => PAR, JAR and JARM (FAPI 2.0) => ### Protect logins
            ^#+ [^\\n]*own machine => Command-line and desktop applications => ### On the user's own machine
            ^#+ [^\\n]*exchange for another => Token exchange and on-behalf-of => ### In exchange for another token
            ^#+ [^\\n]*than scopes can say => Rich authorization requests => ### Ask for more than scopes can say
            ^#+ [^\\n]*Leaving => Sign-out, revocation, introspection, logout => ### Leaving, and asking about tokens
            ^#+ [^\\n]*no use to a thief => Sender-constrained tokens (DPoP, mTLS) => ## Of no use to a thief
            """);

    /** The same for names that are not there any more. */
    private static final List<Rule> NAMES = rules("""
            unsealed[(][)] => allowPlaintextTokens() => or unsealed()
            slotOf => sessionKeyOf => see slotOf(query)
            slot[(][)] => sessionKey() => named login.slot()
            carry[(] => appState( => newLogin().carry(path)
            answering[(] => inResponseTo( => newLogin().answering(e)
            returningChallenges => withoutChallengeExceptions => {@link #returningChallenges()}
            reconsider[(] => clearRefusal( => account.reconsider()
            finishLoginAsync => awaitLoginAsync => finishLoginAsync(login)
            TokenRequestException => AuthorizationServerException => a TokenRequestException
            longestWait => maxWait => Builder#longestWait
            trustStoredFor => storeCacheTime => trustStoredFor(Duration.ZERO)
            lastGood => cacheFile => lastGood(file)
            """);

    private record Rule(Pattern pattern, String instead, String example) {}

    private static List<Rule> rules(String table) {
        return table.lines()
                .map(row -> row.split(" => "))
                .map(row -> new Rule(
                        Pattern.compile(
                                wholeWords(row[0]).replace(" ", "\\s{1,99}"),
                                Pattern.CASE_INSENSITIVE | Pattern.MULTILINE),
                        row[1],
                        row[2]))
                .toList();
    }

    private static String wholeWords(String pattern) {
        return "(?<!\\w)(?:" + pattern + ")" + (pattern.endsWith("]") ? "" : "(?!\\w)");
    }

    private static final Pattern HEADLESS =
            Pattern.compile("^\\s*(?:\\{@\\w+[^}]*}\\s*)?(?:Where|What|Who|Whose|Whom|When|How)\\b");

    private static final int WIDTH = 120;

    // ---- What is read ---------------------------------------------------------------------------------------------

    /** The prose that people read, by the file's place: the texts of Markdown, and comments and strings of Java. */
    private static Map<Path, String> prose(List<Path> files) {
        Map<Path, String> texts = new LinkedHashMap<>();
        for (Path file : files) {
            String text = read(file);
            texts.put(SourceModel.ROOT.relativize(file), SourceModel.isJava(file) ? new JavaText(text).prose() : text);
        }
        return texts;
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** All files of this project with such a name, this test aside: it has to name what it forbids. */
    private static List<Path> all(String ending) {
        List<Path> files = SourceModel.files(
                SourceModel.ROOT, file -> file.toString().endsWith(ending) && !file.endsWith("WordsTest.java"));
        assertThat(files).as("files named *" + ending).hasSizeGreaterThan(3);
        return files;
    }

    private static List<Path> published() {
        return Stream.of(
                        SourceModel.mainSources("core"),
                        SourceModel.mainSources("store-memory"),
                        SourceModel.mainSources("store-jdbc"),
                        SourceModel.testKitSources(),
                        all(".md"))
                .flatMap(List::stream)
                .toList();
    }

    private static List<String> hits(List<Rule> rules, Map<Path, String> texts) {
        List<String> hits = new ArrayList<>();
        texts.forEach((file, text) -> {
            for (Rule rule : rules) {
                Matcher matcher = rule.pattern().matcher(text);
                while (matcher.find()) {
                    String found =
                            matcher.group().replaceAll("[\\s\\x01]+", " ").replaceFirst("^[.;:]? ?", "");
                    hits.add(file + ":" + line(text, matcher.end() - 1) + ": \"" + found + "\", better: "
                            + rule.instead());
                }
            }
        });
        return hits;
    }

    private static long line(String text, int at) {
        return 1 + text.substring(0, at).chars().filter(c -> c == '\n').count();
    }

    // ---- How it opens ---------------------------------------------------------------------------------------------

    private static final class Openings {
        private final List<String> headless = new ArrayList<>();
        private int documented;
        private int members;

        private void count(SourceModel model, Element element) {
            members++;
            String comment = model.elements().getDocComment(element);
            if (comment != null) {
                documented++;
                if (HEADLESS.matcher(comment).find()) {
                    String first = comment.strip().split("\n", 2)[0];
                    headless.add(model.place(element) + ": " + element.getSimpleName() + ": " + first);
                }
            }
        }

        private String share() {
            return headless.size() + " of " + documented + " documented ("
                    + Math.round(1000.0 * headless.size() / documented) / 10.0 + " %)";
        }
    }

    private static void count(SourceModel model, Openings api, Openings internal) {
        for (TypeElement type : model.visibleTypes()) {
            String packageName =
                    model.elements().getPackageOf(type).getQualifiedName().toString();
            Openings openings = packageName.startsWith("dev.grantkeeper.internal") ? internal : api;
            openings.count(model, type);
            type.getEnclosedElements().stream()
                    .filter(SourceModel::isVisible)
                    .filter(member ->
                            !member.getKind().isClass() && !member.getKind().isInterface())
                    .forEach(member -> openings.count(model, member));
        }
    }

    @Test
    void public_javadoc_begins_with_a_noun_or_a_verb() throws IOException {
        Openings api = new Openings();
        Openings internal = new Openings();
        for (List<Path> sources : List.of(
                SourceModel.mainSources("core"),
                SourceModel.mainSources("store-memory"),
                SourceModel.mainSources("store-jdbc"),
                SourceModel.testKitSources())) {
            SourceModel.<@Nullable Void>read(sources, model -> {
                count(model, api, internal);
                return null;
            });
        }
        List<String> figures = new ArrayList<>();
        figures.add("public types and members: " + api.members);
        figures.add("their Javadoc begins with Where, What, Who, Whose, Whom, When or How: " + api.share());
        figures.add("the same inside of internal packages: " + internal.share());
        for (Path file : all("README.md")) {
            figures.add("words of " + SourceModel.ROOT.relativize(file) + ": "
                    + read(file).strip().split("\\s+").length);
        }
        Files.createDirectories(Path.of("target"));
        Files.write(Path.of("target/words.txt"), figures);

        assertThat(api.documented).isGreaterThan(400);
        assertThat(api.headless)
                .as(
                        "Javadoc that begins with a question word, %s. Begin with a noun, \"Returns\", \"Sets the\" or"
                                + " what the method does; fewer than 1 in 50 may be left",
                        api.share())
                .hasSizeLessThan(api.documented / 50);
    }

    // ---- The words ------------------------------------------------------------------------------------------------

    @Test
    void words_are_those_of_the_field() {
        assertThat(hits(WORDS, prose(published()))).isEmpty();
    }

    @Test
    void names_that_were_changed_are_mentioned_nowhere() {
        List<Path> files = new ArrayList<>(all(".md"));
        files.addAll(all(".java"));
        assertThat(hits(NAMES, prose(files))).isEmpty();
    }

    @Test
    void each_rule_finds_what_it_is_for() {
        Stream.of(WORDS, NAMES)
                .flatMap(List::stream)
                .forEach(rule -> assertThat(hits(List.of(rule), Map.of(Path.of("a"), rule.example())))
                        .as(rule.example())
                        .hasSize(1));
    }

    @Test
    void good_english_is_left_alone() {
        String good = """
                There is no grant. There will be no fourth case. It is no longer valid, and this is no secret.
                The call returns at once. Call back later; give it back-channel logout. It is said to be so.
                The server may say {@code slow_down}. Scopes that were asked for. What it was asked to do.
                Not in the preset: who the user is. The question is: who may sign in? The metadata says so.
                Using a refresh token ends the family. Nobody is forever. A sealed text; unseal(…).
                ### Client authentication
                """;
        assertThat(hits(WORDS, Map.of(Path.of("good"), good))).isEmpty();
        assertThat(hits(NAMES, Map.of(Path.of("good"), "a slot of its own, a carry, allowPlaintextTokens()")))
                .isEmpty();
    }

    @Test
    void code_is_not_prose_and_sentences_are_read_across_lines() {
        String source = """
                /** It is
                 * no URL. */
                void f() { g("is " // a reason
                        + "no", "URL"); } // is
                // no URL
                String is = no("URL \\" is no" + \" URL\" + x, '"', "is no"), URL;
                """;
        assertThat(hits(WORDS.subList(0, 1), Map.of(Path.of("a"), new JavaText(source).prose())))
                .extracting(hit -> hit.replaceFirst(": .*", ""))
                .containsExactly("a:2", "a:5", "a:6");
    }

    // ---- Comments -------------------------------------------------------------------------------------------------

    /** Calls with each line of each Java source that ends in a comment: its place, and the text. */
    private static void forEachCommentLine(BiConsumer<String, CommentLine> reader) {
        for (Path file : all(".java")) {
            String text = read(file);
            JavaText java = new JavaText(text);
            int start = 0;
            int number = 1;
            CommentLine before = null;
            for (String line : text.split("\n", -1)) {
                int last = start + line.stripTrailing().length() - 1;
                JavaText.Part part = line.isBlank() ? JavaText.Part.CODE : java.part(last);
                boolean isComment = part == JavaText.Part.LINE_COMMENT || part == JavaText.Part.BLOCK_COMMENT;
                CommentLine now = isComment ? new CommentLine(line, part, before) : null;
                if (now != null) {
                    reader.accept(SourceModel.ROOT.relativize(file) + ":" + number, now);
                }
                before = now;
                start += line.length() + 1;
                number++;
            }
        }
    }

    private record CommentLine(
            String text, JavaText.Part part, @Nullable CommentLine before) {

        /** Whether this is one word that was broken off the line before; a URL may need a line of its own. */
        boolean isBrokenOff() {
            String words = text.strip().replaceFirst("^//\\s*", "");
            return part == JavaText.Part.LINE_COMMENT
                    && text.strip().startsWith("//")
                    && before != null
                    && before.part() == part
                    && !before.text().strip().equals("//")
                    && words.matches("\\S+")
                    && !words.contains("://");
        }
    }

    @Test
    void no_comment_is_wider_than_the_code() {
        List<String> wide = new ArrayList<>();
        forEachCommentLine((place, line) -> {
            boolean holdsUrl = line.text().contains("://"); // which cannot be broken
            if (line.text().length() > WIDTH && !holdsUrl) {
                wide.add(place + ": " + line.text().strip());
            }
        });
        assertThat(wide).as("comments beyond column " + WIDTH).isEmpty();
    }

    @Test
    void no_comment_is_broken_after_one_word() {
        List<String> broken = new ArrayList<>();
        forEachCommentLine((place, line) -> {
            if (line.isBrokenOff()) {
                broken.add(place + ": " + line.text().strip());
            }
        });
        assertThat(broken)
                .as("lines of // comments with one word: wrap the whole comment anew")
                .isEmpty();
    }
}
