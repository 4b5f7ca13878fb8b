/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.boot;

import dev.grantkeeper.LoginRequiredException;
import dev.grantkeeper.store.jdbc.JdbcTokenStore;
import dev.grantkeeper.token.AccountKey;
import io.micrometer.core.instrument.MeterRegistry;
import java.io.IOException;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.scheduling.annotation.Scheduled;
import org.springframework.stereotype.Component;

/**
 * Fetches what the users of Spotify played, while none of them is at the screen, on the scheduler's thread. One user's
 * trouble is that user's only.
 */
@Component
class Import {
    private static final Logger LOG = LoggerFactory.getLogger(Import.class);
    private static final int PAGE = 1000;

    private final JdbcTokenStore store;
    private final Apis apis;
    private final MeterRegistry meters;

    Import(JdbcTokenStore store, Apis apis, MeterRegistry meters) {
        this.store = store;
        this.apis = apis;
        this.meters = meters;
    }

    @Scheduled(initialDelayString = "${diary.import-interval}", fixedDelayString = "${diary.import-interval}")
    void run() throws IOException {
        List<AccountKey> page = store.keys("spotify", null, PAGE);
        while (!page.isEmpty()) {
            page.forEach(this::run);
            page = store.keys("spotify", page.get(page.size() - 1), PAGE);
        }
    }

    private void run(AccountKey key) {
        try {
            String played = apis.recentlyPlayed(key.account());
            LOG.debug("{}: {} characters", key, played.length()); // here an application keeps them
            count("done");
        } catch (LoginRequiredException e) {
            LOG.info("{} has to sign in again: {}", key, e.reason()); // the page shows it; send an e-mail if it matters
            count("login_required");
        } catch (IOException | RuntimeException e) {
            LOG.warn("{} was not imported; the next run tries again", key, e);
            count("failed");
        }
    }

    private void count(String outcome) {
        meters.counter("diary.imports", "outcome", outcome).increment();
    }
}
