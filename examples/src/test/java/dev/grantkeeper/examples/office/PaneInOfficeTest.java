/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.office;

import static org.assertj.core.api.Assertions.assertThat;

import dev.grantkeeper.examples.browser.Chromium;
import dev.grantkeeper.provider.Provider;
import java.io.IOException;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.openqa.selenium.By;

/**
 * The pane in Office on the web: its page shows the pane in a frame, loads its script into it, opens the dialogs and
 * carries their messages. That page and that script are stand-ins, at the addresses of the real ones.
 */
class PaneInOfficeTest extends InTheBrowser {
    private static final By FRAME = By.id("pane");

    private static final String SCRIPT = """
            (() => {
              const handlers = {};
              let pending;
              addEventListener('message', event => {
                if (event.origin !== HOST || event.source !== parent) { return; }
                const told = event.data;
                if (told.type === 'opened') {
                  pending({status: 'succeeded', value: {
                    addEventHandler: (type, handler) => { handlers[type] = handler; },
                    close: () => parent.postMessage({type: 'close'}, HOST),
                  }});
                } else if (told.type === 'blocked') {
                  pending({status: 'failed', error: {code: 12009}});
                } else if (told.type === 'told') {
                  handlers.dialogMessageReceived({message: told.message, origin: told.origin});
                } else if (told.type === 'closed') {
                  handlers.dialogEventReceived({error: 12006});
                }
              });
              window.Office = {
                onReady: callback => Promise.resolve().then(callback),
                context: {ui: {
                  displayDialogAsync(url, options, callback) {
                    pending = callback;
                    parent.postMessage({type: 'open', url}, HOST);
                  },
                  messageParent(message, options) {
                    opener.postMessage({type: 'tell', message, target: options.targetOrigin}, HOST);
                  },
                }},
              };
            })();
            """;

    private static final String HOST = """
            <script>
              let blocks = false;
              let dialog = null;
              const pane = document.getElementById('pane').contentWindow;
              const tell = message => pane.postMessage(message, 'PANE');
              addEventListener('message', event => {
                const asked = event.data;
                if (event.source === pane && event.origin === 'PANE' && asked.type === 'open') {
                  dialog = blocks ? null : window.open(asked.url, '_blank', 'popup,width=500,height=600');
                  tell({type: dialog ? 'opened' : 'blocked'});
                } else if (event.source === pane && asked.type === 'close' && dialog) {
                  dialog.close();
                  dialog = null;
                } else if (event.source === dialog && asked.type === 'tell' && asked.target === 'PANE') {
                  tell({type: 'told', message: asked.message, origin: event.origin});
                }
              });
              setInterval(() => {
                if (dialog && dialog.closed) {
                  dialog = null;
                  tell({type: 'closed'});
                }
              }, 50);
            </script>
            """;

    private static OtherSite office;

    private Chromium alice;
    private String host;

    @BeforeAll
    static void open() throws IOException {
        office = new OtherSite(certificate);
        office.page(
                "/lib/1/hosted/office.js", OtherSite.Page.script("const HOST = '" + office.origin() + "';" + SCRIPT));
    }

    @AfterAll
    static void close() {
        office.close();
    }

    private void openPane(UnaryOperator<Provider.Builder> change) throws IOException {
        start(List.of(office.origin()), change);
        office.page(
                "/",
                OtherSite.Page.framing(setup.here().origin() + "/?_host_Info=Excel$Web$16.01$en-US$$$$0")
                        .and(HOST.replace("PANE", setup.here().origin())));
        alice = BROWSERS.of(
                "alice",
                options -> options.addArguments(
                        "--host-resolver-rules=MAP appsforoffice.microsoft.com:443 127.0.0.1:" + office.port()));
        alice.open(office.origin());
        host = alice.driver().getWindowHandle();
        pane().see(By.id("live"), "Connected");
    }

    private Chromium pane() {
        return alice.window(host).frame(FRAME);
    }

    @Test
    void signingInGoesThroughOfficesDialog() throws IOException {
        openPane(UnaryOperator.identity());
        alice.popUp(() -> alice.click(SIGN_IN));
        decide(alice, "accept", "alice");
        alice.window(host).windows(1);
        pane().see(HELLO, "Alice");
        alice.click(By.id("call"));
        alice.see(By.id("answer"), "Accountant");
        assertThat(alice.run("return fetch('/manifest.xml').then(answer => answer.text())"))
                .asString()
                .contains("<SourceLocation DefaultValue=\"" + setup.here().origin() + "/\"/>");
        alice.window(host).screenshot("office/in-office");
    }

    @Test
    void aRefusalClosesTheDialog() throws Exception {
        openPane(UnaryOperator.identity());
        alice.popUp(() -> alice.click(SIGN_IN));
        decide(alice, "refuse", "alice");
        alice.window(host).windows(1);
        pane().see(NOTICE, "You refused");
        assertNothingIsStored();
    }

    @Test
    void aDialogThatIsClosedByHandCanBeOpenedAgain() throws IOException {
        openPane(UnaryOperator.identity());
        alice.popUp(() -> alice.click(SIGN_IN));
        alice.see(By.cssSelector("input[value=alice]"));
        alice.closeFor(host);
        see(pane(), "seems to be closed");
        alice.popUp(() -> alice.click(By.id("begin-again")));
        decide(alice, "accept", "alice");
        alice.window(host).windows(1);
        pane().see(HELLO, "Alice");
    }

    @Test
    void aDialogThatOfficeDoesNotOpenIsSaid() throws IOException {
        openPane(UnaryOperator.identity());
        alice.window(host).run("blocks = true");
        pane().click(SIGN_IN);
        alice.see(NOTICE, "Please allow it");
        see(alice, "Welcome");
    }

    @Test
    void whoCancelsClosesTheDialog() throws IOException {
        openPane(UnaryOperator.identity());
        alice.popUp(() -> alice.click(SIGN_IN));
        alice.see(By.cssSelector("input[value=alice]"));
        pane().click(By.id("cancel"));
        alice.windows(1);
        see(pane(), "Welcome");
    }

    @Test
    void aDialogThatIsCutOffWorksWithOneStepMore() throws Exception {
        try (OtherSite provider = new OtherSite(certificate)) {
            openPane(from -> from.authorizationEndpoint(provider.cuttingOff(server.authorizationEndpoint())));
            alice.popUp(() -> alice.click(SIGN_IN));
            decide(alice, "accept", "alice");
            alice.see(By.id("title"), "Nobody is waiting");
            alice.closeFor(host);
            pane().see(NOTICE, "one step more");
            assertNothingIsStored();

            alice.popUp(() -> alice.click(SIGN_IN));
            alice.popUp(() -> alice.click(By.id("continue")));
            decide(alice, "accept", "alice");
            alice.window(host).windows(1);
            pane().see(HELLO, "Alice");
        }
    }
}
