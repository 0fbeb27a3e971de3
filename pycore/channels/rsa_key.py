"""RSA keys of ours and of a channel, SHA-256 with PKCS #1 v1.5 (RFC 8017 section 8.2), the signature of all three."""

from __future__ import annotations

import base64
import binascii
import re

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from pycore.channels.failure import NotTrustedError
from pycore.errors import ConfigurationError

BITS_MIN = 2048
SIGNATURE_TEXT_MAX = 1024
"""Characters of base64 a signature may have: enough for 6,144 bits."""

_NO_KEY = "the {} key cannot be read ({}): give PEM text (-----BEGIN …) or its base64 alone, as Alipay's tool does"
_BLOCK = rb"-----BEGIN [A-Z0-9 ]*%s KEY-----(.*?)-----END "


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
        """Return the key in PEM, or in its base64 alone as Alipay's tool writes it (PKCS #1 or #8, no password).

        Raises ConfigurationError.
        """
        if b"ENCRYPTED" in pem:
            raise ConfigurationError("the private key has a password: write it without one (openssl pkey -in … -out …)")
        try:
            # Which of the two forms it is shows in the content; the heading is wrong in many a file.
            key = serialization.load_der_private_key(_content(pem, b"PRIVATE"), password=None)
        except (ValueError, TypeError):
            # The parser's message is left out: nobody knows how much of the key it repeats.
            raise ConfigurationError(_NO_KEY.format("private", _hint(pem))) from None
        if not isinstance(key, rsa.RSAPrivateKey):
            raise ConfigurationError("the private key is not an RSA key")
        return cls(key)

    @classmethod
    def from_pfx(cls, content: bytes, password: bytes) -> tuple[PrivateKey, str]:
        """Return the key in a PKCS #12 file (.pfx, .p12) and its certificate's serial number in decimal.

        Raises ConfigurationError.
        """
        try:
            key, certificate, _ = pkcs12.load_key_and_certificates(content, password)
        except (ValueError, TypeError):
            raise ConfigurationError(
                "the .pfx file cannot be read: it is no PKCS #12 file, or its password is another one"
            ) from None
        if not isinstance(key, rsa.RSAPrivateKey) or certificate is None:
            raise ConfigurationError("the .pfx file does not hold an RSA key with its certificate")
        return cls(key), str(certificate.serial_number)

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
        """Return the key of a PEM public key or certificate, or of its base64 alone. Raises ConfigurationError."""
        try:
            if b"BEGIN CERTIFICATE" in pem:
                key = x509.load_pem_x509_certificate(pem).public_key()
            else:
                key = serialization.load_der_public_key(_content(pem, b"PUBLIC"))  # type: ignore[assignment]
        except ValueError:
            raise ConfigurationError(_NO_KEY.format("public", _hint(pem))) from None
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


def _content(text: bytes, kind: bytes) -> bytes:
    """Return what the base64 of a key file holds: of its first block of this kind, or of it all. Raises ValueError."""
    block = re.search(_BLOCK % kind, text, re.DOTALL)
    bare = text.removeprefix(b"\xef\xbb\xbf") if block is None else block[1]
    return base64.b64decode(b"".join(bare.split()), validate=True)  # binascii.Error is a ValueError


def _hint(text: bytes) -> str:
    """Return what a file that is no key seems to be, in words without any of it."""
    if not text.strip():
        return "the file is empty"
    if b"PUBLIC KEY" in text or b"CERTIFICATE" in text or b"PRIVATE KEY" in text:
        kind = b"PRIVATE KEY" in text
        return "it says that it is a private key" if kind else "it says that it is a public key or a certificate"
    return "it is text of another kind" if text.isascii() else "it is binary, such as .pfx or DER"
