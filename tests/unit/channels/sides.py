"""The other side of the wire for tests: keys of the golden folder, and replies signed as the channels sign theirs."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pycore.channels.alipay import AlipayCertificates, AlipayMerchant
from pycore.channels.message import HttpNotification, HttpResponse, Stamp
from pycore.channels.order import ChannelOrder, Method, Payer
from pycore.channels.outcome import Failed, HandleByHand, Outcome, Pending, RequiresAction, Succeeded, Unknown
from pycore.channels.refund import Refund
from pycore.channels.rsa_key import PrivateKey, PublicKey
from pycore.channels.secret import Secret
from pycore.channels.unionpay import UnionPayMerchant, UnionPayTrust
from pycore.channels.wechat import ScansOver, WeChatMerchant
from pycore.money import CNY, Amount

GOLDEN = Path(__file__).parent / "golden"
NONCE = "593bec0c930bf1afeb40b4a08c8fb242"
AT = datetime(2026, 12, 1, 4, tzinfo=UTC)
STAMP = Stamp(AT, NONCE)
ORDER_ID = "a1b2c3d4e5f60718"
REFUND_ID = "f1b2c3d4e5f60719"
API_V3_KEY = "0123456789ABCDEFGHIJKLMNOPQRSTUV"
PLATFORM_KEY_ID = "PUB_KEY_ID_0119000000012026120100"

_CODES = {"wechat": "134567890123456789", "alipay": "28763443825664394", "unionpay": "6220000000000000001"}


def golden(name: str) -> bytes:
    return (GOLDEN / name).read_bytes()


@cache
def private_key(name: str = "merchant") -> PrivateKey:
    return PrivateKey.from_pem(golden(f"{name}.pem"))


def public_key(name: str) -> PublicKey:
    return PublicKey.from_pem(golden(name))


def order(method: Method = Method.QR_CODE, *, channel: str = "wechat", **changes: Any) -> ChannelOrder:
    payer = Payer(open_id="oUpF8uMuAJO_M2pxb1Q9zNjWeS6o", auth_code=Secret(_CODES[channel]))
    values: dict[str, Any] = {
        "payment_attempt_id": ORDER_ID,
        "amount": Amount(101, CNY),
        "method": method,
        "subject": "茶 tea",
        "notify_url": f"https://pay.example/{channel}",
        "created_at": AT,
        "expires_at": datetime(2026, 12, 1, 4, 15, tzinfo=UTC),
        "client_ip": "203.0.113.9",
        "payer": payer,
    }
    return ChannelOrder(**{**values, **changes})


def refund(**changes: Any) -> Refund:
    values: dict[str, Any] = {
        "refund_id": REFUND_ID,
        "order": order(),
        "transaction_id": "4200000001",
        "amount": Amount(51, CNY),
        "reason": "broken",
        "created_at": datetime(2026, 12, 1, 5, tzinfo=UTC),
    }
    return Refund(**{**values, **changes})


def wechat_merchant() -> WeChatMerchant:
    return WeChatMerchant(
        merchant_id="1900000001",
        app_id="wx0123456789abcdef",
        serial_no="5157F09EFDC096DE15EBE81A47057A7232F1B8E1",
        private_key=private_key(),
        api_v3_key=Secret(API_V3_KEY),
        platform_keys={PLATFORM_KEY_ID: PublicKey.from_pem(golden("platform_public.pem"))},
        scans_over=ScansOver.V2,
        server_ip="192.0.2.7",
        api_v2_key=Secret("0123456789abcdefghijklmnopqrstuv"),
    )


def alipay_merchant(*, certificates: bool = False) -> AlipayMerchant:
    return AlipayMerchant(
        app_id="2021000000000001",
        seller_id="2088000000000001",
        private_key=private_key(),
        platform_key=PublicKey.from_pem(golden("platform_public.pem")),
        certificates=AlipayCertificates(
            app_cert_sn="dbd1d2c8bba5dbc5d4bb3d92f4b1cd16",
            alipay_root_cert_sn="687b59193f3f462dd5336e5abf83c5d8",
            alipay_cert_sn="15ab9c1ecbaf0e1b1c3c2cf7ffe81f50",
        )
        if certificates
        else None,
    )


def certificate(name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(golden(f"{name}.crt"))


def unionpay_merchant() -> UnionPayMerchant:
    return UnionPayMerchant(
        merchant_id="777290058110001",
        certificate_id="68759663125",
        private_key=private_key(),
        trust=UnionPayTrust(roots=(certificate("root"),), intermediates=(certificate("middle"),)),
    )


@cache
def signing_key(name: str) -> rsa.RSAPrivateKey:
    loaded = serialization.load_pem_private_key(golden(f"{name}.pem"), None)
    assert isinstance(loaded, rsa.RSAPrivateKey)
    return loaded


def signed(message: bytes, key: str = "platform") -> str:
    """A signature made with the library alone, not with the code under test."""
    return base64.b64encode(signing_key(key).sign(message, padding.PKCS1v15(), hashes.SHA256())).decode()


def summary(outcome: Outcome) -> str:
    """An outcome as a row of a table: its kind, then what decides."""
    match outcome:
        case Succeeded(transaction_id=number, amount=amount):
            return f"succeeded {number} {amount}"
        case Failed(reason=reason, code=code):
            return f"failed {reason} {code}"
        case Pending(code=code):
            return f"pending {code}"
        case Unknown(code=code):
            return f"unknown {code}"
        case RequiresAction(action=HandleByHand(instruction=instruction)):
            return f"by hand {instruction}"
        case RequiresAction(action=action):
            return f"requires {type(action).__name__}"


# -- WeChat Pay


def wechat_headers(
    body: bytes, *, at: int = 1796097600, key: str = "platform", serial: str = PLATFORM_KEY_ID
) -> dict[str, str]:
    return {
        "wechatpay-timestamp": str(at),
        "wechatpay-nonce": "replyNonce",
        "wechatpay-serial": serial,
        "wechatpay-signature": signed(f"{at}\nreplyNonce\n".encode() + body + b"\n", key),
    }


def wechat_reply(fields: Any, status: int = 200, **headers: Any) -> HttpResponse:
    body = b"" if fields is None else fields if isinstance(fields, bytes) else json.dumps(fields).encode()
    return HttpResponse(status=status, headers=wechat_headers(body, **headers), body=body)


def wechat_notification(fields: Any, event: str = "TRANSACTION.SUCCESS", **headers: Any) -> HttpNotification:
    plain = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
    sealed = AESGCM(API_V3_KEY.encode()).encrypt(b"fdasflkja484", plain, b"transaction")
    resource = {
        "algorithm": "AEAD_AES_256_GCM",
        "ciphertext": base64.b64encode(sealed).decode(),
        "nonce": "fdasflkja484",
        "associated_data": "transaction",
        "original_type": "transaction",
    }
    envelope = {"id": "EV-1", "event_type": event, "resource_type": "encrypt-resource", "resource": resource}
    body = json.dumps(envelope).encode()
    return HttpNotification(headers=wechat_headers(body, **headers), body=body)


WECHAT_PAID: dict[str, Any] = {
    "appid": "wx0123456789abcdef",
    "mchid": "1900000001",
    "out_trade_no": ORDER_ID,
    "transaction_id": "4200000001",
    "trade_state": "SUCCESS",
    "trade_state_desc": "支付成功",
    "success_time": "2026-12-01T12:00:09+08:00",
    "amount": {"total": 101, "payer_total": 100, "currency": "CNY", "payer_currency": "CNY"},
    "promotion_detail": [{"amount": 1, "scope": "GLOBAL"}],
}


# -- Alipay


def alipay_v2_reply(method: str, fields: Any, *, key: str = "platform", **more: Any) -> HttpResponse:
    inner = fields if isinstance(fields, str) else json.dumps(fields, ensure_ascii=False)
    members = {"sign": signed(inner.encode(), key), **more}
    rest = ",".join(f"{json.dumps(name)}:{json.dumps(value)}" for name, value in members.items() if value is not None)
    body = f'{{"{method.replace(".", "_")}_response":{inner}' + (f",{rest}" if rest else "") + "}"
    return HttpResponse(status=200, body=body.encode())


def alipay_v3_reply(
    fields: Any,
    status: int = 200,
    *,
    key: str = "platform",
    at_ms: int = 1796097600000,
    headers: dict[str, str] | None = None,
) -> HttpResponse:
    body = json.dumps(fields).encode()
    signature = signed(f"{at_ms}\nreplyNonce\n".encode() + body + b"\n", key)
    stamped = {"alipay-timestamp": str(at_ms), "alipay-nonce": "replyNonce", "alipay-signature": signature}
    return HttpResponse(status=status, headers={**stamped, **(headers or {})}, body=body)


ALIPAY_NOTIFIED: dict[str, str] = {
    "app_id": "2021000000000001",
    "gmt_payment": "2026-12-01 12:00:09",
    "notify_id": "2026120100222120009",
    "out_trade_no": ORDER_ID,
    "seller_id": "2088000000000001",
    "subject": "茶 + tea",
    "total_amount": "1.01",
    "trade_no": "2026120122001400000000000001",
    "trade_status": "TRADE_SUCCESS",
}


def alipay_notification(fields: dict[str, str], *, key: str = "platform") -> HttpNotification:
    text = "&".join(f"{name}={value}" for name, value in sorted(fields.items()))
    form = {**fields, "sign_type": "RSA2", "sign": signed(text.encode(), key)}
    return HttpNotification(headers={}, body=urlencode(form).encode())


# -- UnionPay


def unionpay_signed(fields: dict[str, str], *, key: str = "signer", crt: str | None = None) -> dict[str, str]:
    complete = {
        "version": "5.1.0",
        "encoding": "UTF-8",
        "signMethod": "01",
        "merId": "777290058110001",
        "accessType": "0",
        "signPubKeyCert": golden(f"{crt or key}.crt").decode(),
        **fields,
    }
    text = "&".join(f"{name}={value}" for name, value in sorted(complete.items()))
    return {**complete, "signature": signed(hashlib.sha256(text.encode()).hexdigest().encode(), key)}


def unionpay_reply(fields: dict[str, str], **how: Any) -> HttpResponse:
    body = "&".join(f"{name}={value}" for name, value in unionpay_signed(fields, **how).items())
    return HttpResponse(status=200, body=body.encode())


def unionpay_notification(fields: dict[str, str], **how: Any) -> HttpNotification:
    return HttpNotification(headers={}, body=urlencode(unionpay_signed(fields, **how)).encode())


UNIONPAY_PAID: dict[str, str] = {
    "orderId": ORDER_ID,
    "txnTime": "20261201120000",
    "txnType": "01",
    "txnAmt": "101",
    "currencyCode": "156",
    "queryId": "812026120112000012345",
    "traceTime": "1201120009",
    "respCode": "00",
    "respMsg": "成功[0000000]",
    "reserved": "{a=1&b=2}",
}
