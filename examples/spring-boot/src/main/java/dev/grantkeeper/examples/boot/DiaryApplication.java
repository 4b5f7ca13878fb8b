/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.boot;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.context.properties.ConfigurationPropertiesScan;
import org.springframework.scheduling.annotation.EnableScheduling;

/** A listening diary. */
@SpringBootApplication(proxyBeanMethods = false)
@ConfigurationPropertiesScan
@EnableScheduling
public class DiaryApplication {
    /**
     * Runs it.
     *
     * @param args see the README
     */
    public static void main(String[] args) {
        SpringApplication.run(DiaryApplication.class, args);
    }
}
