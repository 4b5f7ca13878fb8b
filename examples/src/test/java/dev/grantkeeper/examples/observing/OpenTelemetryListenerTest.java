/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.observing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.groups.Tuple.tuple;

import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.sdk.OpenTelemetrySdk;
import io.opentelemetry.sdk.metrics.SdkMeterProvider;
import io.opentelemetry.sdk.metrics.data.LongPointData;
import io.opentelemetry.sdk.metrics.data.MetricData;
import io.opentelemetry.sdk.testing.exporter.InMemoryMetricReader;
import io.opentelemetry.sdk.testing.exporter.InMemorySpanExporter;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.export.SimpleSpanProcessor;
import java.util.Collection;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class OpenTelemetryListenerTest {
    private static final AttributeKey<String> EVENT = AttributeKey.stringKey("event");
    private static final AttributeKey<String> REASON = AttributeKey.stringKey("reason");

    private final InMemoryMetricReader reader = InMemoryMetricReader.create();
    private final InMemorySpanExporter spans = InMemorySpanExporter.create();
    private final OpenTelemetrySdk telemetry = OpenTelemetrySdk.builder()
            .setMeterProvider(
                    SdkMeterProvider.builder().registerMetricReader(reader).build())
            .setTracerProvider(SdkTracerProvider.builder()
                    .addSpanProcessor(SimpleSpanProcessor.create(spans))
                    .build())
            .build();

    @BeforeEach
    void play() throws Exception {
        ListenerScene.play(new OpenTelemetryListener(telemetry, "google"));
    }

    @AfterEach
    void close() {
        telemetry.close();
    }

    private static MetricData metric(Collection<MetricData> all, String name) {
        return all.stream()
                .filter(metric -> metric.getName().equals(name))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void a_refresh_an_outage_and_a_refusal_are_counted_and_timed_without_their_user() {
        Collection<MetricData> all = reader.collectAllMetrics();
        assertThat(metric(all, "grantkeeper.events").getLongSumData().getPoints())
                .extracting(
                        point -> point.getAttributes().get(EVENT),
                        point -> point.getAttributes().get(REASON),
                        LongPointData::getValue)
                .containsExactlyInAnyOrder(
                        tuple("SIGNED_IN", "none", 1L),
                        tuple("REFRESHED", "expired", 1L),
                        tuple("FAILED", "TEMPORARY", 1L),
                        tuple("REFUSED", "none", 1L));
        MetricData durations = metric(all, "grantkeeper.event.duration");
        assertThat(durations.getUnit()).isEqualTo("s");
        assertThat(durations.getHistogramData().getPoints())
                .extracting(point -> point.getAttributes().get(EVENT))
                .contains("REFRESHED", "FAILED", "REFUSED");
        assertThat(all.toString()).doesNotContain(ListenerScene.USER);
    }

    @Test
    void each_token_request_of_a_refresh_is_a_span_with_its_length() {
        List<SpanData> all = spans.getFinishedSpanItems();
        assertThat(all)
                .extracting(
                        span -> span.getAttributes().get(EVENT),
                        span -> span.getStatus().getStatusCode())
                .containsExactly(
                        tuple("REFRESHED", StatusCode.UNSET),
                        tuple("FAILED", StatusCode.ERROR),
                        tuple("REFUSED", StatusCode.ERROR));
        assertThat(all).allSatisfy(span -> {
            assertThat(span.getName()).isEqualTo("grantkeeper.refresh");
            assertThat(span.getKind()).isEqualTo(SpanKind.CLIENT);
            assertThat(span.getEndEpochNanos()).isGreaterThan(span.getStartEpochNanos());
            assertThat(span.toString()).doesNotContain(ListenerScene.USER);
        });
    }
}
