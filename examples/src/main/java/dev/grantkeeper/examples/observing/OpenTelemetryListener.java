/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.observing;

import dev.grantkeeper.GrantListener;
import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.metrics.DoubleHistogram;
import io.opentelemetry.api.metrics.LongCounter;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.Tracer;

/** Counts and times grant events with OpenTelemetry, and records a span for each token request. Thread-safe. */
public final class OpenTelemetryListener implements GrantListener {
    private static final AttributeKey<String> PROVIDER = AttributeKey.stringKey("provider");
    private static final AttributeKey<String> EVENT = AttributeKey.stringKey("event");
    private static final AttributeKey<String> REASON = AttributeKey.stringKey("reason");

    private final String provider;
    private final Tracer tracer;
    private final LongCounter events;
    private final DoubleHistogram durations;

    /**
     * Makes a listener.
     *
     * @param telemetry where metrics and spans go
     * @param provider a name for them, one for each {@code Grantkeeper}
     */
    public OpenTelemetryListener(OpenTelemetry telemetry, String provider) {
        this.provider = provider;
        tracer = telemetry.getTracer("dev.grantkeeper");
        events = telemetry
                .getMeter("dev.grantkeeper")
                .counterBuilder("grantkeeper.events")
                .build();
        durations = telemetry
                .getMeter("dev.grantkeeper")
                .histogramBuilder("grantkeeper.event.duration")
                .setUnit("s")
                .build();
    }

    @Override
    public void on(Event event) {
        Attributes attributes =
                Attributes.of(PROVIDER, provider, EVENT, event.kind().toString(), REASON, reason(event));
        events.add(1, attributes);
        if (!event.took().isZero()) {
            durations.record(event.took().toNanos() / 1e9, attributes);
        }
        if (event.kind() == Kind.REFRESHED || event.kind() == Kind.FAILED || event.kind() == Kind.REFUSED) {
            record(event, attributes);
        }
    }

    /** The event comes when the request is over, and on a thread that has no caller's context: the span is a root. */
    private void record(Event event, Attributes attributes) {
        Span span = tracer.spanBuilder("grantkeeper.refresh")
                .setNoParent()
                .setSpanKind(SpanKind.CLIENT)
                .setStartTimestamp(event.at().minus(event.took()))
                .setAllAttributes(attributes)
                .startSpan();
        if (event.kind() != Kind.REFRESHED) {
            span.setStatus(StatusCode.ERROR);
        }
        span.end(event.at());
    }

    /** One of a few words: the detail of other events is a server's text, and has no end of values. */
    private static String reason(Event event) {
        return event.kind() == Kind.REFRESHED
                ? event.detail().orElse("none")
                : event.failure().map(Enum::name).orElse("none");
    }
}
