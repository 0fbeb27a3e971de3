"""UnionPay's signature: SHA256withRSA over a text that is itself the SHA-256, in lower-case hex, of the sorted fields.

Replies and callbacks carry the certificate to verify them with; its issuer is what a merchant trusts.
"""

import base64
import hashlib
from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from api.sandbox.keys import UnionpayKeys


class SignatureError(Exception):
    """A signature does not fit."""


class Signer:
    """Both directions, with the channel's keys."""

    def __init__(self, keys: UnionpayKeys) -> None:
        self._keys = keys

    def verify(self, fields: Mapping[str, str]) -> None:
        """Check what a merchant signed. Raises SignatureError."""
        if fields.get("certId") != self._keys.merchant_cert_id or fields.get("signMethod") != "01":
            raise SignatureError
        try:
            signature = base64.b64decode(fields.get("signature", ""), validate=True)
            self._keys.merchant_key.verify(signature, _digest(fields), padding.PKCS1v15(), hashes.SHA256())
        except (InvalidSignature, ValueError):  # what is no Base64 is a ValueError
            raise SignatureError from None

    def signed(self, fields: Mapping[str, str], *, is_forged: bool = False) -> dict[str, str]:
        """Return the fields with the certificate and the signature; of something else where ``is_forged``."""
        full = {**fields, "signMethod": "01", "signPubKeyCert": self._keys.certificate}
        digest = _digest({**full, "forged": "1"} if is_forged else full)
        signature = self._keys.platform_key.sign(digest, padding.PKCS1v15(), hashes.SHA256())
        return {**full, "signature": base64.b64encode(signature).decode()}


def _digest(fields: Mapping[str, str]) -> bytes:
    text = "&".join(f"{name}={fields[name]}" for name in sorted(fields) if fields[name] and name != "signature")
    return hashlib.sha256(text.encode()).hexdigest().encode()
