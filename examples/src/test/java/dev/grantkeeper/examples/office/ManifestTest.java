/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.examples.office;

import static org.assertj.core.api.Assertions.assertThat;

import java.awt.image.BufferedImage;
import java.io.InputStream;
import java.io.StringReader;
import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import javax.imageio.ImageIO;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Element;
import org.w3c.dom.Node;
import org.w3c.dom.NodeList;
import org.xml.sax.InputSource;

/** The demands of Office on a manifest. */
class ManifestTest {
    private static final String NAMESPACE = "http://schemas.microsoft.com/office/appforoffice/1.1";

    private static Setup setup(int port) {
        return Setup.entra(
                "contoso.example",
                "client",
                "secret",
                Setup.Here.https(port),
                Path.of("unused"),
                "not a secret of anybody, long enough",
                null);
    }

    private static Element manifest(int port) throws Exception {
        DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
        factory.setNamespaceAware(true);
        factory.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
        return factory.newDocumentBuilder()
                .parse(new InputSource(new StringReader(Manifest.of(setup(port)))))
                .getDocumentElement();
    }

    private static List<Element> children(Element parent) {
        List<Element> found = new ArrayList<>();
        NodeList nodes = parent.getChildNodes();
        for (int i = 0; i < nodes.getLength(); i++) {
            Node node = nodes.item(i);
            if (node instanceof Element element) {
                found.add(element);
            }
        }
        return found;
    }

    private static Element only(Element root, String name) {
        NodeList found = root.getElementsByTagNameNS(NAMESPACE, name);
        assertThat(found.getLength()).as(name).isEqualTo(1);
        return (Element) found.item(0);
    }

    @Test
    void itsElementsComeInTheOrderOfTheSchema() throws Exception {
        Element root = manifest(8443);
        assertThat(root.getLocalName()).isEqualTo("OfficeApp");
        assertThat(root.getAttributeNS("http://www.w3.org/2001/XMLSchema-instance", "type"))
                .isEqualTo("TaskPaneApp");
        assertThat(children(root)).allMatch(child -> NAMESPACE.equals(child.getNamespaceURI()));
        assertThat(children(root))
                .extracting(Element::getLocalName)
                .containsExactly(
                        "Id",
                        "Version",
                        "ProviderName",
                        "DefaultLocale",
                        "DisplayName",
                        "Description",
                        "IconUrl",
                        "HighResolutionIconUrl",
                        "SupportUrl",
                        "AppDomains",
                        "Hosts",
                        "Requirements",
                        "DefaultSettings",
                        "Permissions");
    }

    @Test
    void allItsAddressesAreHttpsAndOurs() throws Exception {
        for (String name : List.of("IconUrl", "HighResolutionIconUrl", "SupportUrl", "SourceLocation")) {
            assertThat(only(manifest(8443), name).getAttribute("DefaultValue")).startsWith("https://localhost:8443/");
        }
    }

    @Test
    void theLoginIsAmongItsDomains() throws Exception {
        assertThat(children(only(manifest(8443), "AppDomains")))
                .extracting(Element::getTextContent)
                .containsExactly("https://localhost:8443", "https://login.microsoftonline.com");
    }

    @Test
    void itAsksForTheDialogAndForNothingOfTheDocument() throws Exception {
        assertThat(only(manifest(8443), "Permissions").getTextContent()).isEqualTo("Restricted");
        assertThat(children(only(manifest(8443), "Sets")))
                .extracting(set -> set.getAttribute("Name"))
                .containsExactly("DialogApi", "DialogOrigin"); // messageParent with a target
    }

    @Test
    void theSamePlaceIsTheSameAddInAndAnotherIsAnother() throws Exception {
        String id = only(manifest(8443), "Id").getTextContent();
        assertThat(UUID.fromString(id)).hasToString(id);
        assertThat(only(manifest(8443), "Id").getTextContent()).isEqualTo(id);
        assertThat(only(manifest(9443), "Id").getTextContent()).isNotEqualTo(id);
    }

    @Test
    void itsIconsHaveTheSizesThatOfficeWants() throws Exception {
        for (Map.Entry<String, Integer> icon :
                Map.of("IconUrl", 32, "HighResolutionIconUrl", 64).entrySet()) {
            String path = URI.create(only(manifest(8443), icon.getKey()).getAttribute("DefaultValue"))
                    .getPath();
            try (InputStream in = ManifestTest.class.getResourceAsStream("/office" + path)) {
                BufferedImage image = ImageIO.read(in);
                assertThat(image.getWidth()).isEqualTo(icon.getValue());
                assertThat(image.getHeight()).isEqualTo(icon.getValue());
            }
        }
    }
}
