"""Signatures of version 5.1.0: SHA-256 of the sorted fields as lower-case hexadecimal text, and RSA over that text.

Source: UnionPay full channel platform, interface rules 5.1.0, "signature" and "signPubKeyCert".
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from msgspec import Struct

from pycore.channels.failure import NotTrustedError
from pycore.channels.form import sorted_text, unique
from pycore.channels.rsa_key import PrivateKey, PublicKey
from pycore.channels.unionpay.merchant import UnionPayTrust
from pycore.errors import ConfigurationError

SIGNATURE: Final = "signature"
_CERTIFICATE: Final = "signPubKeyCert"
_CERTIFICATE_CHARACTERS_MAX: Final = 8192
_SYNTAX: Final = re.compile(r"[&{}\[\]]")


def sign(fields: Mapping[str, str], key: PrivateKey) -> str:
    """Return the signature of a request's fields in base64."""
    return key.sign(_digest(fields))


def verify(fields: Mapping[str, str], trust: UnionPayTrust, now: datetime) -> None:
    """Return if the fields were signed by a certificate we trust, which they carry. Raises NotTrustedError."""
    _check_one_reading(fields)
    if fields.get("signMethod") != "01" or fields.get("version") != "5.1.0":
        raise NotTrustedError("unknown_signature")
    try:
        pem, signature = fields[_CERTIFICATE], fields[SIGNATURE]
    except KeyError:
        raise NotTrustedError("not_signed") from None
    trusted_key(pem, trust, now).verify(_digest(fields), signature)


def trusted_key(pem: str, trust: UnionPayTrust, now: datetime) -> PublicKey:
    """Return the key of a certificate that leads to a root of ours, is valid now and carries the signer's name.

    Raises NotTrustedError.
    """
    if len(pem) > _CERTIFICATE_CHARACTERS_MAX:
        raise NotTrustedError("bad_certificate")
    signer = _signer(pem, trust)
    if not signer.valid_from <= now <= signer.valid_to:
        raise NotTrustedError("certificate_expired")
    return signer.key


class _Signer(Struct, frozen=True):
    key: PublicKey
    valid_from: datetime
    valid_to: datetime


# The channel signs everything with one certificate, and checking its chain takes ten times as long as a signature.
# Only what is trusted is kept; whether it is still valid is asked every time.
@lru_cache(maxsize=16)
def _signer(pem: str, trust: UnionPayTrust) -> _Signer:
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode())
        key = certificate.public_key()
    except ValueError:
        raise NotTrustedError("bad_certificate") from None
    chain = _chain(certificate, trust)
    if trust.signer_name not in _names(certificate):
        raise NotTrustedError("other_signer")
    if not isinstance(key, rsa.RSAPublicKey):
        raise NotTrustedError("bad_certificate")
    try:
        public = PublicKey(key)
    except ConfigurationError:
        raise NotTrustedError("bad_certificate") from None
    return _Signer(
        public, max(each.not_valid_before_utc for each in chain), min(each.not_valid_after_utc for each in chain)
    )


def read_reply(body: bytes) -> dict[str, str]:
    """Return the fields of a reply: ``k=v`` joined by ``&``, values not URL-encoded.

    A value in braces or brackets may itself hold ``&`` and ``=``; only a ``&`` outside of them parts two fields.
    Raises NotTrustedError.
    """
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise NotTrustedError("not_a_form") from None
    pairs: list[tuple[str, str]] = []
    for part in _parts(text):
        name, equals, value = part.partition("=")
        if not name or not equals:
            raise NotTrustedError("not_a_form")
        pairs.append((name, value))
    return unique(pairs)


def _parts(text: str) -> list[str]:
    parts: list[str] = []
    depth = start = 0
    for found in _SYNTAX.finditer(text):
        character = found[0]
        if character in "{[":
            depth += 1
        elif character in "}]":
            depth -= 1
            if depth < 0:
                raise NotTrustedError("not_a_form")
        elif depth == 0:
            parts.append(text[start : found.start()])
            start = found.end()
    if depth != 0:
        raise NotTrustedError("not_a_form")
    return [*parts, text[start:]]


def _check_one_reading(fields: Mapping[str, str]) -> None:
    """Raise NotTrustedError where the signed text could be cut into other fields than these.

    Text that somebody put into an order would otherwise become fields of its own, under a genuine signature.
    """
    for name, value in fields.items():
        if "&" in name or "=" in name or len(_parts(value)) != 1:
            raise NotTrustedError("two_readings")


def _digest(fields: Mapping[str, str]) -> bytes:
    text = sorted_text(fields, without=(SIGNATURE,))
    return hashlib.sha256(text.encode()).hexdigest().encode()


def _chain(certificate: x509.Certificate, trust: UnionPayTrust) -> tuple[x509.Certificate, ...]:
    """Return the certificate and those above it, up to a root (which may be the issuer). Raises NotTrustedError."""
    issuer = _issuer(certificate, (*trust.intermediates, *trust.roots))
    if issuer in trust.roots:
        return certificate, issuer
    return certificate, issuer, _issuer(issuer, trust.roots)


def _issuer(certificate: x509.Certificate, candidates: tuple[x509.Certificate, ...]) -> x509.Certificate:
    for candidate in candidates:
        try:
            certificate.verify_directly_issued_by(candidate)
            if candidate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
                return candidate
        except (InvalidSignature, ValueError, TypeError, x509.ExtensionNotFound):
            continue
    raise NotTrustedError("unknown_issuer")


def _names(certificate: x509.Certificate) -> set[str]:
    common = [str(each.value) for each in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    return {name for text in common for name in (text, [*text.split("@"), "", ""][2]) if name}
