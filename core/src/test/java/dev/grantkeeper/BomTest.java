/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.xpath.XPath;
import javax.xml.xpath.XPathConstants;
import javax.xml.xpath.XPathExpressionException;
import javax.xml.xpath.XPathFactory;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Document;
import org.w3c.dom.Node;
import org.w3c.dom.NodeList;

/** The BOM holds values of its own, because what is published of it has no parent. They are those of the build. */
class BomTest {
    private static final Path ROOT = Path.of("..");
    private static final XPath XPATH = XPathFactory.newInstance().newXPath();

    private final Document build = read(ROOT.resolve("pom.xml"));
    private final Document bom = read(ROOT.resolve("core/bom/pom.xml"));

    @Test
    void the_BOM_has_the_versions_of_the_build() throws Exception {
        assertThat(text(bom, "/project/version")).isEqualTo(text(build, "/project/version"));
        assertThat(text(bom, "/project/properties/okhttp.version"))
                .isNotEmpty()
                .isEqualTo(text(build, "/project/properties/okhttp.version"));
    }

    @Test
    void the_BOM_manages_each_published_module_and_the_testkit_and_OkHttp_and_nothing_else() throws Exception {
        List<String> expected = new ArrayList<>();
        for (Node module : nodes(build, "/project/modules/module")) {
            Document pom = read(ROOT.resolve(module.getTextContent()).resolve("pom.xml"));
            if (text(pom, "/project/packaging").equals("pom")) continue;
            if (text(pom, "/project/properties/maven.deploy.skip").equals("true")) continue;
            expected.add(text(pom, "/project/artifactId") + ":${project.version}:");
        }
        assertThat(expected).hasSizeGreaterThan(2);
        expected.add("grantkeeper-core:${project.version}:test-jar");
        expected.add("okhttp-jvm:${okhttp.version}:");

        List<String> managed = new ArrayList<>();
        for (Node dependency : nodes(bom, "/project/dependencyManagement/dependencies/dependency")) {
            managed.add("%s:%s:%s"
                    .formatted(text(dependency, "artifactId"), text(dependency, "version"), text(dependency, "type")));
        }
        assertThat(managed).containsExactlyInAnyOrderElementsOf(expected);
    }

    private static String text(Node from, String path) throws XPathExpressionException {
        return XPATH.evaluate(path, from);
    }

    private static List<Node> nodes(Node from, String path) throws XPathExpressionException {
        NodeList found = (NodeList) XPATH.evaluate(path, from, XPathConstants.NODESET);
        List<Node> nodes = new ArrayList<>();
        for (int i = 0; i < found.getLength(); i++) nodes.add(found.item(i));
        return nodes;
    }

    private static Document read(Path pom) {
        try {
            return DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(pom.toFile());
        } catch (Exception e) {
            throw new AssertionError("cannot read " + pom, e);
        }
    }
}
