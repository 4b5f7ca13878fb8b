/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.load;

import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** A thread for each task: a virtual one where the JDK has them (21 and newer), otherwise one of the platform's. */
final class Threads {
    private Threads() {}

    static ExecutorService perTask() {
        try {
            return (ExecutorService)
                    Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
        } catch (ReflectiveOperationException e) {
            return platform();
        }
    }

    static ExecutorService platform() {
        return Executors.newCachedThreadPool(task -> {
            Thread thread = new Thread(null, task, "load", 256 * 1024);
            thread.setDaemon(true);
            return thread;
        });
    }

    static boolean areVirtual() {
        return Runtime.version().feature() >= 21;
    }

    static String kind() {
        return areVirtual()
                ? "virtual threads"
                : "platform threads (JDK " + Runtime.version().feature() + ")";
    }
}
