"""WeChat Pay APIv3: every reply and what it means."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import msgspec
import pytest

from pycore.channels.bill import BillLink, BillOrder
from pycore.channels.failure import UnsupportedOperationError
from pycore.channels.message import HttpResponse
from pycore.channels.order import Method, plain_address
from pycore.channels.outcome import (
    Failed,
    OpenPage,
    RequiresAction,
    Succeeded,
    Unknown,
)
from pycore.channels.wechat import WeChatAdapter
from pycore.money import CNY, Amount
from tests.unit.channels import sides
from tests.unit.channels.sides import STAMP, WECHAT_PAID, order, refund, summary, wechat_reply

ADAPTER = WeChatAdapter(sides.wechat_merchant())


QUERIES: list[tuple[str, dict[str, Any], str]] = [
    ("paid", {}, "succeeded 4200000001 1.01 CNY"),
    ("paid, then refunded", {"trade_state": "REFUND"}, "succeeded 4200000001 1.01 CNY"),
    ("not paid yet", {"trade_state": "NOTPAY"}, "pending NOTPAY"),
    ("the payer types a password", {"trade_state": "USERPAYING"}, "pending USERPAYING"),
    ("closed", {"trade_state": "CLOSED"}, "failed final CLOSED"),
    ("reversed", {"trade_state": "REVOKED"}, "failed final REVOKED"),
    ("the payer's bank refused", {"trade_state": "PAYERROR"}, "failed needs_payer PAYERROR"),
    ("a state nobody knows", {"trade_state": "HALFPAID"}, "unknown unknown_state"),
    ("one fen more", {"amount": {"total": 102, "currency": "CNY"}}, "unknown other_amount"),
    ("one fen less", {"amount": {"total": 100, "currency": "CNY"}}, "unknown other_amount"),
    ("dollars", {"amount": {"total": 101, "currency": "USD"}}, "unknown other_amount"),
    ("no currency at all", {"amount": {"total": 101, "currency": "ZZZ"}}, "unknown other_currency"),
    ("another order", {"out_trade_no": "ffffffffffffffff"}, "unknown other_order"),
    ("another merchant", {"mchid": "1900000002"}, "unknown other_merchant"),
    ("another app", {"appid": "wxffffffffffffffff"}, "unknown other_app"),
    ("an amount with a fraction", {"amount": {"total": 101.0, "currency": "CNY"}}, "unknown wrong_fields"),
    ("an amount as text", {"amount": {"total": "101", "currency": "CNY"}}, "unknown wrong_fields"),
    ("a negative amount", {"amount": {"total": -101, "currency": "CNY"}}, "unknown wrong_fields"),
    ("an amount that is true", {"amount": {"total": True, "currency": "CNY"}}, "unknown wrong_fields"),
    ("a number too long", {"transaction_id": "4" * 65}, "unknown wrong_fields"),
    ("no number", {"transaction_id": None}, "unknown wrong_fields"),
    ("a time without zone", {"success_time": "2026-12-01T12:00:09"}, "unknown bad_time"),
    ("a time that is none", {"success_time": "yesterday"}, "unknown bad_time"),
]


@pytest.mark.parametrize(("changed", "expected"), [row[1:] for row in QUERIES], ids=[row[0] for row in QUERIES])
def test_query(changed: dict[str, Any], expected: str) -> None:
    assert summary(ADAPTER.query_outcome(order(), wechat_reply({**WECHAT_PAID, **changed}), STAMP)) == expected


REFUSALS: list[tuple[int, str, str]] = [
    (400, "PARAM_ERROR", "failed configuration PARAM_ERROR"),
    (400, "ORDERPAID", "failed query_first ORDERPAID"),
    (400, "ORDER_CLOSED", "failed final ORDER_CLOSED"),
    (401, "SIGN_ERROR", "failed configuration SIGN_ERROR"),
    (403, "NO_AUTH", "failed configuration NO_AUTH"),
    (403, "RULE_LIMIT", "failed risk RULE_LIMIT"),
    (403, "NOT_ENOUGH", "failed limit NOT_ENOUGH"),
    (403, "OUT_TRADE_NO_USED", "failed query_first OUT_TRADE_NO_USED"),
    (403, "ACCOUNT_ERROR", "failed needs_payer ACCOUNT_ERROR"),
    (404, "ORDER_NOT_EXIST", "failed retry_same_id ORDER_NOT_EXIST"),
    (429, "FREQUENCY_LIMITED", "failed retry_same_id FREQUENCY_LIMITED"),
    (400, "A_CODE_OF_NEXT_YEAR", "failed query_first A_CODE_OF_NEXT_YEAR"),
    (500, "SYSTEM_ERROR", "unknown SYSTEM_ERROR"),
    (400, "SYSTEM_ERROR", "unknown SYSTEM_ERROR"),
    (500, "PARAM_ERROR", "unknown PARAM_ERROR"),
    (502, "BANK_ERROR", "unknown BANK_ERROR"),
]


@pytest.mark.parametrize(("status", "code", "expected"), REFUSALS)
def test_refusals_mean_the_same_after_every_call_that_makes_or_closes(status: int, code: str, expected: str) -> None:
    reply = wechat_reply({"code": code, "message": "说明\x00"}, status)
    one, other = order(), refund()
    for outcome in (
        ADAPTER.create_outcome(one, reply, STAMP),
        ADAPTER.close_outcome(one, reply, STAMP),
        ADAPTER.refund_outcome(other, reply, STAMP),
    ):
        assert summary(outcome) == expected
        assert not isinstance(outcome, Failed) or outcome.message == "说明"


@pytest.mark.parametrize(("status", "code", "expected"), REFUSALS)
def test_a_refused_question_says_nothing_of_the_order(status: int, code: str, expected: str) -> None:
    # Were our key wrong, every paid order would look like a refused one: the refusal is of the question alone.
    reply = wechat_reply({"code": code, "message": "说明"}, status)
    if code != "ORDER_NOT_EXIST":
        expected = f"unknown {code}"
    assert summary(ADAPTER.query_outcome(order(), reply, STAMP)) == expected
    assert summary(ADAPTER.query_refund_outcome(refund(), reply, STAMP)) == expected


def forged(how: str) -> HttpResponse:
    body = json.dumps(WECHAT_PAID).encode()
    good = wechat_reply(body)
    headers = dict(good.headers)
    match how:
        case "no signature":
            headers.pop("wechatpay-signature")
        case "another's key":
            headers = sides.wechat_headers(body, key="stranger")
        case "a key not configured":
            headers = sides.wechat_headers(body, serial="PUB_KEY_ID_OLD")
        case "another nonce":
            headers["wechatpay-nonce"] = "other"
        case "another time":
            headers["wechatpay-timestamp"] = "1796097601"
        case "too old":
            headers = sides.wechat_headers(body, at=1796097600 - 301)
        case "too new":
            headers = sides.wechat_headers(body, at=1796097600 + 301)
        case "a time in other digits":
            headers["wechatpay-timestamp"] = "１７９６０９７６００"
        case "a signature that is no base64":
            headers["wechatpay-signature"] = "*" * 344
        case "a signature without end":
            headers["wechatpay-signature"] = "A" * 10_000
        case "another body":
            body = body.replace(b"101", b"102")
        case "a body encoded anew":
            body = json.dumps(WECHAT_PAID, separators=(",", ":")).encode()
        case "half a body":
            body = body[:-1]
        case "none of the headers":
            headers = {}
    return HttpResponse(status=200, headers=headers, body=body)


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("no signature", "not_signed"),
        ("another's key", "bad_signature"),
        ("a key not configured", "unknown_key"),
        ("another nonce", "bad_signature"),
        ("another time", "bad_signature"),
        ("too old", "too_old"),
        ("too new", "too_old"),
        ("a time in other digits", "bad_time"),
        ("a signature that is no base64", "bad_signature"),
        ("a signature without end", "bad_signature"),
        ("another body", "bad_signature"),
        ("a body encoded anew", "bad_signature"),
        ("half a body", "bad_signature"),
        ("none of the headers", "not_signed"),
    ],
)
def test_a_reply_that_cannot_be_verified_is_unknown(how: str, expected: str) -> None:
    assert ADAPTER.query_outcome(order(), forged(how), STAMP) == Unknown(expected)


@pytest.mark.parametrize("edge", [-300, 300])
def test_five_minutes_are_within_the_window(edge: int) -> None:
    reply = wechat_reply(WECHAT_PAID, at=1796097600 + edge)
    assert isinstance(ADAPTER.query_outcome(order(), reply, STAMP), Succeeded)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"trade_state":"SUCCESS","trade_state":"CLOSED"}',
        b'{"amount":{"total":1,"total":101}}',
        b'{"amount":NaN}',
        b"{" * 100_000,
        b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
        b"\xff\xfe",
        b"<html>",
    ],
    ids=range(11),
)
def test_a_signed_reply_that_cannot_be_read_is_unknown(body: bytes) -> None:
    assert summary(ADAPTER.query_outcome(order(), wechat_reply(body), STAMP)) in {
        "unknown not_json",
        "unknown wrong_fields",
    }


@pytest.mark.parametrize(
    ("method", "fields", "expected"),
    [
        (Method.QR_CODE, {"code_url": "weixin://x"}, "requires ShowCode"),
        (Method.H5, {"h5_url": "https://wx.tenpay.com/x"}, "requires OpenPage"),
        (Method.JSAPI, {"prepay_id": "wx1"}, "requires CallApp"),
        (Method.APP, {"prepay_id": "wx1"}, "requires CallApp"),
        (Method.QR_CODE, {"prepay_id": "wx1"}, "unknown wrong_fields"),
        (Method.QR_CODE, {"code_url": ""}, "unknown wrong_fields"),
        (Method.QR_CODE, {"code_url": "w" * 2049}, "unknown wrong_fields"),
        (Method.QR_CODE, {"code_url": "weixin://茶"}, "unknown wrong_fields"),
        (Method.JSAPI, {"prepay_id": "wx1\n"}, "unknown wrong_fields"),
        (Method.JSAPI, {}, "unknown wrong_fields"),
    ],
)
def test_create(method: Method, fields: dict[str, str], expected: str) -> None:
    assert summary(ADAPTER.create_outcome(order(method), wechat_reply(fields), STAMP)) == expected


@pytest.mark.parametrize(
    ("method", "path", "extra"),
    [
        (Method.QR_CODE, "native", {}),
        (Method.JSAPI, "jsapi", {"payer": {"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"}}),
        (Method.APP, "app", {}),
        (Method.H5, "h5", {"scene_info": {"payer_client_ip": "203.0.113.9", "h5_info": {"type": "Wap"}}}),
    ],
)
def test_what_is_sent(method: Method, path: str, extra: dict[str, Any]) -> None:
    request = ADAPTER.create_request(order(method, client_ip="203.0.113.9"), STAMP)
    assert request.url.endswith(f"/v3/pay/transactions/{path}")
    assert json.loads(request.body) == {**json.loads(sides.golden("wechat_body.json")), **extra}
    assert request == ADAPTER.create_request(order(method, client_ip="203.0.113.9"), STAMP)


def test_h5_goes_to_the_page_the_channel_names() -> None:
    reply = wechat_reply({"h5_url": "https://wx.tenpay.com/x?a=1"})
    assert ADAPTER.create_outcome(order(Method.H5), reply, STAMP) == RequiresAction(
        OpenPage("https://wx.tenpay.com/x?a=1")
    )


def test_close() -> None:
    request = ADAPTER.close_request(order(), STAMP)
    assert (request.method, json.loads(request.body)) == ("POST", {"mchid": "1900000001"})
    assert request.url.endswith(f"/v3/pay/transactions/out-trade-no/{sides.ORDER_ID}/close")
    assert ADAPTER.close_outcome(order(), wechat_reply(None, 204), STAMP) == Succeeded()
    assert ADAPTER.close_outcome(order(), HttpResponse(status=204), STAMP) == Unknown("not_signed")


@pytest.mark.parametrize("method", [Method.BAR_CODE])
def test_a_scanned_code_is_reversed_and_the_others_are_closed(method: Method) -> None:
    with pytest.raises(UnsupportedOperationError):
        ADAPTER.close_request(order(method), STAMP)
    with pytest.raises(UnsupportedOperationError):
        ADAPTER.reverse_request(order(Method.QR_CODE), STAMP)
    with pytest.raises(UnsupportedOperationError):
        ADAPTER.create_request(order(Method.PAGE), STAMP)


REFUNDED: dict[str, Any] = {
    "refund_id": "50000000382019052709732678859",
    "out_refund_no": sides.REFUND_ID,
    "out_trade_no": sides.ORDER_ID,
    "transaction_id": "4200000001",
    "status": "SUCCESS",
    "success_time": "2026-12-01T13:00:09+08:00",
    "amount": {"total": 101, "refund": 51, "currency": "CNY", "payer_refund": 50},
}

REFUNDS: list[tuple[str, dict[str, Any], str]] = [
    ("done", {}, "succeeded 50000000382019052709732678859 0.51 CNY"),
    ("done, time not told", {"success_time": None}, "succeeded 50000000382019052709732678859 0.51 CNY"),
    ("accepted", {"status": "PROCESSING"}, "pending PROCESSING"),
    ("rejected", {"status": "CLOSED"}, "failed final CLOSED"),
    ("stuck", {"status": "ABNORMAL"}, "by hand refund_abnormal"),
    ("a state nobody knows", {"status": "MAYBE"}, "unknown unknown_state"),
    ("another amount", {"amount": {"total": 101, "refund": 52, "currency": "CNY"}}, "unknown other_amount"),
    ("another refund", {"out_refund_no": "ffffffffffffffff"}, "unknown other_order"),
    ("another order", {"out_trade_no": "ffffffffffffffff"}, "unknown other_order"),
]


@pytest.mark.parametrize(("changed", "expected"), [row[1:] for row in REFUNDS], ids=[row[0] for row in REFUNDS])
def test_refund(changed: dict[str, Any], expected: str) -> None:
    reply = wechat_reply({**REFUNDED, **changed})
    assert summary(ADAPTER.refund_outcome(refund(), reply, STAMP)) == expected
    assert summary(ADAPTER.query_refund_outcome(refund(), reply, STAMP)) == expected


def test_what_a_refund_sends() -> None:
    request = ADAPTER.refund_request(refund(notify_url="https://pay.example/refund"), STAMP)
    assert json.loads(request.body) == {
        "out_trade_no": sides.ORDER_ID,
        "out_refund_no": sides.REFUND_ID,
        "reason": "broken",
        "notify_url": "https://pay.example/refund",
        "amount": {"refund": 51, "total": 101, "currency": "CNY"},
    }
    assert ADAPTER.query_refund_request(refund(), STAMP).url.endswith(f"/v3/refund/domestic/refunds/{sides.REFUND_ID}")


def test_the_time_of_payment_keeps_its_zone() -> None:
    found = ADAPTER.query_outcome(order(), wechat_reply(WECHAT_PAID), STAMP)
    assert isinstance(found, Succeeded)
    assert found.at is not None
    assert found.at.isoformat() == "2026-12-01T12:00:09+08:00"
    assert found.amount == Amount(101, CNY)


BOTH = {
    "5157F09EFDC096DE15EBE81A47057A7232F1B8E1": sides.public_key("signer.crt"),
    sides.PLATFORM_KEY_ID: sides.public_key("platform_public.pem"),
}


@pytest.mark.parametrize(
    ("held", "named"),
    [
        ([sides.PLATFORM_KEY_ID], sides.PLATFORM_KEY_ID),
        (["5157F09EFDC096DE15EBE81A47057A7232F1B8E1"], "5157F09EFDC096DE15EBE81A47057A7232F1B8E1"),
        (list(BOTH), sides.PLATFORM_KEY_ID),
    ],
    ids=["only the key", "only the certificate", "both"],
)
def test_f8_every_request_names_the_key_we_hold(held: list[str], named: str) -> None:
    """The channel signs by certificate unless asked otherwise: with the key alone no reply could be verified."""
    merchant = msgspec.structs.replace(sides.wechat_merchant(), platform_keys={name: BOTH[name] for name in held})
    adapter = WeChatAdapter(merchant)
    day = BillOrder(date(2026, 12, 1))
    link = BillLink(order=day, url="https://api.mch.weixin.qq.com/v3/billdownload/file?token=a", sha1="a" * 40)
    for request in (
        adapter.create_request(order(), STAMP),
        adapter.query_request(order(), STAMP),
        adapter.close_request(order(), STAMP),
        adapter.refund_request(refund(), STAMP),
        adapter.query_refund_request(refund(), STAMP),
        adapter.bill_request(day, STAMP),
        adapter.bill_download(link, STAMP),
    ):
        assert request.headers["Wechatpay-Serial"] == named


def test_f13_the_words_of_an_unsigned_refusal_are_kept_as_words() -> None:
    """A 401 for a wrong key of ours is not signed; its words were dropped, and nobody knew what to mend."""
    body = json.dumps({"code": "SIGN_ERROR", "message": "错误的签名，验签失败\x00"}).encode()
    unsigned = HttpResponse(status=401, body=body)
    expected = Unknown("not_signed", "SIGN_ERROR 错误的签名，验签失败")
    assert ADAPTER.create_outcome(order(), unsigned, STAMP) == expected
    assert ADAPTER.query_outcome(order(), unsigned, STAMP) == expected
    assert ADAPTER.bill_link(BillOrder(date(2026, 12, 1)), unsigned, STAMP) == expected
    assert ADAPTER.create_outcome(order(), HttpResponse(status=502, body=b"<html>"), STAMP) == Unknown("not_signed")
    long = HttpResponse(status=401, body=json.dumps({"code": "SIGN_ERROR", "message": "x" * 2000}).encode())
    found = ADAPTER.create_outcome(order(), long, STAMP)
    assert isinstance(found, Unknown)
    assert len(found.unverified) == 256


def test_f4_an_address_goes_out_as_the_browser_shows_it() -> None:
    """``127.0.0.1`` was sent for whoever had told none, and the channel refused the payer's browser."""
    request = ADAPTER.create_request(order(Method.H5, client_ip=plain_address("::ffff:203.0.113.7")), STAMP)
    assert json.loads(request.body)["scene_info"]["payer_client_ip"] == "203.0.113.7"
    with pytest.raises(ValueError, match="h5 needs the address of the payer's browser"):
        order(Method.H5, client_ip=None)
