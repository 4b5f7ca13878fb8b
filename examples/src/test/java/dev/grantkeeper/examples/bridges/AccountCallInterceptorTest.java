/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.bridges;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.grantkeeper.Account;
import dev.grantkeeper.AuthorizationServerException;
import dev.grantkeeper.LoginRequiredException;
import dev.grantkeeper.testkit.Fault;
import dev.grantkeeper.testkit.Held;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptors;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.ServerInterceptors;
import io.grpc.ServerServiceDefinition;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class AccountCallInterceptorTest {
    private static final String AUTHORITY = "things.example.com";
    private static final Metadata.Key<String> AUTHORIZATION =
            Metadata.Key.of("Authorization", Metadata.ASCII_STRING_MARSHALLER);
    private static final Metadata.Key<String> CHALLENGE =
            Metadata.Key.of("WWW-Authenticate", Metadata.ASCII_STRING_MARSHALLER);

    private static final MethodDescriptor.Marshaller<String> TEXT = new MethodDescriptor.Marshaller<>() {
        @Override
        public InputStream stream(String value) {
            return new ByteArrayInputStream(value.getBytes(StandardCharsets.UTF_8));
        }

        @Override
        public String parse(InputStream stream) {
            try {
                return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    };

    private static final MethodDescriptor<String, String> ECHO = method(MethodDescriptor.MethodType.UNARY, "Echo");
    private static final MethodDescriptor<String, String> LETTERS =
            method(MethodDescriptor.MethodType.SERVER_STREAMING, "Letters");
    private static final MethodDescriptor<String, String> CHAT =
            method(MethodDescriptor.MethodType.BIDI_STREAMING, "Chat");

    private static MethodDescriptor<String, String> method(MethodDescriptor.MethodType type, String name) {
        return MethodDescriptor.newBuilder(TEXT, TEXT)
                .setType(type)
                .setFullMethodName("example.Things/" + name)
                .build();
    }

    private final BridgeScene scene = new BridgeScene("https://" + AUTHORITY);
    private final ConcurrentLinkedQueue<String> tokens = new ConcurrentLinkedQueue<>();
    private final CompletableFuture<Void> cancelled = new CompletableFuture<>();
    private volatile boolean rejectsAll;
    private volatile boolean answersNothing;
    private volatile Status rejection = Status.UNAUTHENTICATED;
    private volatile @Nullable String challenge;
    private Server server;
    private ManagedChannel channel;
    private Account alice;

    @BeforeEach
    void start() throws IOException {
        String name = InProcessServerBuilder.generateName();
        server = InProcessServerBuilder.forName(name)
                .addService(ServerInterceptors.intercept(service(), new Guard()))
                .build()
                .start();
        channel = InProcessChannelBuilder.forName(name)
                .overrideAuthority(AUTHORITY)
                .build();
        alice = scene.signIn("alice");
    }

    @AfterEach
    void close() {
        channel.shutdownNow();
        server.shutdownNow();
        scene.close();
    }

    /** Accepts the tokens that the authorization server accepts. */
    private final class Guard implements ServerInterceptor {
        @Override
        public <Q, R> ServerCall.Listener<Q> interceptCall(
                ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
            String value = headers.get(AUTHORIZATION);
            tokens.add(String.valueOf(value));
            if (answersNothing) {
                return new ServerCall.Listener<>() {
                    @Override
                    public void onCancel() {
                        cancelled.complete(null);
                    }
                };
            }
            if (rejectsAll || value == null || !scene.server.accepts(value.replace("Bearer ", ""))) {
                Metadata trailers = new Metadata();
                if (challenge != null) {
                    trailers.put(CHALLENGE, challenge);
                }
                call.close(rejection.withDescription("token"), trailers);
                return new ServerCall.Listener<>() {};
            }
            return next.startCall(call, headers);
        }
    }

    private static ServerServiceDefinition service() {
        return ServerServiceDefinition.builder("example.Things")
                .addMethod(ECHO, ServerCalls.asyncUnaryCall((text, answers) -> {
                    answers.onNext(text);
                    answers.onCompleted();
                }))
                .addMethod(LETTERS, ServerCalls.asyncServerStreamingCall((text, answers) -> {
                    text.chars().forEach(c -> answers.onNext(Character.toString(c)));
                    answers.onCompleted();
                }))
                .addMethod(CHAT, ServerCalls.asyncBidiStreamingCall(answers -> answers))
                .build();
    }

    private Channel channel(Account account) {
        return ClientInterceptors.intercept(channel, new AccountCallInterceptor(account));
    }

    private String echo(Account account) {
        return ClientCalls.blockingUnaryCall(channel(account), ECHO, CallOptions.DEFAULT, "hello");
    }

    private static Status.Code code(Throwable thrown) {
        assertThat(thrown).isInstanceOf(StatusRuntimeException.class);
        return ((StatusRuntimeException) thrown).getStatus().getCode();
    }

    @Test
    void a_call_carries_a_token_that_is_refreshed_before_it_expires() {
        assertThat(echo(alice)).isEqualTo("hello");
        scene.expire();
        assertThat(echo(alice)).isEqualTo("hello");
        assertThat(tokens).hasSize(2).doesNotHaveDuplicates();
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
    }

    @Test
    void a_rejected_call_is_repeated_once() throws Exception {
        scene.server.expireAccessTokens();
        assertThat(echo(alice)).isEqualTo("hello");
        assertThat(tokens).hasSize(2).doesNotHaveDuplicates();

        scene.expire();
        Observer observer = new Observer();
        ClientCalls.asyncUnaryCall(channel(alice).newCall(ECHO, CallOptions.DEFAULT), "later", observer);
        assertThat(observer.result.get()).isEqualTo("later");
    }

    @Test
    void a_stream_of_answers_is_repeated_before_its_first_one() {
        scene.server.expireAccessTokens();
        Iterator<String> letters =
                ClientCalls.blockingServerStreamingCall(channel(alice), LETTERS, CallOptions.DEFAULT, "abc");
        List<String> received = new ArrayList<>();
        letters.forEachRemaining(received::add);
        assertThat(received).containsExactly("a", "b", "c");
        assertThat(tokens).hasSize(2);
    }

    @Test
    void a_second_rejection_is_the_result() {
        rejectsAll = true;
        Throwable thrown = catchThrowable(() -> echo(alice));
        assertThat(code(thrown)).isEqualTo(Status.Code.UNAUTHENTICATED);
        assertThat(thrown).hasNoCause().hasMessageContaining("token");
        assertThat(tokens).hasSize(2);
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
    }

    @Test
    void a_stream_of_requests_is_not_repeated_and_the_next_one_has_the_new_token() throws Exception {
        scene.server.expireAccessTokens();
        assertThatThrownBy(() -> chat("hello").get())
                .isInstanceOf(ExecutionException.class)
                .hasCauseInstanceOf(StatusRuntimeException.class)
                .hasMessageContaining("UNAUTHENTICATED");
        assertThat(tokens).hasSize(1);
        assertThat(chat("hello").get()).isEqualTo("hello");
        assertThat(scene.server.refreshRequests()).isEqualTo(1);
    }

    private CompletableFuture<String> chat(String text) {
        Observer observer = new Observer();
        StreamObserver<String> requests =
                ClientCalls.asyncBidiStreamingCall(channel(alice).newCall(CHAT, CallOptions.DEFAULT), observer);
        requests.onNext(text);
        requests.onCompleted();
        return observer.result;
    }

    /** Takes the first answer. */
    private static final class Observer implements StreamObserver<String> {
        final CompletableFuture<String> result = new CompletableFuture<>();

        @Override
        public void onNext(String answer) {
            result.complete(answer);
        }

        @Override
        public void onError(Throwable failure) {
            result.completeExceptionally(failure);
        }

        @Override
        public void onCompleted() {
            result.cancel(false);
        }
    }

    @Test
    void another_authority_gets_no_token() {
        ManagedChannel other = InProcessChannelBuilder.forName(
                        server.getListenSockets().get(0).toString())
                .overrideAuthority("elsewhere.example.com")
                .build();
        Channel authorized = ClientInterceptors.intercept(other, new AccountCallInterceptor(scene.account("nobody")));
        Throwable thrown =
                catchThrowable(() -> ClientCalls.blockingUnaryCall(authorized, ECHO, CallOptions.DEFAULT, "hello"));
        assertThat(code(thrown)).isEqualTo(Status.Code.UNAUTHENTICATED);
        assertThat(tokens).containsExactly("null");
        other.shutdownNow();
    }

    @Test
    void nobody_signed_in_is_a_login_that_is_required() {
        Throwable thrown = catchThrowable(() -> echo(scene.account("nobody")));
        assertThat(code(thrown)).isEqualTo(Status.Code.UNAUTHENTICATED);
        assertThat(thrown).hasCauseInstanceOf(LoginRequiredException.class);
        assertThat(tokens).isEmpty();
    }

    @Test
    void a_challenge_is_a_login_that_is_required_and_names_what_is_missing() {
        rejectsAll = true;
        rejection = Status.PERMISSION_DENIED;
        challenge = "Bearer error=\"insufficient_scope\", scope=\"things.write\"";
        Throwable thrown = catchThrowable(() -> echo(alice));
        assertThat(code(thrown)).isEqualTo(Status.Code.UNAUTHENTICATED);
        assertThat(thrown.getCause())
                .isInstanceOfSatisfying(
                        LoginRequiredException.class,
                        e -> assertThat(e.scopes()).containsExactly("things.write"));
        assertThat(tokens).hasSize(1);
    }

    @Test
    void a_token_endpoint_that_is_down_is_told_from_that() {
        scene.expire();
        scene.server.onEveryTokenRequest(Fault.retryAfter(503, "3600"));
        Throwable thrown = catchThrowable(() -> echo(alice));
        assertThat(code(thrown)).isEqualTo(Status.Code.UNAVAILABLE);
        assertThat(thrown).hasCauseInstanceOf(AuthorizationServerException.class);
    }

    @Test
    void a_call_that_is_cancelled_while_it_waits_for_tokens_is_not_repeated() throws Exception {
        scene.server.expireAccessTokens();
        Held refresh = scene.server.hold();
        ClientCall<String, String> call = channel(alice).newCall(ECHO, CallOptions.DEFAULT);
        ClientCalls.asyncUnaryCall(call, "hello", new Observer());
        refresh.awaitArrived(1);
        call.cancel("given up", null);
        refresh.release();
        assertThat(echo(alice)).isEqualTo("hello");
        assertThat(tokens).hasSize(2);
    }

    @Test
    void cancelling_a_repetition_ends_it() throws Exception {
        scene.server.expireAccessTokens();
        Held refresh = scene.server.hold();
        ClientCall<String, String> call = channel(alice).newCall(ECHO, CallOptions.DEFAULT);
        ClientCalls.asyncUnaryCall(call, "hello", new Observer());
        refresh.awaitArrived(1);
        answersNothing = true;
        refresh.release();
        while (tokens.size() < 2) {
            Thread.onSpinWait();
        }
        call.cancel("given up", null);
        cancelled.get(30, TimeUnit.SECONDS);
    }
}
