/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import dev.grantkeeper.internal.api.DiscoveredServers;
import dev.grantkeeper.internal.api.ProtectedResource;
import dev.grantkeeper.internal.call.ApiRejections;
import dev.grantkeeper.internal.call.BoundCalls;
import dev.grantkeeper.internal.login.UsedLogins;
import dev.grantkeeper.internal.refresh.Clocks;
import dev.grantkeeper.internal.refresh.Engine;
import dev.grantkeeper.internal.server.ResourceMetadata;
import dev.grantkeeper.internal.wire.DPoP;
import dev.grantkeeper.provider.Provider;
import okhttp3.HttpUrl;
import okhttp3.OkHttpClient;

/** The parts of an application that its APIs share. Thread-safe. */
interface ApiContext {
    /** The settings of the application. */
    ApiOptions options();

    /** An API whose metadata is fetched when it is needed. */
    ProtectedResource resource(HttpUrl url);

    /** The server at which users of an API sign in: one that the application was registered at comes first. */
    String issuer(ResourceMetadata metadata);

    /** All servers that were discovered. */
    DiscoveredServers servers();

    /** Refreshes grants of all APIs. */
    Engine engine();

    /** Stands for a provider that is not known yet. */
    Provider placeholder();

    /** A client for calls of an API: it connects to nothing inside, and shares no connection with other clients. */
    OkHttpClient.Builder guarded(OkHttpClient base);

    /** Makes proofs of possession. */
    DPoP dpop();

    /** Sends tokens that need care on every hop. */
    BoundCalls boundCalls();

    /** Reads rejections in bodies. */
    ApiRejections rejections();

    /** The logins that were finished. */
    UsedLogins usedLogins();

    /** Waits for tokens on callers' threads. */
    TokenWait tokenWait();

    /** Reports events to the log and to the listener. */
    EventReporter events();

    /** The clocks. */
    Clocks time();
}
