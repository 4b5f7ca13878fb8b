/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.provider;

/**
 * The part of a {@code Provider} that only this library reads. A superclass in this package can show its field to
 * {@link Facts}, as that of {@code StringBuilder} shows its characters to {@code StringBuffer}; so few facts need a
 * public getter.
 */
public abstract class AbstractProvider {
    final ProviderFacts facts;

    /** A provider with facts that nobody changes any more. */
    protected AbstractProvider(ProviderFacts facts) {
        this.facts = facts;
    }
}
