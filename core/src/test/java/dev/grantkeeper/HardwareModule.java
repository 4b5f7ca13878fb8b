/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import java.security.GeneralSecurityException;
import java.security.InvalidKeyException;
import java.security.PrivateKey;
import java.security.Provider;
import java.security.PublicKey;
import java.security.Security;
import java.security.Signature;
import java.security.SignatureException;
import java.security.SignatureSpi;
import java.security.spec.AlgorithmParameterSpec;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A security provider of the platform that holds one key, as a hardware module does: outside there is only a name for
 * the key, and no other provider can do anything with it.
 */
final class HardwareModule implements AutoCloseable {
    private static final AtomicInteger NUMBER = new AtomicInteger();

    private final AtomicInteger signatures = new AtomicInteger();
    private final Provider provider;

    HardwareModule(String service, PrivateKey inside, PrivateKey outside) {
        provider = new OneService(service, inside, outside);
        Security.addProvider(provider);
    }

    /** A private key without a single bit of it. */
    static PrivateKey nameOf(String algorithm) {
        return new Name(algorithm);
    }

    int signatures() {
        return signatures.get();
    }

    @Override
    public void close() {
        Security.removeProvider(provider.getName());
    }

    private record Name(String algorithm) implements PrivateKey {
        @Override
        public String getAlgorithm() {
            return algorithm;
        }

        @Override
        public String getFormat() {
            return null;
        }

        @Override
        public byte[] getEncoded() {
            return null;
        }
    }

    private final class OneService extends Provider {
        private static final long serialVersionUID = 1L;

        OneService(String service, PrivateKey inside, PrivateKey outside) {
            super("HardwareModule" + NUMBER.incrementAndGet(), "1", "a module that holds one key");
            putService(new Service(this, "Signature", service, Signing.class.getName(), null, null) {
                @Override
                public Object newInstance(Object parameter) {
                    return new Signing(service, inside, outside);
                }
            });
        }
    }

    private final class Signing extends SignatureSpi {
        private final String service;
        private final PrivateKey inside;
        private final PrivateKey outside;
        private AlgorithmParameterSpec parameters;
        private Signature signature;

        Signing(String service, PrivateKey inside, PrivateKey outside) {
            this.service = service;
            this.inside = inside;
            this.outside = outside;
        }

        @Override
        protected void engineInitSign(PrivateKey key) throws InvalidKeyException {
            if (key != outside) {
                throw new InvalidKeyException("This key is not in here");
            }
            if (service.equals("RSASSA-PSS") && parameters == null) {
                throw new InvalidKeyException("First the parameters");
            }
            try {
                signature = Signature.getInstance(service, service.equals("RSASSA-PSS") ? "SunRsaSign" : "SunEC");
                if (parameters != null) {
                    signature.setParameter(parameters);
                }
                signature.initSign(inside);
            } catch (GeneralSecurityException e) {
                throw new InvalidKeyException(e);
            }
        }

        @Override
        protected void engineSetParameter(AlgorithmParameterSpec spec) {
            parameters = spec;
        }

        @Override
        protected void engineUpdate(byte b) throws SignatureException {
            signature.update(b);
        }

        @Override
        protected void engineUpdate(byte[] bytes, int offset, int length) throws SignatureException {
            signature.update(bytes, offset, length);
        }

        @Override
        protected byte[] engineSign() throws SignatureException {
            signatures.incrementAndGet();
            return signature.sign();
        }

        @Override
        protected void engineInitVerify(PublicKey key) throws InvalidKeyException {
            throw new InvalidKeyException("It only signs");
        }

        @Override
        protected boolean engineVerify(byte[] bytes) {
            return false;
        }

        @Override
        @Deprecated
        protected void engineSetParameter(String name, Object value) {
            throw new UnsupportedOperationException();
        }

        @Override
        @Deprecated
        protected Object engineGetParameter(String name) {
            throw new UnsupportedOperationException();
        }
    }
}
