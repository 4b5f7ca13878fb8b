/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.bridges;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** As much of an IMAP or an SMTP server as a login with XOAUTH2 needs, with the answers of Gmail. */
public final class FakeMailServer implements AutoCloseable {
    private static final String REFUSAL = Base64.getEncoder()
            .encodeToString("{\"status\":\"401\",\"schemes\":\"bearer\"}".getBytes(StandardCharsets.US_ASCII));

    private final ServerSocket socket = new ServerSocket(0, 10, InetAddress.getLoopbackAddress());
    private final boolean imap;
    private final Predicate<String> accepts;
    private final List<String> attempts = new CopyOnWriteArrayList<>();

    private FakeMailServer(boolean imap, Predicate<String> accepts) throws IOException {
        this.imap = imap;
        this.accepts = accepts;
        Thread thread = new Thread(this::serve, "fake mail server");
        thread.setDaemon(true);
        thread.start();
    }

    /** Starts a server that speaks IMAP, and accepts the access tokens that a test does. */
    public static FakeMailServer imap(Predicate<String> accepts) throws IOException {
        return new FakeMailServer(true, accepts);
    }

    /** Starts a server that speaks SMTP, and accepts the access tokens that a test does. */
    public static FakeMailServer smtp(Predicate<String> accepts) throws IOException {
        return new FakeMailServer(false, accepts);
    }

    public int port() {
        return socket.getLocalPort();
    }

    /** What clients have sent to log in: user, and whether the token was accepted. */
    public List<String> attempts() {
        return attempts;
    }

    private void serve() {
        while (!socket.isClosed()) {
            try (Socket connection = socket.accept();
                    BufferedReader in = new BufferedReader(
                            new InputStreamReader(connection.getInputStream(), StandardCharsets.US_ASCII))) {
                OutputStream out = connection.getOutputStream();
                say(out, imap ? "* OK IMAP4rev1" : "220 fake ESMTP");
                for (String line = in.readLine(); line != null; line = in.readLine()) {
                    if (imap) {
                        imap(line, in, out);
                    } else {
                        smtp(line, in, out);
                    }
                }
            } catch (IOException e) {
                // the client is gone, or the test is over
            }
        }
    }

    private static void say(OutputStream out, String line) throws IOException {
        out.write((line + "\r\n").getBytes(StandardCharsets.US_ASCII));
        out.flush();
    }

    private void imap(String line, BufferedReader in, OutputStream out) throws IOException {
        String[] words = line.split(" ");
        switch (words[1].toUpperCase(Locale.ROOT)) {
            case "CAPABILITY" -> {
                say(out, "* CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2");
                say(out, words[0] + " OK");
            }
            case "AUTHENTICATE" -> {
                if (isAccepted(words[3])) {
                    say(out, words[0] + " OK");
                } else {
                    say(out, "+ " + REFUSAL);
                    @Nullable String unused = in.readLine();
                    say(out, words[0] + " NO [AUTHENTICATIONFAILED] Invalid credentials");
                }
            }
            case "LOGOUT" -> {
                say(out, "* BYE");
                say(out, words[0] + " OK");
            }
            default -> say(out, words[0] + " OK");
        }
    }

    private void smtp(String line, BufferedReader in, OutputStream out) throws IOException {
        String[] words = line.split(" ");
        switch (words[0].toUpperCase(Locale.ROOT)) {
            case "EHLO" -> {
                say(out, "250-fake");
                say(out, "250 AUTH XOAUTH2");
            }
            case "AUTH" -> {
                if (isAccepted(words[2])) {
                    say(out, "235 2.7.0 Accepted");
                } else {
                    say(out, "334 " + REFUSAL);
                    @Nullable String unused = in.readLine();
                    say(out, "535 5.7.8 Username and Password not accepted");
                }
            }
            case "QUIT" -> say(out, "221 Bye");
            default -> say(out, "250 OK");
        }
    }

    private boolean isAccepted(String response) {
        String text = new String(Base64.getDecoder().decode(response), StandardCharsets.US_ASCII);
        String token = text.replaceAll("(?s).*auth=Bearer ([^\\x01]*)\\x01.*", "$1");
        boolean accepted = accepts.test(token);
        attempts.add(text.replaceAll("(?s)user=([^\\x01]*)\\x01.*", "$1") + (accepted ? " accepted" : " rejected"));
        return accepted;
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
