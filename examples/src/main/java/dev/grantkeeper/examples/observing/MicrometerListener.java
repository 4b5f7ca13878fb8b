/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.observing;

import dev.grantkeeper.GrantListener;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;

/** Counts and times grant events with Micrometer. Thread-safe. */
public final class MicrometerListener implements GrantListener {
    private final MeterRegistry meters;
    private final String provider;

    /**
     * Makes a listener.
     *
     * @param meters the registry for the metrics
     * @param provider a name for the metrics, one for each {@code Grantkeeper}
     */
    public MicrometerListener(MeterRegistry meters, String provider) {
        this.meters = meters;
        this.provider = provider;
    }

    @Override
    public void on(Event event) {
        Tags tags = Tags.of("provider", provider, "event", event.kind().toString(), "reason", reason(event));
        meters.counter("grantkeeper.events", tags).increment();
        if (!event.took().isZero()) {
            meters.timer("grantkeeper.event.duration", tags).record(event.took());
        }
    }

    /** One of a few words: the detail of other events is a server's text, and has no end of values. */
    private static String reason(Event event) {
        return event.kind() == Kind.REFRESHED
                ? event.detail().orElse("none")
                : event.failure().map(Enum::name).orElse("none");
    }
}
