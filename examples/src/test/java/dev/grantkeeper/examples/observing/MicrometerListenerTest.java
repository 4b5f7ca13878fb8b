/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.observing;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class MicrometerListenerTest {
    private final SimpleMeterRegistry meters = new SimpleMeterRegistry();

    private double count(String event, String reason) {
        return meters.get("grantkeeper.events")
                .tags("provider", "google", "event", event, "reason", reason)
                .counter()
                .count();
    }

    @Test
    void a_refresh_an_outage_and_a_refusal_are_counted_and_timed_without_their_user() throws Exception {
        ListenerScene.play(new MicrometerListener(meters, "google"));
        assertThat(count("SIGNED_IN", "none")).isEqualTo(1);
        assertThat(count("REFRESHED", "expired")).isEqualTo(1);
        assertThat(count("FAILED", "TEMPORARY")).isEqualTo(1);
        assertThat(count("REFUSED", "none")).isEqualTo(1);
        assertThat(meters.get("grantkeeper.event.duration")
                        .tags("event", "REFRESHED")
                        .timer()
                        .totalTime(TimeUnit.NANOSECONDS))
                .isPositive();
        assertThat(meters.getMeters())
                .allSatisfy(meter -> assertThat(meter.getId().toString()).doesNotContain(ListenerScene.USER));
    }
}
