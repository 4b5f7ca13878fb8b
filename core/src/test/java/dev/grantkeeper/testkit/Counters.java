/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.testkit;

import java.util.concurrent.atomic.AtomicInteger;

/** The number of events so far, by kind. */
final class Counters {
    final AtomicInteger tokenRequests = new AtomicInteger();
    final AtomicInteger codeRequests = new AtomicInteger();
    final AtomicInteger refreshRequests = new AtomicInteger();
    final AtomicInteger tokensIssued = new AtomicInteger();
    final AtomicInteger apiRequests = new AtomicInteger();
    final AtomicInteger apiUnauthorized = new AtomicInteger();
    final AtomicInteger reuseDetected = new AtomicInteger();
    final AtomicInteger familiesRevoked = new AtomicInteger();
    final AtomicInteger revocations = new AtomicInteger();
    final AtomicInteger metadataRequests = new AtomicInteger();
    final AtomicInteger clientDocumentRequests = new AtomicInteger();
    final AtomicInteger registrationRequests = new AtomicInteger();
    final AtomicInteger registrations = new AtomicInteger();
    final AtomicInteger registrationReads = new AtomicInteger();
    final AtomicInteger registrationDeletes = new AtomicInteger();

    void reset() {
        for (AtomicInteger counter : new AtomicInteger[] {
            tokenRequests,
            codeRequests,
            refreshRequests,
            tokensIssued,
            apiRequests,
            apiUnauthorized,
            reuseDetected,
            familiesRevoked,
            revocations,
            metadataRequests,
            clientDocumentRequests,
            registrationRequests,
            registrations,
            registrationReads,
            registrationDeletes
        }) {
            counter.set(0);
        }
    }

    @Override
    public String toString() {
        return "tokenRequests=" + tokenRequests + ", refreshRequests=" + refreshRequests + ", apiRequests="
                + apiRequests + ", apiUnauthorized=" + apiUnauthorized + ", reuseDetected=" + reuseDetected;
    }
}
