"""An SDK nobody here wrote drives the simulated WeChat Pay as it would the real one."""

import gzip
import hashlib
import json
from datetime import datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from wechatpayv3 import WeChatPay, WeChatPayType
from wechatpayv3.core import Core

from tests.api.sandbox.simulated import Inbox, Sandbox, new_number


def answered(reply: tuple[int, str], status: int = 200) -> Any:
    assert reply[0] == status, reply
    return json.loads(reply[1]) if reply[1] else None


def order(client: WeChatPay, reference: str, total: int = 1050, **more: Any) -> Any:
    return answered(client.pay(description="两杯咖啡", out_trade_no=reference, amount={"total": total}, **more))


async def test_a_payment_and_its_refund(sandbox: Sandbox, inbox: Inbox) -> None:
    client = sandbox.wechat(inbox.url)
    reference = new_number()
    assert order(client, reference)["code_url"].startswith("weixin://wxpay/bizpayurl?pr=")
    assert answered(client.query(out_trade_no=reference))["trade_state"] == "NOTPAY"

    sandbox.act(reference, "pay")
    letter = await inbox.next()
    told = client.callback(letter.headers, letter.body)
    assert told["event_type"] == "TRANSACTION.SUCCESS"
    paid = told["resource"]
    assert (paid["out_trade_no"], paid["trade_state"], paid["amount"]["total"]) == (reference, "SUCCESS", 1050)
    assert answered(client.query(transaction_id=paid["transaction_id"]))["out_trade_no"] == reference
    assert answered(client.query(out_trade_no=reference)) == paid

    refund = new_number()
    amount = {"refund": 50, "total": 1050, "currency": "CNY"}
    asked = answered(client.refund(refund, amount, out_trade_no=reference, reason="洒了", notify_url=inbox.url))
    assert asked["status"] == "PROCESSING"
    assert answered(client.refund(refund, amount, out_trade_no=reference))["refund_id"] == asked["refund_id"]
    sandbox.advance(5)
    letter = await inbox.next()
    told = client.callback(letter.headers, letter.body)
    assert told["event_type"] == "REFUND.SUCCESS"
    assert (told["resource"]["out_refund_no"], told["resource"]["amount"]["refund"]) == (refund, 50)
    assert answered(client.query_refund(refund))["status"] == "SUCCESS"
    assert answered(client.query(out_trade_no=reference))["trade_state"] == "REFUND"
    assert await inbox.is_quiet()


async def test_the_other_ways_in(sandbox: Sandbox, inbox: Inbox) -> None:
    client = sandbox.wechat(inbox.url)
    scene = {"payer_client_ip": "127.0.0.1", "h5_info": {"type": "Wap"}}
    jsapi = order(client, new_number(), pay_type=WeChatPayType.JSAPI, payer={"openid": "oSomebody"})
    assert jsapi["prepay_id"].startswith("wx")
    assert order(client, new_number(), pay_type=WeChatPayType.APP)["prepay_id"].startswith("wx")
    assert order(client, new_number(), pay_type=WeChatPayType.H5, scene_info=scene)["h5_url"].startswith(sandbox.url)


async def test_a_merchant_who_verifies_by_certificate(
    sandbox: Sandbox, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDK fetches certificates while it is made, so it has to know the sandbox's address before."""
    own = sandbox.description["wechat"]
    fetch = Core._update_certificates

    def fetch_here(core: Any) -> None:
        core._gate_way = sandbox.url
        fetch(core)

    monkeypatch.setattr(Core, "_update_certificates", fetch_here)
    client = WeChatPay(
        wechatpay_type=WeChatPayType.NATIVE,
        mchid=own["mchid"],
        private_key=sandbox.text("wechat.merchant_key_file").strip(),
        cert_serial_no=own["merchant_serial"],
        appid=own["appid"],
        apiv3_key=sandbox.text("wechat.apiv3_key_file"),
        notify_url=inbox.url,
    )
    reference = new_number()
    order(client, reference)
    sandbox.act(reference, "pay")
    letter = await inbox.next()
    assert letter.headers["Wechatpay-Serial"] == own["platform_serial"]
    assert client.callback(letter.headers, letter.body)["resource"]["out_trade_no"] == reference


async def test_closing(sandbox: Sandbox, inbox: Inbox) -> None:
    client = sandbox.wechat(inbox.url)
    reference = new_number()
    order(client, reference)
    for _ in range(2):
        assert client.close(reference) == (204, "")
    assert answered(client.query(out_trade_no=reference))["trade_state"] == "CLOSED"
    assert sandbox.refused("POST", f"/orders/{sandbox.order(reference)['id']}/pay", {}) == 409
    assert answered(client.close(new_number()), 404)["code"] == "ORDER_NOT_EXIST"
    paid = new_number()
    order(client, paid)
    sandbox.act(paid, "pay")
    assert answered(client.close(paid), 400)["code"] == "ORDERPAID"


async def test_the_same_number_again(sandbox: Sandbox, inbox: Inbox) -> None:
    client = sandbox.wechat(inbox.url)
    reference = new_number()
    first = order(client, reference)
    assert order(client, reference) == first
    other = client.pay(description="两杯咖啡", out_trade_no=reference, amount={"total": 1})
    assert answered(other, 400)["code"] == "INVALID_REQUEST"
    sandbox.act(reference, "pay")
    paid = client.pay(description="两杯咖啡", out_trade_no=reference, amount={"total": 1050})
    assert answered(paid, 400)["code"] == "ORDERPAID"


async def test_refunds_stay_within_the_payment(sandbox: Sandbox, inbox: Inbox) -> None:
    client = sandbox.wechat(inbox.url)
    reference = new_number()
    order(client, reference, total=100)
    whole = {"refund": 100, "total": 100, "currency": "CNY"}
    assert answered(client.refund(new_number(), whole, out_trade_no=reference), 400)["message"] == "订单状态不支持退款"
    sandbox.act(reference, "pay")
    for _ in range(2):
        answered(client.refund(new_number(), {**whole, "refund": 40}, out_trade_no=reference))
    too_much = client.refund(new_number(), {**whole, "refund": 21}, out_trade_no=reference)
    assert answered(too_much, 400)["message"] == "申请退款金额大于可退金额"
    used = new_number()
    answered(client.refund(used, {**whole, "refund": 20}, out_trade_no=reference))
    assert answered(client.refund(used, {**whole, "refund": 19}, out_trade_no=reference), 400)
    assert sandbox.order(reference)["refunded"] == 100
    assert answered(client.query_refund(new_number()), 404)["code"] == "RESOURCE_NOT_EXISTS"


async def test_bad_requests_are_refused(sandbox: Sandbox, inbox: Inbox) -> None:
    client = sandbox.wechat(inbox.url)
    reference = new_number()
    for amount in (0, -1, 1.5, "1", 2**63, None):
        wrong = client.pay(description="x", out_trade_no=reference, amount={"total": amount})
        assert answered(wrong, 400)["code"] == "PARAM_ERROR"
    for name in ("short", "x" * 33, "with space", "汉字汉字汉字"):
        wrong = client.pay(description="x", out_trade_no=name, amount={"total": 1})
        assert answered(wrong, 400)["detail"]["field"] == "out_trade_no"
    late = client.pay(
        description="x", out_trade_no=reference, amount={"total": 1}, time_expire="2020-01-01T00:00:00+08:00"
    )
    assert answered(late, 400)["detail"]["field"] == "time_expire"
    foreign = client.pay(description="x", out_trade_no=reference, amount={"total": 1}, mchid="1900000001")
    assert answered(foreign, 400)["code"] == "APPID_MCHID_NOT_MATCH"
    assert answered(client.query(out_trade_no=reference), 404)["code"] == "ORDER_NOT_EXIST"


async def test_bad_signatures_are_refused(sandbox: Sandbox, inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    client = sandbox.wechat(inbox.url)
    stranger = sandbox.wechat(inbox.url)
    stranger._core._private_key = rsa.generate_private_key(65537, 2048)
    reply = stranger.pay(description="x", out_trade_no=new_number(), amount={"total": 1})
    assert answered(reply, 401)["code"] == "SIGN_ERROR"
    client._core._cert_serial_no = "0" * 40
    assert answered(client.query(out_trade_no=new_number()), 401)["code"] == "SIGN_ERROR"
    monkeypatch.setattr("wechatpayv3.utils.time.time", lambda: 1_000_000_000)
    old = sandbox.wechat(inbox.url)
    assert answered(old.query(out_trade_no=new_number()), 401)["code"] == "SIGN_ERROR"


async def test_bills(own_sandbox: Sandbox, inbox: Inbox) -> None:
    client = own_sandbox.wechat(inbox.url)
    paid, refunded, unpaid, refund = (new_number() for _ in range(4))
    for reference, total in ((paid, 1050), (refunded, 10_000), (unpaid, 7)):
        order(client, reference, total=total, attach="a,b")
    own_sandbox.act(paid, "pay")
    own_sandbox.act(refunded, "pay")
    answered(client.refund(refund, {"refund": 2500, "total": 10_000, "currency": "CNY"}, out_trade_no=refunded))
    own_sandbox.control("PUT", "/clock", {"factor": 20})
    await inbox.next()
    await inbox.next()
    while own_sandbox.order(refunded)["refunds"][0]["state"] != "done":
        pass
    day = datetime.fromisoformat(own_sandbox.control("GET", "/clock")["now"]).date().isoformat()
    assert answered(client.trade_bill(day), 400)["code"] == "STATEMENT_CREATING"
    own_sandbox.advance(35 * 3600)

    lines = download(client, answered(client.trade_bill(day)))
    assert len(lines[0].split(",")) == 27
    rows = [line.split(",") for line in lines[1:-2]]
    assert all(value.startswith("`") for row in rows for value in row)
    assert [(row[6][1:], row[9][1:], row[12][1:], row[16][1:], row[22][1:]) for row in rows] == [
        (paid, "SUCCESS", "10.50", "0.00", "0.06"),
        (refunded, "SUCCESS", "100.00", "0.00", "0.60"),
        (refunded, "REFUND", "0.00", "25.00", "-0.15"),
    ]
    assert lines[-1] == "`3,`110.50,`25.00,`0.00,`0.51,`110.50,`25.00"

    lines = download(client, answered(client.fundflow_bill(day)))
    assert [line.split(",")[6] for line in lines[1:-2]] == ["`10.50", "`0.06", "`100.00", "`0.60", "`25.00", "`0.15"]
    assert lines[-3].split(",")[7] == "`84.99"
    assert lines[-1] == "`6,`3,`110.65,`3,`25.66"
    forged = client.download_bill(f"{own_sandbox.url}/v3/billdownload/file?token=AAAA")
    assert forged[0] == 400


def download(client: WeChatPay, offer: Any) -> list[str]:
    status, packed = client.download_bill(offer["download_url"])
    assert status == 200
    content = gzip.decompress(packed)
    assert hashlib.sha1(content).hexdigest() == offer["hash_value"]
    return content.decode("utf-8-sig").splitlines()


async def test_private_files_are_private(sandbox: Sandbox) -> None:
    private = [
        *sandbox.folder.rglob("*_key.pem"),
        *sandbox.folder.rglob("api*_key"),
        sandbox.folder / "sandbox.sqlite3",
    ]
    assert len(private) >= 7
    assert all(file.stat().st_mode & 0o077 == 0 for file in private if "public" not in file.name)
    described = (sandbox.folder / "sandbox.json").read_text()
    assert sandbox.text("wechat.apiv3_key_file") not in described
    key = serialization.load_pem_private_key((sandbox.folder / "wechat/merchant_key.pem").read_bytes(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    assert key.key_size == 2048
