"""Payment codes over the XML interface; no kept SDK speaks it, so the messages are written out here."""

import hashlib
import hmac
import urllib.request
from xml.etree import ElementTree as ET

import pytest

from tests.api.sandbox.simulated import Inbox, Sandbox, new_number

CODE = "134567890123456789"


class Merchant:
    def __init__(self, sandbox: Sandbox, sign_type: str = "HMAC-SHA256") -> None:
        own = sandbox.description["wechat"]
        self.url = sandbox.url
        self.key = sandbox.text("wechat.api_key_file")
        self.identity = {"appid": own["appid"], "mch_id": own["mchid"], "nonce_str": "n", "sign_type": sign_type}

    def sign(self, fields: dict[str, str]) -> str:
        text = "&".join(f"{name}={fields[name]}" for name in sorted(fields) if fields[name] and name != "sign")
        message = f"{text}&key={self.key}".encode()
        if self.identity["sign_type"] == "MD5":
            return hashlib.md5(message).hexdigest().upper()
        return hmac.new(self.key.encode(), message, hashlib.sha256).hexdigest().upper()

    def ask(self, path: str, **fields: str) -> dict[str, str]:
        """A signed request's reply, its signature verified."""
        sent = {**self.identity, **fields}
        reply = self.post(path, {**sent, "sign": self.sign(sent)})
        assert reply["return_code"] == "SUCCESS", reply
        assert reply["sign"] == self.sign(reply)
        return reply

    def post(self, path: str, fields: dict[str, str]) -> dict[str, str]:
        content = "".join(f"<{name}><![CDATA[{value}]]></{name}>" for name, value in fields.items())
        return self.send(path, f"<xml>{content}</xml>".encode())

    def send(self, path: str, body: bytes) -> dict[str, str]:
        with urllib.request.urlopen(f"{self.url}{path}", body, timeout=10) as response:
            return {each.tag: each.text or "" for each in ET.fromstring(response.read())}

    def charge(self, reference: str, code: str = CODE, total: str = "100") -> dict[str, str]:
        fields = {"out_trade_no": reference, "auth_code": code, "total_fee": total, "body": "咖啡"}
        return self.ask("/pay/micropay", spbill_create_ip="203.0.113.9", **fields)


@pytest.mark.parametrize("sign_type", ["HMAC-SHA256", "MD5"])
async def test_a_code_is_charged(sandbox: Sandbox, sign_type: str) -> None:
    merchant, reference = Merchant(sandbox, sign_type), new_number()
    paid = merchant.charge(reference)
    assert (paid["result_code"], paid["total_fee"], paid["trade_type"]) == ("SUCCESS", "100", "MICROPAY")
    assert merchant.ask("/pay/orderquery", transaction_id=paid["transaction_id"])["trade_state"] == "SUCCESS"
    assert merchant.charge(reference)["err_code"] == "ORDERPAID"


async def test_the_payer_is_asked(sandbox: Sandbox) -> None:
    merchant, reference = Merchant(sandbox), new_number()
    sandbox.fault("payer_is_asked", reference)
    assert merchant.charge(reference)["err_code"] == "USERPAYING"
    assert merchant.ask("/pay/orderquery", out_trade_no=reference)["trade_state"] == "USERPAYING"
    sandbox.act(reference, "pay")
    assert merchant.ask("/pay/orderquery", out_trade_no=reference)["trade_state"] == "SUCCESS"


async def test_the_payer_is_asked_and_needs_no_person(sandbox: Sandbox) -> None:
    merchant, paid, refused = Merchant(sandbox), new_number(), new_number()
    for reference, act in ((paid, "payer_pays"), (refused, "payer_refuses")):
        sandbox.fault("payer_is_asked", reference)
        sandbox.fault(act, reference, median_ms=5000, p99_ms=9000)
        assert merchant.charge(reference)["err_code"] == "USERPAYING"
    sandbox.advance(60)
    sandbox.until(lambda: all(sandbox.order(each)["state"] != "open" for each in (paid, refused)))
    assert merchant.ask("/pay/orderquery", out_trade_no=paid)["trade_state"] == "SUCCESS"
    assert merchant.ask("/pay/orderquery", out_trade_no=refused)["trade_state"] == "PAYERROR"


async def test_a_payment_is_reversed(sandbox: Sandbox, inbox: Inbox) -> None:
    merchant = Merchant(sandbox)
    paid, waiting, refused = new_number(), new_number(), new_number()
    sandbox.fault("payer_is_asked", waiting)
    sandbox.fault("payer_refuses", refused)
    assert merchant.charge(paid)["result_code"] == "SUCCESS"
    assert merchant.charge(waiting)["err_code"] == "USERPAYING"
    assert merchant.charge(refused)["err_code"] == "TRADE_ERROR"
    assert merchant.ask("/pay/orderquery", out_trade_no=refused)["trade_state"] == "PAYERROR"
    for reference in (paid, waiting, refused):
        for _ in range(2):
            assert merchant.ask("/secapi/pay/reverse", out_trade_no=reference)["recall"] == "N"
        assert merchant.ask("/pay/orderquery", out_trade_no=reference)["trade_state"] == "REVOKED"
    assert sandbox.order(paid)["refunded"] == 100
    assert sandbox.order(waiting)["paid_at"] == 0
    assert merchant.ask("/secapi/pay/reverse", out_trade_no=new_number())["err_code"] == "ORDERNOTEXIST"


async def test_no_reply_and_yet_paid(sandbox: Sandbox) -> None:
    merchant, reference = Merchant(sandbox), new_number()
    sandbox.fault("timeout_hidden_success", reference, operation="charge", hold_ms=10)
    with pytest.raises(OSError):
        merchant.charge(reference)
    assert merchant.ask("/pay/orderquery", out_trade_no=reference)["trade_state"] == "SUCCESS"


async def test_bad_requests_are_refused(sandbox: Sandbox) -> None:
    merchant, reference = Merchant(sandbox), new_number()
    for code in ("16" + "0" * 16, "13", "", "1" * 19, "１３" + "0" * 16):
        assert merchant.charge(reference, code)["err_code"] == "AUTH_CODE_INVALID"
    for total in ("0", "-1", "1.5", "01", "1e3", "１"):
        assert merchant.charge(reference, total=total)["err_code"] == "PARAM_ERROR"
    assert merchant.charge(reference, total="")["err_code"] == "LACK_PARAMS"
    assert merchant.ask("/pay/orderquery", out_trade_no=reference)["err_code"] == "ORDERNOTEXIST"


async def test_bad_signatures_and_bad_xml_are_refused(sandbox: Sandbox) -> None:
    merchant = Merchant(sandbox)
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><xml><appid>&b;</appid></xml>'
    file = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><xml><appid>&a;</appid></xml>'
    nested = b"<xml><appid><x>1</x></appid></xml>"
    twice = b"<xml><appid>1</appid><appid>2</appid></xml>"
    for body in (b"", b"<xml>", b"{}", bomb, file, nested, twice, b"<xml>" + b"x" * (2 << 20) + b"</xml>"):
        assert merchant.send("/pay/micropay", body) == {"return_code": "FAIL", "return_msg": "XML格式错误"}
    sent = {**merchant.identity, "out_trade_no": new_number(), "auth_code": CODE, "total_fee": "1", "body": "x"}
    for sign in ("", "0" * 64, merchant.sign({**sent, "total_fee": "2"})):
        assert merchant.post("/pay/micropay", {**sent, "sign": sign})["return_msg"] == "签名错误"


async def test_a_reply_with_a_bad_signature(sandbox: Sandbox) -> None:
    merchant, reference = Merchant(sandbox), new_number()
    sandbox.fault("bad_signature", reference, operation="charge")
    with pytest.raises(AssertionError):
        merchant.charge(reference)
    assert sandbox.order(reference)["state"] == "paid"
