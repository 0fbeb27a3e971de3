"""Alipay's signatures, all RSA2 (SHA256withRSA, base64).

| what | over |
|---|---|
| v2 request | the parameters but ``sign`` and empty ones, sorted, joined as ``k=v`` with ``&`` |
| v2 reply | the text of the inner ``…_response`` object exactly as it is sent |
| callback | as a request, without ``sign_type`` too |
| v3 request | ``authString``, method, URI, body, and the authorisation token if there is one; a line feed after each |
| v3 reply | ``alipay-timestamp``, ``alipay-nonce``, body; a line feed after each |
"""

import base64
import re
import secrets
from collections.abc import Callable, Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from api.sandbox.core.clock import wall_ms
from api.sandbox.keys import ALIPAY_APP_ID, AlipayKeys

SCHEME = "ALIPAY-SHA256withRSA"
CLOCK_MS_MAX = 600_000
"""How far a v3 request's timestamp may be from the channel's clock."""

_AUTHORIZATION = re.compile(rf"{SCHEME} (?P<signed>[^\s]+),sign=(?P<sign>[A-Za-z0-9+/=]+)")


class SignatureError(Exception):
    """A signature does not fit; the text is the interface's code for why."""


def joined(values: Mapping[str, str], *without: str) -> str:
    """Return parameters as the text that is signed."""
    return "&".join(f"{name}={values[name]}" for name in sorted(values) if values[name] and name not in without)


class Signer:
    """Both directions, with the channel's keys."""

    def __init__(self, keys: AlipayKeys, wall: Callable[[], int] = wall_ms) -> None:
        self._keys = keys
        self._wall = wall

    def verify(self, message: bytes, sign: str) -> None:
        """Check what a merchant signed, as the bytes that came. Raises SignatureError."""
        try:
            signature = base64.b64decode(sign, validate=True)
            self._keys.app_key.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
        except (InvalidSignature, ValueError):  # what is no Base64 is a ValueError
            raise SignatureError("isv.invalid-signature") from None

    def verify_rest(self, authorization: str, method: str, uri: str, body: str, token: str) -> None:
        """Check a v3 request. Raises SignatureError."""
        matched = _AUTHORIZATION.fullmatch(authorization)
        if matched is None:
            raise SignatureError("missing-signature")
        values = dict(pair.partition("=")[::2] for pair in matched["signed"].split(","))
        if values.get("app_id") != ALIPAY_APP_ID:
            raise SignatureError("invalid-app-id")
        timestamp = values.get("timestamp", "")
        if not re.fullmatch("[0-9]{1,16}", timestamp) or abs(self._wall() - int(timestamp)) > CLOCK_MS_MAX:
            raise SignatureError("invalid-timestamp")
        lines = [matched["signed"], method, uri, body, *([token] if token else [])]
        try:
            self.verify("".join(f"{line}\n" for line in lines).encode(), matched["sign"])
        except SignatureError:
            raise SignatureError("invalid-signature") from None

    def sign(self, message: bytes, *, is_forged: bool = False) -> str:
        """Return the channel's signature; of something else where ``is_forged``."""
        said = message + (b"forged" if is_forged else b"")
        signature = self._keys.platform_key.sign(said, padding.PKCS1v15(), hashes.SHA256())
        return base64.b64encode(signature).decode()

    def rest_headers(self, body: str, *, is_forged: bool = False) -> dict[str, str]:
        """Return the headers that sign a v3 reply."""
        timestamp, nonce = str(self._wall()), secrets.token_hex(16)
        return {
            "alipay-timestamp": timestamp,
            "alipay-nonce": nonce,
            "alipay-signature": self.sign(f"{timestamp}\n{nonce}\n{body}\n".encode(), is_forged=is_forged),
            "alipay-trace-id": secrets.token_hex(16),
        }
