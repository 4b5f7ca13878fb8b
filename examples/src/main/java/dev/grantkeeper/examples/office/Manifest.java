/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.office;

import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.UUID;

/** The manifest, which tells Office the add-in's URLs and permissions. A file for people to sideload. */
final class Manifest {
    private Manifest() {}

    /**
     * Writes the manifest.
     *
     * @param setup the add-in's settings
     * @return XML, in the order of elements that Office's schema requires
     */
    static String of(Setup setup) {
        String origin = setup.here().origin();
        // Office knows add-ins by their ids: another place is another add-in, and the same place the same one forever.
        String id = UUID.nameUUIDFromBytes((setup.clientId() + " " + origin).getBytes(StandardCharsets.UTF_8))
                .toString();
        return String.format(
                Locale.ROOT,
                """
                <?xml version="1.0" encoding="UTF-8"?>
                <OfficeApp xmlns="http://schemas.microsoft.com/office/appforoffice/1.1" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="TaskPaneApp">
                  <Id>%1$s</Id>
                  <Version>1.0.0.0</Version>
                  <ProviderName>Grantkeeper</ProviderName>
                  <DefaultLocale>en-US</DefaultLocale>
                  <DisplayName DefaultValue="Grantkeeper example"/>
                  <Description DefaultValue="A task pane whose users sign in with Microsoft Entra ID."/>
                  <IconUrl DefaultValue="%2$s/icon-32.png"/>
                  <HighResolutionIconUrl DefaultValue="%2$s/icon-64.png"/>
                  <SupportUrl DefaultValue="%2$s/"/>
                  <AppDomains>
                    <AppDomain>%2$s</AppDomain>
                    <AppDomain>%3$s</AppDomain>
                  </AppDomains>
                  <Hosts>
                    <Host Name="Document"/>
                    <Host Name="Workbook"/>
                    <Host Name="Presentation"/>
                  </Hosts>
                  <Requirements>
                    <Sets DefaultMinVersion="1.1">
                      <Set Name="DialogApi"/>
                      <Set Name="DialogOrigin"/>
                    </Sets>
                  </Requirements>
                  <DefaultSettings>
                    <SourceLocation DefaultValue="%2$s/"/>
                  </DefaultSettings>
                  <Permissions>Restricted</Permissions>
                </OfficeApp>
                """,
                id,
                origin,
                setup.provider().authorizationEndpoint().getScheme() + "://"
                        + setup.provider().authorizationEndpoint().getAuthority());
    }
}
