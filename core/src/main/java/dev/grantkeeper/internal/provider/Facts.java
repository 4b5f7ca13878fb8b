/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.internal.provider;

/** The way from a provider to its facts, for the library's own packages. */
public final class Facts {
    private Facts() {}

    /** The facts about a provider. */
    public static ProviderFacts of(AbstractProvider provider) {
        return provider.facts;
    }
}
