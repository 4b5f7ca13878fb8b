/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.boot;

import dev.grantkeeper.Grantkeeper;
import dev.grantkeeper.LoginRequest;
import dev.grantkeeper.LoginResult;
import dev.grantkeeper.OAuthException;
import dev.grantkeeper.PendingLogin;
import dev.grantkeeper.TokenStoreException;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpSession;
import java.net.URI;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.http.HttpStatus;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RequestMethod;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.server.ResponseStatusException;

/** Sends users to the two servers, and receives them when they come back. */
@RestController
class Logins {
    /** The session attribute with the account id of the user who is signed in. */
    static final String USER = "user";

    private static final Logger LOG = LoggerFactory.getLogger(Logins.class);

    private final Map<String, Grantkeeper> registrations;

    /** Spring passes all beans of the type, by their names. */
    Logins(Map<String, Grantkeeper> registrations) {
        this.registrations = registrations;
    }

    Grantkeeper registration(String name) {
        return Optional.ofNullable(registrations.get(name))
                .orElseThrow(() -> new ResponseStatusException(HttpStatus.NOT_FOUND));
    }

    @PostMapping("/login/{registration}")
    ResponseEntity<Void> login(@PathVariable String registration, HttpSession session) throws OAuthException {
        return start(registration(registration).newLogin(), session);
    }

    /** Sends the browser to the authorization server, and keeps the login in its session. */
    static ResponseEntity<Void> start(LoginRequest request, HttpSession session) throws OAuthException {
        PendingLogin login = request.start();
        session.setAttribute(login.sessionKey(), login); // an attribute for each attempt: two tabs never meet
        return ResponseEntity.status(HttpStatus.SEE_OTHER).location(login.url()).build();
    }

    /** The user comes back, or somebody who claims to: whatever the query is, the browser goes on to a page of ours. */
    @GetMapping("/callback/{registration}")
    ResponseEntity<Void> callback(@PathVariable String registration, HttpServletRequest request) {
        String query = request.getQueryString();
        PendingLogin login = take(request.getSession(false), query);
        try {
            LoginResult result = registration(registration).finishLogin(login, query);
            if (result instanceof LoginResult.SignedIn in) {
                signIn(in, request);
                return redirect(in.appState().orElse("/"));
            }
            LOG.debug("A login was not finished: {}", result);
            boolean declined = result instanceof LoginResult.Declined answer && answer.byUser();
            return redirect(declined ? "/?login=declined" : "/?login=again");
        } catch (OAuthException e) {
            LOG.warn("A login could not be finished", e);
            return redirect("/?login=unavailable");
        }
    }

    private static void signIn(LoginResult.SignedIn in, HttpServletRequest request) throws OAuthException {
        HttpSession session = request.getSession();
        String user = (String) session.getAttribute(USER);
        if (user == null) {
            // An application with users of its own finds or creates the one who has this id.
            user = in.identity().orElseThrow().id();
        }
        try {
            in.keepAs(user);
        } catch (TokenStoreException e) {
            in.discard();
            throw e;
        }
        request.changeSessionId(); // a session id that somebody else knew before is worth nothing after
        session.setAttribute(USER, user);
    }

    /** Spring would have {@link #callback} answer it, and a link previewer's {@code HEAD} would use the login up. */
    @RequestMapping(path = "/callback/{registration}", method = RequestMethod.HEAD)
    ResponseEntity<Void> preview() {
        return ResponseEntity.noContent().build();
    }

    private static @Nullable PendingLogin take(@Nullable HttpSession session, @Nullable String query) {
        if (session == null) {
            return null;
        }
        String key = PendingLogin.sessionKeyOf(query);
        PendingLogin login = (PendingLogin) session.getAttribute(key);
        session.removeAttribute(key);
        return login;
    }

    /** Ends the grant. */
    @PostMapping("/disconnect/{registration}")
    ResponseEntity<Void> disconnect(@PathVariable String registration, HttpSession session) throws OAuthException {
        if (session.getAttribute(USER) instanceof String user) {
            registration(registration).account(user).signOut();
        }
        return redirect("/");
    }

    /** Ends the session. The grants stay, for the work that is done without the user. */
    @PostMapping("/sign-out")
    ResponseEntity<Void> signOut(HttpSession session) {
        session.invalidate();
        return redirect("/");
    }

    private static ResponseEntity<Void> redirect(String path) {
        return ResponseEntity.status(HttpStatus.SEE_OTHER)
                .location(URI.create(path))
                .header("Referrer-Policy", "no-referrer") // the code in the callback's address is nobody's business
                .build();
    }
}
