/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.boot;

import dev.grantkeeper.GrantListener;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import java.util.Locale;
import org.springframework.stereotype.Component;

/** Metrics of grants. No tag names an account: there would be a time series for each user. */
@Component
class GrantMetrics implements GrantListener {
    private final MeterRegistry meters;

    GrantMetrics(MeterRegistry meters) {
        this.meters = meters;
    }

    @Override
    public void on(Event event) {
        Tags registration = Tags.of("registration", event.key().registration());
        String kind = event.kind().name().toLowerCase(Locale.ROOT);
        switch (event.kind()) {
            case REFRESHED, REFUSED, FAILED ->
                meters.timer("grantkeeper.refresh", registration.and("outcome", kind))
                        .record(event.took());
            case WAITED -> meters.timer("grantkeeper.wait", registration).record(event.took());
            default ->
                meters.counter("grantkeeper.events", registration.and("kind", kind))
                        .increment();
        }
    }
}
