/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.boot;

import dev.grantkeeper.AuthorizationServerException;
import dev.grantkeeper.GrantListener;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;

/** Metrics of one registration's grants. No tag names an account: there would be a time series for each user. */
class GrantMetrics implements GrantListener {
    private final MeterRegistry meters;
    private final String provider;

    /**
     * Makes a listener.
     *
     * @param meters the registry for the metrics
     * @param provider a name for the metrics, one for each {@code Grantkeeper}
     */
    GrantMetrics(MeterRegistry meters, String provider) {
        this.meters = meters;
        this.provider = provider;
        // Alerts on a single event compare with the count before, which has to exist.
        counter(Kind.FAILED, AuthorizationServerException.Kind.MISCONFIGURED.name());
        counter(Kind.WRITE_PENDING, "none");
        counter(Kind.WRITE_COMPLETED, "none");
        counter(Kind.STORED_AGAIN, "none");
    }

    @Override
    public void on(Event event) {
        String reason = reason(event);
        counter(event.kind(), reason).increment();
        if (!event.took().isZero()) {
            meters.timer("grantkeeper.event.duration", tags(event.kind(), reason))
                    .record(event.took());
        }
    }

    private Counter counter(Kind event, String reason) {
        return meters.counter("grantkeeper.events", tags(event, reason));
    }

    private Tags tags(Kind event, String reason) {
        return Tags.of("provider", provider, "event", event.name(), "reason", reason);
    }

    /** One of a few words: the detail of other events is a server's text, and has no end of values. */
    private static String reason(Event event) {
        return event.kind() == Kind.REFRESHED
                ? event.detail().orElse("none")
                : event.failure().map(Enum::name).orElse("none");
    }
}
