/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.testkit;

import dev.grantkeeper.testkit.Settings.User;
import org.jspecify.annotations.Nullable;

/**
 * The pages for people: one to choose a user and to agree, one for errors. No script, nothing loaded from elsewhere.
 */
final class Pages {
    private static final String STYLE = """
            :root { color-scheme: light dark; --back: #f4f5f7; --card: #fff; --text: #1b1f24; --soft: #57606b;
              --line: #d9dee4; --edge: #868f99; --accent: #176b4d; --on-accent: #fff; --pick: #e8f4ef }
            @media (prefers-color-scheme: dark) { :root { --back: #14171a; --card: #1e2226; --text: #eceff2;
              --soft: #a9b3bd; --line: #363c43; --edge: #7b858f; --accent: #5cc79d;
              --on-accent: #0c2219; --pick: #1d332a } }
            * { box-sizing: border-box }
            body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.5rem;
              background: var(--back); color: var(--text); font: 1rem/1.5 system-ui, sans-serif }
            main { width: 100%; max-width: 26rem; background: var(--card); border: 1px solid var(--line);
              border-radius: 14px; padding: 2rem }
            h1 { margin: 0; font-size: 1.35rem; line-height: 1.25; text-wrap: balance }
            h2 { margin: 1.5rem 0 .5rem }
            h2, legend { padding: 0; font-size: .95rem; font-weight: 700 }
            p { margin: .4rem 0 0; color: var(--soft); overflow-wrap: anywhere }
            b { color: var(--text) }
            fieldset { border: 0; margin: 1.5rem 0 0; padding: 0 }
            label { display: flex; gap: .75rem; align-items: center; padding: .6rem .8rem; margin-top: .5rem;
              border: 1px solid var(--edge); border-radius: 10px; cursor: pointer }
            label:has(:checked) { border-color: var(--accent); background: var(--pick) }
            label:has(:focus-visible) { outline: 2px solid var(--accent); outline-offset: 2px }
            label:has(:focus-visible) input { outline: none }
            input { accent-color: var(--accent); width: 1.1rem; height: 1.1rem; margin: 0; flex: none }
            label span { display: block; color: var(--soft); font-size: .85rem; overflow-wrap: anywhere }
            ul { margin: 0; padding: 0 0 0 1.2rem }
            li { margin: .15rem 0; overflow-wrap: anywhere } li::marker { color: var(--accent) }
            code { padding: .1rem .4rem; border-radius: 6px; background: var(--pick);
              font: .875rem/1.6 ui-monospace, "DejaVu Sans Mono", Menlo, monospace }
            .buttons { display: flex; flex-direction: row-reverse; gap: .75rem; margin-top: 1.75rem }
            button { flex: 1; padding: .7rem 1rem; border-radius: 10px; border: 1px solid var(--edge);
              background: transparent; color: inherit; font: inherit; font-weight: 600; cursor: pointer }
            button:hover { background: var(--pick) } button.accept:hover { background: var(--accent); opacity: .92 }
            button.accept { background: var(--accent); border-color: var(--accent); color: var(--on-accent) }
            button:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px }
            footer { margin-top: 1.5rem; font-size: .8rem; color: var(--soft) }
            @media (max-width: 26rem) { body { padding: .9rem } main { padding: 1.35rem } }
            """;

    // Accept comes first, the style turns them round: the Enter key presses the first.
    private static final String BUTTONS = """
            <div class="buttons">
            <button class="accept" name="decision" value="accept">Accept</button>
            <button name="decision" value="refuse" formnovalidate>Refuse</button>
            </div>
            </form>
            <footer>A make-believe service for tests and demonstrations: no passwords here.</footer>
            """;

    private Pages() {}

    static Answer login(Settings settings, Endpoints.Authorization authorization, String query) {
        String hint = Http.get(authorization.params(), "login_hint");
        StringBuilder body = new StringBuilder();
        body.append("<form method=\"post\" action=\"")
                .append(escape(settings.path + FakeAuthorizationServer.AUTHORIZE + "?" + query))
                .append("\">\n<h1>Sign in to ")
                .append(escape(settings.title))
                .append("</h1>\n<p>to connect it with <b>")
                .append(escape(settings.clientNames.getOrDefault(
                        authorization.client().id(), authorization.client().id())))
                .append("</b></p>\n<fieldset>\n<legend>Who are you?</legend>\n");
        users(settings, hint, body);
        body.append("</fieldset>\n");
        if (!Grants.scopes(authorization.scope()).isEmpty()) {
            body.append("<h2>It will be able to</h2>\n<ul>\n");
            Grants.scopes(authorization.scope()).stream()
                    .sorted()
                    .forEach(scope -> item(scope, settings.scopeTexts.get(scope), body));
            body.append("</ul>\n");
        }
        body.append(BUTTONS);
        return page(settings, 200, body.toString());
    }

    private static void item(String scope, @Nullable String text, StringBuilder body) {
        body.append("<li>")
                .append(text == null ? "<code>" + escape(scope) + "</code>" : escape(text))
                .append("</li>\n");
    }

    /** The page on which a user types in the code that another device shows. */
    static Answer device(Settings settings, String userCode) {
        StringBuilder body = new StringBuilder();
        body.append("<form method=\"post\" action=\"")
                .append(settings.path + FakeAuthorizationServer.DEVICE)
                .append("\">\n<h1>Connect a device to ")
                .append(escape(settings.title))
                .append("</h1>\n<h2>Which code does it show?</h2>\n<label><input style=\"width: 100%\""
                        + " name=\"user_code\" required value=\"")
                .append(escape(userCode))
                .append("\"></label>\n<fieldset>\n<legend>Who are you?</legend>\n");
        users(settings, null, body);
        body.append("</fieldset>\n").append(BUTTONS);
        return page(settings, 200, body.toString());
    }

    static Answer done(Settings settings, boolean accepted) {
        return page(
                settings,
                200,
                "<h1>" + escape(settings.title) + "</h1>\n<p>"
                        + (accepted ? "Your device is connected." : "Your device is not connected.")
                        + " You can close this page.</p>\n");
    }

    static Answer signedOut(Settings settings) {
        return page(
                settings,
                200,
                "<h1>" + escape(settings.title) + "</h1>\n<p>You are signed out. You can close this page.</p>\n");
    }

    static Answer error(Settings settings, String message) {
        return page(
                settings,
                400,
                "<h1>" + escape(settings.title) + "</h1>\n<p>" + escape(message) + "</p>\n"
                        + "<footer>The application has sent a request that cannot be answered by a"
                        + " redirect.</footer>\n");
    }

    private static void users(Settings settings, @Nullable String hint, StringBuilder body) {
        User chosen = chosen(settings, hint);
        for (User user : settings.users.values()) {
            body.append("<label><input type=\"radio\" name=\"user\" value=\"")
                    .append(escape(user.id()))
                    .append(user.equals(chosen) ? "\" required checked>" : "\" required>")
                    .append("<div>")
                    .append(escape(user.name()))
                    .append("<span>")
                    .append(escape(user.email()))
                    .append("</span></div></label>\n");
        }
    }

    private static @Nullable User chosen(Settings settings, @Nullable String hint) {
        User user = settings.user(hint);
        return user != null
                ? user
                : settings.users.values().stream().findFirst().orElse(null);
    }

    private static Answer page(Settings settings, int status, String body) {
        // Real login pages refuse to be framed, and so does this one: applications find out before they go live.
        return Answer.status(status)
                .header("Content-Type", "text/html; charset=utf-8")
                .header("Cache-Control", "no-store")
                .header("Referrer-Policy", "no-referrer")
                .header("X-Frame-Options", "DENY")
                .header(
                        "Content-Security-Policy",
                        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'")
                .body("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                        + "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>"
                        + escape(settings.title) + "</title>\n<style>\n" + STYLE + "</style>\n</head>\n<body>\n<main>\n"
                        + body + "</main>\n</body>\n</html>\n");
    }

    private static String escape(String text) {
        return text.replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("\"", "&quot;")
                .replace("'", "&#39;");
    }
}
