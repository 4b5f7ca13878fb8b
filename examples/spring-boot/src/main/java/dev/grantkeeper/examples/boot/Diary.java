/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.boot;

import dev.grantkeeper.Account;
import dev.grantkeeper.Grant;
import dev.grantkeeper.Grantkeeper;
import dev.grantkeeper.OAuthException;
import java.io.IOException;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.springframework.http.MediaType;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.bind.annotation.SessionAttribute;

/** What users see. Exceptions of the calls are left to {@link OAuthErrors}. */
@RestController
class Diary {
    private final Apis apis;
    private final Map<String, Grantkeeper> registrations;

    Diary(Apis apis, Map<String, Grantkeeper> registrations) {
        this.apis = apis;
        this.registrations = registrations;
    }

    @GetMapping("/recently-played")
    ResponseEntity<String> recentlyPlayed(@SessionAttribute(name = Logins.USER, required = false) @Nullable String user)
            throws IOException {
        return json(apis.recentlyPlayed(signedIn(user, "spotify")));
    }

    @GetMapping("/profile")
    ResponseEntity<String> profile(@SessionAttribute(name = Logins.USER, required = false) @Nullable String user)
            throws IOException {
        return json(apis.profile(signedIn(user, "acme")));
    }

    private static ResponseEntity<String> json(String body) {
        return ResponseEntity.ok().contentType(MediaType.APPLICATION_JSON).body(body);
    }

    /** What is connected, and what has to be connected again. It reads the store and makes no token request. */
    @GetMapping("/connections")
    Map<String, String> connections(@SessionAttribute(name = Logins.USER, required = false) @Nullable String user)
            throws OAuthException {
        Map<String, String> connections = new TreeMap<>();
        for (Grantkeeper registration : registrations.values()) {
            connections.put(registration.registration(), user == null ? "" : state(registration.account(user)));
        }
        return connections;
    }

    private static String state(Account account) throws OAuthException {
        Optional<Grant> grant = account.grant();
        return grant.isEmpty()
                ? "NOT_CONNECTED"
                : grant.get().loginRequired().map(Enum::name).orElse("CONNECTED");
    }

    private static String signedIn(@Nullable String user, String registration) {
        if (user == null) {
            throw new SignedOutException(registration);
        }
        return user;
    }
}
