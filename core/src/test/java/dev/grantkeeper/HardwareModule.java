/* SPDX-License-Identifier: Apache-2.0 */
package dev.grantkeeper;

import java.security.AlgorithmParameters;
import java.security.GeneralSecurityException;
import java.security.InvalidKeyException;
import java.security.Key;
import java.security.PrivateKey;
import java.security.Provider;
import java.security.PublicKey;
import java.security.SecureRandom;
import java.security.Security;
import java.security.Signature;
import java.security.SignatureException;
import java.security.SignatureSpi;
import java.security.spec.AlgorithmParameterSpec;
import java.util.concurrent.atomic.AtomicInteger;
import javax.crypto.BadPaddingException;
import javax.crypto.Cipher;
import javax.crypto.CipherSpi;
import javax.crypto.IllegalBlockSizeException;
import javax.crypto.KeyAgreement;
import javax.crypto.KeyAgreementSpi;
import javax.crypto.SecretKey;

/**
 * A security provider of the platform that holds one key, as a hardware module does: outside there is only a name for
 * the key, and no other provider can do anything with it.
 */
final class HardwareModule implements AutoCloseable {
    private static final AtomicInteger NUMBER = new AtomicInteger();

    private final AtomicInteger signatures = new AtomicInteger();
    private final AtomicInteger decryptions = new AtomicInteger();
    private final Provider provider;

    HardwareModule(String service, PrivateKey inside, PrivateKey outside) {
        provider = new OneService(service, inside, outside);
        Security.addProvider(provider);
    }

    private HardwareModule(PrivateKey inside, PrivateKey outside) {
        provider = new Decrypting(inside, outside);
        Security.addProvider(provider);
    }

    /** A module that does not sign, but decrypts and agrees. */
    static HardwareModule decrypting(PrivateKey inside, PrivateKey outside) {
        return new HardwareModule(inside, outside);
    }

    int decryptions() {
        return decryptions.get();
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

    private final class Decrypting extends Provider {
        private static final long serialVersionUID = 1L;

        Decrypting(PrivateKey inside, PrivateKey outside) {
            super("HardwareModule" + NUMBER.incrementAndGet(), "1", "a module that holds one key");
            String oaep = "RSA/ECB/OAEPWithSHA-256AndMGF1Padding";
            putService(new Service(this, "Cipher", oaep, Deciphering.class.getName(), null, null) {
                @Override
                public Object newInstance(Object parameter) {
                    return new Deciphering(inside, outside);
                }
            });
            putService(new Service(this, "KeyAgreement", "ECDH", Agreeing.class.getName(), null, null) {
                @Override
                public Object newInstance(Object parameter) {
                    return new Agreeing(inside, outside);
                }
            });
        }
    }

    private static void checkIsHere(Key key, PrivateKey outside) throws InvalidKeyException {
        if (key != outside) {
            throw new InvalidKeyException("This key is not in here");
        }
    }

    /** Decrypts, and unwraps no key: many modules keep what they unwrap. */
    private final class Deciphering extends CipherSpi {
        private final PrivateKey inside;
        private final PrivateKey outside;
        private Cipher cipher;

        Deciphering(PrivateKey inside, PrivateKey outside) {
            this.inside = inside;
            this.outside = outside;
        }

        private void init(int mode, Key key, AlgorithmParameters parameters) throws InvalidKeyException {
            checkIsHere(key, outside);
            if (mode != Cipher.DECRYPT_MODE) {
                throw new InvalidKeyException("It only decrypts");
            }
            try {
                cipher = Cipher.getInstance("RSA/ECB/OAEPWithSHA-256AndMGF1Padding", "SunJCE");
                cipher.init(mode, inside, parameters);
            } catch (GeneralSecurityException e) {
                throw new InvalidKeyException(e);
            }
        }

        @Override
        protected void engineInit(int mode, Key key, AlgorithmParameters parameters, SecureRandom random)
                throws InvalidKeyException {
            init(mode, key, parameters);
        }

        @Override
        protected void engineInit(int mode, Key key, SecureRandom random) throws InvalidKeyException {
            init(mode, key, null);
        }

        @Override
        protected void engineInit(int mode, Key key, AlgorithmParameterSpec spec, SecureRandom random)
                throws InvalidKeyException {
            throw new InvalidKeyException("Not in this way");
        }

        @Override
        protected byte[] engineDoFinal(byte[] bytes, int offset, int length)
                throws IllegalBlockSizeException, BadPaddingException {
            decryptions.incrementAndGet();
            return cipher.doFinal(bytes, offset, length);
        }

        @Override
        protected void engineSetMode(String mode) {}

        @Override
        protected void engineSetPadding(String padding) {}

        @Override
        protected int engineGetBlockSize() {
            return 0;
        }

        @Override
        protected int engineGetOutputSize(int length) {
            return length;
        }

        @Override
        protected byte[] engineGetIV() {
            return null;
        }

        @Override
        protected AlgorithmParameters engineGetParameters() {
            return null;
        }

        @Override
        protected byte[] engineUpdate(byte[] bytes, int offset, int length) {
            throw new UnsupportedOperationException();
        }

        @Override
        protected int engineUpdate(byte[] bytes, int offset, int length, byte[] into, int at) {
            throw new UnsupportedOperationException();
        }

        @Override
        protected int engineDoFinal(byte[] bytes, int offset, int length, byte[] into, int at) {
            throw new UnsupportedOperationException();
        }
    }

    private final class Agreeing extends KeyAgreementSpi {
        private final PrivateKey inside;
        private final PrivateKey outside;
        private KeyAgreement agreement;

        Agreeing(PrivateKey inside, PrivateKey outside) {
            this.inside = inside;
            this.outside = outside;
        }

        @Override
        protected void engineInit(Key key, SecureRandom random) throws InvalidKeyException {
            checkIsHere(key, outside);
            try {
                agreement = KeyAgreement.getInstance("ECDH", "SunEC");
                agreement.init(inside);
            } catch (GeneralSecurityException e) {
                throw new InvalidKeyException(e);
            }
        }

        @Override
        protected void engineInit(Key key, AlgorithmParameterSpec spec, SecureRandom random)
                throws InvalidKeyException {
            engineInit(key, random);
        }

        @Override
        protected Key engineDoPhase(Key key, boolean last) throws InvalidKeyException {
            return agreement.doPhase(key, last);
        }

        @Override
        protected byte[] engineGenerateSecret() {
            decryptions.incrementAndGet();
            return agreement.generateSecret();
        }

        @Override
        protected int engineGenerateSecret(byte[] into, int at) {
            throw new UnsupportedOperationException();
        }

        @Override
        protected SecretKey engineGenerateSecret(String algorithm) {
            throw new UnsupportedOperationException();
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
