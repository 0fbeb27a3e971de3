"""Alipay's v3 signatures, written out here: the SDK that speaks them is a Node package."""

import base64
import json
import time
import urllib.error
import urllib.request
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.api.sandbox.simulated import Inbox, Sandbox, new_number


class Merchant:
    def __init__(self, sandbox: Sandbox) -> None:
        key = serialization.load_pem_private_key(sandbox.text("alipay.app_key_file").encode(), None)
        platform = serialization.load_pem_public_key(sandbox.text("alipay.platform_public_key_file").encode())
        assert isinstance(key, rsa.RSAPrivateKey)
        assert isinstance(platform, rsa.RSAPublicKey)
        self.key, self.platform, self.own = key, platform, sandbox.description["alipay"]

    def ask(self, method: str, uri: str, content: Any = None, token: str = "", **changes: str) -> tuple[int, Any]:
        """A signed request's status and reply, its signature verified; ``changes`` are made after signing."""
        body = "" if content is None else json.dumps(content)
        stamp = changes.pop("timestamp", str(int(time.time() * 1000)))
        auth = f"app_id={self.own['app_id']},nonce=n{stamp},timestamp={stamp}"
        text = f"{auth}\n{method}\n{uri}\n{body}\n" + (f"{token}\n" if token else "")
        sign = base64.b64encode(self.key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()
        headers = {"authorization": f"ALIPAY-SHA256withRSA {auth},sign={sign}", "content-type": "application/json"}
        if token:
            headers["alipay-app-auth-token"] = token
        sent = changes.get("other_body", body).encode() or None
        request = urllib.request.Request(
            self.own["endpoint"] + changes.get("other_uri", uri), sent, headers, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return response.status, self.verified(response.headers, response.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, self.verified(error.headers, error.read())

    def verified(self, headers: Any, body: bytes) -> Any:
        text = f"{headers['alipay-timestamp']}\n{headers['alipay-nonce']}\n".encode() + body + b"\n"
        signature = base64.b64decode(headers["alipay-signature"])
        self.platform.verify(signature, text, padding.PKCS1v15(), hashes.SHA256())
        return json.loads(body)


async def test_a_payment_and_its_refund(sandbox: Sandbox, inbox: Inbox) -> None:
    merchant, reference = Merchant(sandbox), new_number()
    order = {"out_trade_no": reference, "total_amount": "10.50", "subject": "咖啡", "notify_url": inbox.url}
    status, made = merchant.ask("POST", "/v3/alipay/trade/precreate", order)
    assert status == 200
    assert made["qr_code"].startswith("https://qr.alipay.com/")
    named = {"out_trade_no": reference}
    status, unknown = merchant.ask("POST", "/v3/alipay/trade/query", named)
    assert (status, unknown["code"]) == (400, "ACQ.TRADE_NOT_EXIST")
    sandbox.act(reference, "pay")
    assert b"trade_status=TRADE_SUCCESS" in (await inbox.next()).body
    assert merchant.ask("POST", "/v3/alipay/trade/query", named, token="t")[1]["trade_status"] == "TRADE_SUCCESS"
    refund = {**named, "refund_amount": "0.50", "out_request_no": "r1"}
    assert merchant.ask("POST", "/v3/alipay/trade/refund", refund)[1]["fund_change"] == "Y"
    found = merchant.ask("POST", "/v3/alipay/trade/fastpay/refund/query", {**named, "out_request_no": "r1"})[1]
    assert found["refund_amount"] == "0.50"


async def test_a_scanned_code(sandbox: Sandbox) -> None:
    merchant, reference = Merchant(sandbox), new_number()
    sandbox.fault("payer_is_asked", reference)
    order = {"out_trade_no": reference, "total_amount": 1, "subject": "x", "scene": "bar_code"}
    status, asked = merchant.ask("POST", "/v3/alipay/trade/pay", {**order, "auth_code": "28" + "1" * 16})
    assert (status, asked["out_trade_no"]) == (202, reference)
    assert merchant.ask("POST", "/v3/alipay/trade/cancel", {"out_trade_no": reference})[1]["action"] == "close"


async def test_a_bill_that_is_not_there_yet(sandbox: Sandbox) -> None:
    uri = "/v3/alipay/data/dataservice/bill/downloadurl/query?bill_type=trade&bill_date=2199-01-01"
    status, reply = Merchant(sandbox).ask("GET", uri)
    assert (status, reply["code"]) == (400, "isp.bill_not_exist")


async def test_bad_signatures_are_refused(sandbox: Sandbox) -> None:
    merchant = Merchant(sandbox)
    content = {"out_trade_no": new_number(), "total_amount": "1", "subject": "x"}
    uri = "/v3/alipay/trade/precreate"
    old = str(int(time.time() * 1000) - 3_600_000)
    for change in (
        {"other_body": json.dumps({**content, "total_amount": "2"})},
        {"other_uri": f"{uri}?a=b"},
        {"timestamp": old},
    ):
        assert merchant.ask("POST", uri, content, **change)[0] == 401
    merchant.key = rsa.generate_private_key(65537, 2048)
    assert merchant.ask("POST", uri, content)[0] == 401


async def test_a_reply_with_a_bad_signature(sandbox: Sandbox) -> None:
    merchant, reference = Merchant(sandbox), new_number()
    sandbox.fault("bad_signature", reference)
    with pytest.raises(InvalidSignature):
        merchant.ask(
            "POST", "/v3/alipay/trade/precreate", {"out_trade_no": reference, "total_amount": "1", "subject": "x"}
        )
