"""APIv3's cryptography: requests are verified, replies and callbacks signed, what is confidential encrypted.

| what | over | how |
|---|---|---|
| request | method, URI with query, timestamp, nonce, body | SHA256withRSA, header ``Authorization`` |
| reply, callback | timestamp, nonce, body | SHA256withRSA, headers ``Wechatpay-…`` |
| resource | JSON text | AES-256-GCM with the APIv3 key, 12 bytes of nonce, the tag at the end |

A line feed follows each of what is signed.
"""

import base64
import os
import re
import secrets
from collections.abc import Callable

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Struct

from api.sandbox.core.clock import wall_ms
from api.sandbox.keys import MCHID, WechatKeys

SCHEME = "WECHATPAY2-SHA256-RSA2048"
CLOCK_SECONDS_MAX = 300
"""How far a request's timestamp may be from the channel's clock."""

_PAIR = re.compile(r'(\w+)="([^"]*)"')


class SignatureError(Exception):
    """A request's signature cannot be accepted; the text says why."""


class Signed(Struct, frozen=True):
    """What a request's signature covers: the method, the URI with its query as it was sent, and the body."""

    method: str
    uri: str
    body: bytes


class Signer:
    """Both directions of APIv3, with the channel's keys."""

    def __init__(self, keys: WechatKeys, wall: Callable[[], int] = wall_ms) -> None:
        self._keys = keys
        self._wall = wall
        self._cipher = AESGCM(keys.apiv3_key)

    def verify(self, authorization: str, signed: Signed) -> None:
        """Check a request. Raises SignatureError."""
        scheme, _, rest = authorization.partition(" ")
        if scheme != SCHEME:
            raise SignatureError("Http头Authorization认证类型不正确")
        values = dict(_PAIR.findall(rest))
        if values.keys() != {"mchid", "nonce_str", "signature", "timestamp", "serial_no"}:
            raise SignatureError("Http头Authorization值格式错误，请参考《微信支付商户REST API签名规则》")
        if values["mchid"] != MCHID or values["serial_no"].upper() != self._keys.merchant_serial:
            raise SignatureError("商户证书序列号有误。请使用签名私钥匹配的证书序列号")
        if not re.fullmatch(r"[0-9]{1,12}", values["timestamp"]):
            raise SignatureError("时间戳格式有误")
        if abs(self._wall() // 1000 - int(values["timestamp"])) > CLOCK_SECONDS_MAX:
            raise SignatureError("Http头Authorization中的timestamp与发起请求的时间不得超过5分钟")
        head = f"{signed.method}\n{signed.uri}\n{values['timestamp']}\n{values['nonce_str']}\n"
        try:
            signature = base64.b64decode(values["signature"], validate=True)
            message = head.encode() + signed.body + b"\n"
            self._keys.merchant_key.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
        except (InvalidSignature, ValueError):  # what is no Base64 is a ValueError
            raise SignatureError("错误的签名，验签失败") from None

    def holds(self, serial: str) -> bool:
        """Return whether ``serial`` names a key replies can be signed with."""
        return serial in {self._keys.public_key_id, self._keys.platform_serial}

    def headers(self, body: bytes, serial: str, *, is_forged: bool = False) -> dict[str, str]:
        """Return the headers that sign a body.

        ``serial`` names the public key or the certificate the merchant goes by; anything else: the certificate.
        """
        timestamp = str(self._wall() // 1000)
        nonce = secrets.token_hex(16)
        message = f"{timestamp}\n{nonce}\n".encode() + body + b"\n" + (b"forged" if is_forged else b"")
        signature = self._keys.platform_key.sign(message, padding.PKCS1v15(), hashes.SHA256())
        is_by_key = serial == self._keys.public_key_id
        return {
            "Wechatpay-Timestamp": timestamp,
            "Wechatpay-Nonce": nonce,
            "Wechatpay-Signature": base64.b64encode(signature).decode(),
            "Wechatpay-Serial": serial if is_by_key else self._keys.platform_serial,
            "Wechatpay-Signature-Type": SCHEME,
        }

    def seal(self, content: bytes, associated: str) -> dict[str, str]:
        """Return content as the encrypted object that callbacks and certificates travel in."""
        nonce = base64.b32encode(os.urandom(8)).decode()[:12]
        sealed = self._cipher.encrypt(nonce.encode(), content, associated.encode())
        return {
            "algorithm": "AEAD_AES_256_GCM",
            "ciphertext": base64.b64encode(sealed).decode(),
            "associated_data": associated,
            "nonce": nonce,
        }
