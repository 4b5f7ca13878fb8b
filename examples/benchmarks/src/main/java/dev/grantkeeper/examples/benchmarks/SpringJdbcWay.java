/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.benchmarks;

import javax.sql.DataSource;
import org.springframework.core.io.ClassPathResource;
import org.springframework.jdbc.core.JdbcTemplate;
import org.springframework.jdbc.datasource.init.ResourceDatabasePopulator;
import org.springframework.security.oauth2.client.JdbcOAuth2AuthorizedClientService;
import org.springframework.security.oauth2.client.OAuth2AuthorizedClientService;

/** Spring Security's manager over its table, which it reads in each call; nothing is sealed. */
final class SpringJdbcWay {
    private SpringJdbcWay() {}

    static AuthorizedCall start(Transport transport) {
        DataSource database = TestDatabase.open();
        OAuth2AuthorizedClientService clients =
                new JdbcOAuth2AuthorizedClientService(new JdbcTemplate(database), SpringWays.REGISTRATIONS);
        if (!TestDatabase.isPrepared()) {
            new ResourceDatabasePopulator(new ClassPathResource(
                            "org/springframework/security/oauth2/client/oauth2-client-schema.sql"))
                    .execute(database);
            clients.saveAuthorizedClient(SpringWays.client(GrantkeeperWays.USER), SpringWays.USER);
        }
        return SpringWays.over(transport, clients);
    }
}
