/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.boot;

import dev.grantkeeper.AuthorizationServerException;
import dev.grantkeeper.LoginRequest;
import dev.grantkeeper.LoginRequiredException;
import dev.grantkeeper.OAuthException;
import jakarta.servlet.http.HttpServletRequest;
import java.io.IOException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatus;
import org.springframework.http.MediaType;
import org.springframework.http.ProblemDetail;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.bind.annotation.RestControllerAdvice;

/** Answers for calls that a user, or time, has to fix. */
@RestControllerAdvice
class OAuthErrors {
    private static final Logger LOG = LoggerFactory.getLogger(OAuthErrors.class);

    /** Marks a request that follows a login. */
    private static final String AFTER_LOGIN = "after-login";

    private final Logins logins;

    OAuthErrors(Logins logins) {
        this.logins = logins;
    }

    @ExceptionHandler
    ResponseEntity<?> loginRequired(LoginRequiredException e, HttpServletRequest request) throws OAuthException {
        String registration = e.key().registration();
        LoginRequest login = logins.registration(registration).newLogin().inResponseTo(e);
        return login(registration, login, e.reason().name(), request);
    }

    @ExceptionHandler
    ResponseEntity<?> signedOut(SignedOutException e, HttpServletRequest request) throws OAuthException {
        LoginRequest login = logins.registration(e.registration).newLogin();
        return login(e.registration, login, "SIGNED_OUT", request);
    }

    /** A page goes to the login and comes back; a script gets an answer that it can read. */
    private static ResponseEntity<?> login(
            String registration, LoginRequest login, String reason, HttpServletRequest request) throws OAuthException {
        boolean page = request.getMethod().equals("GET")
                && String.valueOf(request.getHeader(HttpHeaders.ACCEPT)).contains("text/html");
        // An API that no login satisfies would send the browser round and round.
        if (page && request.getParameter(AFTER_LOGIN) == null) {
            login.appState(request.getServletPath() + "?" + AFTER_LOGIN);
            return Logins.start(login, request.getSession());
        }
        ProblemDetail problem = ProblemDetail.forStatusAndDetail(HttpStatus.UNAUTHORIZED, "Please sign in");
        problem.setProperty("login", "/login/" + registration);
        problem.setProperty("reason", reason);
        return ResponseEntity.status(HttpStatus.UNAUTHORIZED)
                .contentType(MediaType.APPLICATION_PROBLEM_JSON)
                .body(problem);
    }

    /** The grant is kept: the authorization server or the database is in trouble, and the next call may succeed. */
    @ExceptionHandler
    ResponseEntity<ProblemDetail> unavailable(OAuthException e) {
        LOG.warn("A call failed", e);
        ResponseEntity.BodyBuilder answer = ResponseEntity.status(HttpStatus.SERVICE_UNAVAILABLE);
        if (e instanceof AuthorizationServerException server) {
            server.retryAfter()
                    .ifPresent(pause -> answer.header(HttpHeaders.RETRY_AFTER, String.valueOf(pause.toSeconds())));
        }
        return answer.contentType(MediaType.APPLICATION_PROBLEM_JSON)
                .body(ProblemDetail.forStatusAndDetail(HttpStatus.SERVICE_UNAVAILABLE, "Please try again"));
    }

    /** The API is in trouble. */
    @ExceptionHandler
    ResponseEntity<ProblemDetail> badGateway(IOException e) {
        LOG.warn("A call failed", e);
        return ResponseEntity.status(HttpStatus.BAD_GATEWAY)
                .contentType(MediaType.APPLICATION_PROBLEM_JSON)
                .body(ProblemDetail.forStatusAndDetail(
                        HttpStatus.BAD_GATEWAY, "The service did not answer as expected"));
    }
}
