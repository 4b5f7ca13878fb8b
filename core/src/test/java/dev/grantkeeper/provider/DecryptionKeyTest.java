/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper.provider;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.jwk.JWK;
import com.nimbusds.jose.jwk.KeyUse;
import com.nimbusds.jose.jwk.RSAKey;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.spec.ECGenParameterSpec;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Key pairs that providers encrypt to. */
class DecryptionKeyTest {
    private static KeyPair pair(String algorithm, int bits) throws Exception {
        KeyPairGenerator generator = KeyPairGenerator.getInstance(algorithm);
        if (bits > 0) {
            generator.initialize(bits);
        }
        return generator.generateKeyPair();
    }

    private static KeyPair curve(String name) throws Exception {
        KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
        generator.initialize(new ECGenParameterSpec(name));
        return generator.generateKeyPair();
    }

    @Test
    void an_rsa_key_is_published_for_its_one_algorithm() throws Exception {
        KeyPair pair = pair("RSA", 2048);
        RSAKey jwk =
                (RSAKey) JWK.parse(DecryptionKey.of(pair).keyId("a \"name\"").publicJwk());
        assertThat(jwk.toPublicKey()).isEqualTo(pair.getPublic());
        assertThat(jwk.isPrivate()).isFalse();
        assertThat(jwk.getKeyUse()).isEqualTo(KeyUse.ENCRYPTION);
        assertThat(jwk.getAlgorithm().getName()).isEqualTo("RSA-OAEP-256");
        assertThat(jwk.getKeyID()).isEqualTo("a \"name\"");
    }

    @ParameterizedTest
    @ValueSource(strings = {"secp256r1", "secp384r1", "secp521r1"})
    void a_point_is_published_in_full_length(String name) throws Exception {
        // One of 256 coordinates begins with a zero, and on P-521 every second.
        for (int i = 0; i < (name.equals("secp256r1") ? 300 : 10); i++) {
            KeyPair pair = curve(name);
            ECKey jwk = (ECKey) JWK.parse(DecryptionKey.of(pair).publicJwk());
            assertThat(jwk.toPublicKey()).isEqualTo(pair.getPublic());
            assertThat(jwk.getX().decode()).hasSameSizeAs(jwk.getY().decode());
            assertThat(jwk.getAlgorithm()).isNull();
            assertThat(jwk.getKeyID()).isNull();
        }
        String named = DecryptionKey.of(curve(name)).algorithm("ECDH-ES+A256KW").publicJwk();
        assertThat(JWK.parse(named).getAlgorithm().getName()).isEqualTo("ECDH-ES+A256KW");
    }

    @Test
    void weak_and_strange_keys_and_pairs_that_are_none_are_refused() throws Exception {
        KeyPair rsa = pair("RSA", 2048);
        KeyPair elliptic = curve("secp256r1");
        for (KeyPair wrong : new KeyPair[] {
            pair("RSA", 1024),
            pair("Ed25519", 0),
            pair("X25519", 0),
            pair("DSA", 2048),
            new KeyPair(rsa.getPublic(), pair("RSA", 2048).getPrivate()),
            new KeyPair(elliptic.getPublic(), curve("secp256r1").getPrivate()),
            new KeyPair(elliptic.getPublic(), curve("secp384r1").getPrivate()),
            new KeyPair(elliptic.getPublic(), rsa.getPrivate()),
            new KeyPair(rsa.getPublic(), elliptic.getPrivate()),
            new KeyPair(null, rsa.getPrivate()),
            new KeyPair(rsa.getPublic(), null)
        }) {
            assertThatIllegalArgumentException().isThrownBy(() -> DecryptionKey.of(wrong));
        }
    }

    @Test
    void an_algorithm_has_to_fit_the_key() throws Exception {
        DecryptionKey rsa = DecryptionKey.of(pair("RSA", 2048));
        DecryptionKey elliptic = DecryptionKey.of(curve("secp256r1"));
        for (String wrong : new String[] {"RSA1_5", "RSA-OAEP", "ECDH-ES", "dir", ""}) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> rsa.algorithm(wrong))
                    .withMessageContaining("RSA-OAEP-256");
        }
        assertThatIllegalArgumentException().isThrownBy(() -> elliptic.algorithm("RSA-OAEP-256"));
        // changed one's mind
        assertThat(elliptic.algorithm("ECDH-ES").algorithm("ECDH-ES+A128KW").algorithms())
                .containsExactly("ECDH-ES+A128KW");
        assertThat(elliptic.algorithms()).hasSize(4);
        assertThat(rsa.algorithms()).containsExactly("RSA-OAEP-256");
    }

    @Test
    void nothing_of_the_key_is_printed() throws Exception {
        assertThat(DecryptionKey.of(pair("RSA", 2048)).keyId("k")).hasToString("DecryptionKey[RSA-OAEP-256, k]");
        assertThat(DecryptionKey.of(curve("secp256r1")).algorithm("ECDH-ES")).hasToString("DecryptionKey[ECDH-ES]");
    }
}
