/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.office.handover;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * The page on which the pop-up ends. It is static but for the message to the pane, in an attribute. {@code done.js}
 * delivers that message and closes the window.
 *
 * <p>The message has the attempt's name, its status, and the token of {@link HandOver}, never an OAuth token or a code.
 * No text of the provider is on the page. Immutable and thread-safe.
 */
public final class ResultPage {
    /** The outcome, in the words of the message. */
    public enum Status {
        /** The user agreed; the pane may claim the result. */
        GRANTED("One moment", "Signing you in…"),
        /** The user refused. */
        DECLINED("You refused", "Nothing was connected, and nothing is stored."),
        /** The provider did not complete the login. */
        FAILED("That did not work", "The service did not complete the sign-in. Nothing is stored; please begin again."),
        /** The attempt is unknown, over, or somebody else's. */
        STRANGE(
                "Please begin again",
                "This sign-in did not begin in this window, or took too long. Nothing is stored."),
        /** The provider cannot be reached. */
        UNAVAILABLE("Please try again in a moment", "The service cannot be reached just now. Nothing is stored.");

        private final String title;
        private final String text;

        Status(String title, String text) {
            this.title = title;
            this.text = text;
        }

        /**
         * The name in the message.
         *
         * @return lower-case letters
         */
        public String word() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    private ResultPage() {}

    /**
     * Makes the page.
     *
     * @param status the outcome
     * @param tx the attempt's name; {@code null} if none is known
     * @param token the token that {@link HandOver#arrive} returned
     * @param office whether the pop-up is a dialog of Office
     * @return HTML
     */
    public static String html(Status status, @Nullable String tx, @Nullable String token, boolean office) {
        StringBuilder message = new StringBuilder("{\"status\":\"" + status.word() + "\"");
        if (tx != null) {
            message.append(",\"tx\":\"").append(tx).append('"');
        }
        if (token != null) {
            message.append(",\"token\":\"").append(token).append('"');
        }
        message.append('}');
        return String.format(
                Locale.ROOT, """
                <!DOCTYPE html>
                <html lang="en">
                <head>
                  <meta charset="utf-8">
                  <meta name="viewport" content="width=device-width, initial-scale=1">
                  <meta name="color-scheme" content="light dark">
                  <title>%s</title>
                  <link rel="icon" href="/icon.svg">
                  <link rel="stylesheet" href="/style.css">
                  <link rel="stylesheet" href="/office.css">
                  <script src="/done.js" defer></script>
                </head>
                <body class="dialog" data-message="%s" data-office="%s">
                  <header>
                    <div class="brand"><img src="/icon.svg" alt="" width="28" height="28">Office add-in</div>
                  </header>
                  <main id="welcome">
                    <section class="card">
                      <h1 id="title">%s</h1>
                      <p id="text" role="status">%s</p>
                      <p class="buttons"><button id="close" class="primary" hidden>Close this window</button></p>
                      <noscript><p>You can close this window. Signing in needs JavaScript.</p></noscript>
                    </section>
                  </main>
                </body>
                </html>
                """, status.title, escape(message.toString()), office, status.title, status.text);
    }

    private static String escape(String text) {
        return text.replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("\"", "&quot;")
                .replace("'", "&#39;");
    }
}
