"""RSA keys of ours and of a channel, SHA-256 with PKCS #1 v1.5 (RFC 8017 section 8.2), the signature of all three."""

from __future__ import annotations

import base64
import binascii

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from pycore.channels.failure import NotTrustedError
from pycore.errors import ConfigurationError

BITS_MIN = 2048
SIGNATURE_TEXT_MAX = 1024
"""Characters of base64 a signature may have: enough for 6,144 bits."""


class PrivateKey:
    """A key we sign with; printing it shows a mask."""

    def __init__(self, key: rsa.RSAPrivateKey) -> None:
        """Raises ConfigurationError for a key shorter than 2,048 bits."""
        if key.key_size < BITS_MIN:
            raise ConfigurationError(f"the private key has {key.key_size} bits, but must have at least {BITS_MIN}")
        self._key = key

    def __repr__(self) -> str:
        return "PrivateKey(…)"

    @classmethod
    def from_pem(cls, pem: bytes) -> PrivateKey:
        """Return the key in PEM (PKCS #1 or PKCS #8, no password). Raises ConfigurationError."""
        try:
            key = serialization.load_pem_private_key(pem, password=None)
        except (ValueError, TypeError):
            # The parser's message is left out: nobody knows how much of the key it repeats.
            raise ConfigurationError("the private key is not an unencrypted PEM key") from None
        if not isinstance(key, rsa.RSAPrivateKey):
            raise ConfigurationError("the private key is not an RSA key")
        return cls(key)

    def sign(self, message: bytes) -> str:
        """Return the signature of ``message`` in base64. Takes about a millisecond: not for the event loop."""
        return base64.b64encode(self._key.sign(message, padding.PKCS1v15(), hashes.SHA256())).decode()


class PublicKey:
    """A channel's key we verify with."""

    def __init__(self, key: rsa.RSAPublicKey) -> None:
        """Raises ConfigurationError for a key shorter than 2,048 bits."""
        if key.key_size < BITS_MIN:
            raise ConfigurationError(f"the public key has {key.key_size} bits, but must have at least {BITS_MIN}")
        self._key = key

    @classmethod
    def from_pem(cls, pem: bytes) -> PublicKey:
        """Return the key of a PEM public key or a PEM certificate. Raises ConfigurationError."""
        try:
            if b"BEGIN CERTIFICATE" in pem:
                key = x509.load_pem_x509_certificate(pem).public_key()
            else:
                key = serialization.load_pem_public_key(pem)  # type: ignore[assignment]
        except ValueError:
            raise ConfigurationError("the public key is neither a PEM public key nor a PEM certificate") from None
        if not isinstance(key, rsa.RSAPublicKey):
            raise ConfigurationError("the public key is not an RSA key")
        return cls(key)

    def verify(self, message: bytes, signature: str) -> None:
        """Return if ``signature`` (base64) is this key's over ``message``. Raises NotTrustedError."""
        if len(signature) > SIGNATURE_TEXT_MAX:
            raise NotTrustedError("bad_signature")
        try:
            raw = base64.b64decode(signature, validate=True)
            self._key.verify(raw, message, padding.PKCS1v15(), hashes.SHA256())
        except (InvalidSignature, binascii.Error, ValueError):
            raise NotTrustedError("bad_signature") from None
