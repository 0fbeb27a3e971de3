"""Signatures of APIv3 in both directions, and the encryption of notifications.

Source: WeChat Pay APIv3, "signature generation", "signature verification", "decrypting notifications".
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pycore.channels.failure import NotTrustedError
from pycore.channels.message import Stamp
from pycore.channels.rsa_key import PublicKey
from pycore.channels.secret import Secret
from pycore.channels.wechat.merchant import WeChatMerchant

WINDOW_SECONDS = 300
"""How far a message's time may be from ours: later it may be a replay."""
NONCE_BYTES = 12


def lines(*values: str) -> str:
    """Return the values with a line feed after each: the form of every signed text of APIv3."""
    return "".join(f"{value}\n" for value in values)


def authorization(merchant: WeChatMerchant, method: str, uri: str, body: str, stamp: Stamp) -> str:
    """Return the value of the Authorization header; ``uri`` is path and query as sent."""
    timestamp = str(int(stamp.at.timestamp()))
    signature = merchant.private_key.sign(lines(method, uri, timestamp, stamp.nonce, body).encode())
    return (
        f'WECHATPAY2-SHA256-RSA2048 mchid="{merchant.merchant_id}",nonce_str="{stamp.nonce}",'
        f'signature="{signature}",timestamp="{timestamp}",serial_no="{merchant.serial_no}"'
    )


def verify(headers: Mapping[str, str], body: bytes, keys: Mapping[str, PublicKey], now: datetime) -> None:
    """Return if ``body``, byte by byte, was signed by one of ``keys`` within five minutes of ``now``.

    Raises NotTrustedError.
    """
    try:
        timestamp = headers["wechatpay-timestamp"]
        nonce = headers["wechatpay-nonce"]
        signature = headers["wechatpay-signature"]
        key = keys.get(headers["wechatpay-serial"])
    except KeyError:
        raise NotTrustedError("not_signed") from None
    if key is None:
        raise NotTrustedError("unknown_key")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise NotTrustedError("bad_time")
    if abs(now.timestamp() - int(timestamp)) > WINDOW_SECONDS:
        raise NotTrustedError("too_old")
    key.verify(f"{timestamp}\n{nonce}\n".encode() + body + b"\n", signature)


def decrypt(key: Secret, *, nonce: str, associated_data: str, ciphertext: str) -> bytes:
    """Return the plain text of a notification's resource (AES-256-GCM, tag at the end). Raises NotTrustedError."""
    if len(nonce.encode()) != NONCE_BYTES:
        raise NotTrustedError("not_decryptable")
    try:
        sealed = base64.b64decode(ciphertext, validate=True)
        return AESGCM(key.reveal().encode()).decrypt(nonce.encode(), sealed, associated_data.encode())
    except (InvalidTag, binascii.Error, ValueError):
        raise NotTrustedError("not_decryptable") from None
