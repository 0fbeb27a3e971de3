"""Alipay, in both wire forms: every reply and what it means."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from pycore.channels.alipay import AlipayAdapter, WireForm
from pycore.channels.failure import UnsupportedOperationError
from pycore.channels.message import HttpResponse, Stamp
from pycore.channels.order import ChannelOrder, Method, Payer
from pycore.channels.outcome import (
    CallApp,
    Failed,
    OpenPage,
    Outcome,
    ReasonClass,
    RequiresAction,
    ShowCode,
    Succeeded,
    Unknown,
)
from pycore.channels.refund import Refund
from pycore.channels.secret import Secret
from tests.unit.channels import sides
from tests.unit.channels.sides import STAMP, alipay_v2_reply, alipay_v3_reply, refund, summary

MERCHANT = sides.alipay_merchant()
V2, V3 = AlipayAdapter(MERCHANT), AlipayAdapter(MERCHANT, WireForm.V3)
Judge = Callable[[Any, HttpResponse, Stamp], Outcome]


def order(method: Method = Method.QR_CODE, **changes: Any) -> ChannelOrder:
    return sides.order(method, channel="alipay", **changes)


def both(operation: str, method: str, subject: ChannelOrder | Refund, fields: dict[str, Any]) -> str:
    """What both wire forms make of the same fields; they must agree."""
    v2 = getattr(V2, operation)(subject, alipay_v2_reply(method, {"code": "10000", "msg": "Success", **fields}), STAMP)
    v3 = getattr(V3, operation)(subject, alipay_v3_reply(fields), STAMP)
    assert v2 == v3
    return summary(v2)


TRADE: dict[str, Any] = {
    "out_trade_no": sides.ORDER_ID,
    "trade_no": "2026120122001400000000000001",
    "total_amount": "1.01",
    "trade_status": "TRADE_SUCCESS",
    "send_pay_date": "2026-12-01 12:00:09",
    "buyer_logon_id": "159****5620",
}

QUERIES: list[tuple[str, dict[str, Any], str]] = [
    ("paid", {}, "succeeded 2026120122001400000000000001 1.01 CNY"),
    ("paid and beyond refund", {"trade_status": "TRADE_FINISHED"}, "succeeded 2026120122001400000000000001 1.01 CNY"),
    ("wholly refunded", {"trade_status": "TRADE_CLOSED"}, "succeeded 2026120122001400000000000001 1.01 CNY"),
    ("never paid", {"trade_status": "TRADE_CLOSED", "send_pay_date": None}, "failed final TRADE_CLOSED"),
    ("waiting", {"trade_status": "WAIT_BUYER_PAY", "send_pay_date": None}, "pending WAIT_BUYER_PAY"),
    ("a state nobody knows", {"trade_status": "TRADE_PENDING"}, "unknown unknown_state"),
    ("no state", {"trade_status": None}, "unknown wrong_fields"),
    ("one fen more", {"total_amount": "1.02"}, "unknown other_amount"),
    ("a tenth", {"total_amount": "1.1"}, "unknown other_amount"),
    ("a third decimal", {"total_amount": "1.010"}, "unknown bad_amount"),
    ("an exponent", {"total_amount": "101e-2"}, "unknown bad_amount"),
    ("a number", {"total_amount": 1.01}, "unknown wrong_fields"),
    ("a sign", {"total_amount": "-1.01"}, "unknown bad_amount"),
    ("dollars", {"trans_currency": "USD"}, "unknown other_currency"),
    ("another order", {"out_trade_no": "ffffffffffffffff"}, "unknown other_order"),
    ("no number", {"trade_no": ""}, "unknown wrong_fields"),
    ("a number too long", {"trade_no": "2" * 65}, "unknown wrong_fields"),
    ("a time that is none", {"send_pay_date": "2026-13-01 12:00:09"}, "unknown bad_time"),
    ("a time in fewer digits", {"send_pay_date": "2026-12-1 12:00:09"}, "unknown bad_time"),
]


@pytest.mark.parametrize(("changed", "expected"), [row[1:] for row in QUERIES], ids=[row[0] for row in QUERIES])
def test_query(changed: dict[str, Any], expected: str) -> None:
    fields = {name: value for name, value in {**TRADE, **changed}.items() if value is not None}
    assert both("query_outcome", "alipay.trade.query", order(), fields) == expected


def test_a_scanned_code() -> None:
    method, one = "alipay.trade.pay", order(Method.BAR_CODE)
    charged = {name: TRADE[name] for name in ("out_trade_no", "trade_no", "total_amount")}
    paid = {**charged, "gmt_payment": "2026-12-01 12:00:09"}
    assert both("create_outcome", method, one, paid) == "succeeded 2026120122001400000000000001 1.01 CNY"
    assert both("create_outcome", method, one, charged) == "pending WAIT_BUYER_PAY"
    assert both("create_outcome", method, one, {**paid, "total_amount": "1.02"}) == "unknown other_amount"
    waiting = alipay_v2_reply(method, {"code": "10003", "msg": "order success pay inprocess"})
    assert summary(V2.create_outcome(one, waiting, STAMP)) == "pending 10003"


@pytest.mark.parametrize(
    ("operation", "method", "fields", "expected"),
    [
        ("create_outcome", "alipay.trade.precreate", {"qr_code": "https://qr.alipay.com/x"}, "requires ShowCode"),
        ("create_outcome", "alipay.trade.precreate", {"qr_code": ""}, "unknown wrong_fields"),
        ("create_outcome", "alipay.trade.precreate", {"out_trade_no": "f", "qr_code": "x"}, "unknown other_order"),
        ("close_outcome", "alipay.trade.close", {"trade_no": "1"}, "succeeded  None"),
        ("close_outcome", "alipay.trade.close", {"out_trade_no": "f"}, "unknown other_order"),
        ("reverse_outcome", "alipay.trade.cancel", {"retry_flag": "N", "action": "close"}, "succeeded  None"),
        ("reverse_outcome", "alipay.trade.cancel", {"retry_flag": "Y"}, "unknown retry_flag"),
        ("reverse_outcome", "alipay.trade.cancel", {"out_trade_no": "f"}, "unknown other_order"),
    ],
)
def test_the_other_calls(operation: str, method: str, fields: dict[str, Any], expected: str) -> None:
    assert both(operation, method, order(), {"out_trade_no": sides.ORDER_ID, **fields}) == expected


REFUNDS: list[tuple[str, str, str, dict[str, Any], str]] = [
    ("money moved", "refund_outcome", "alipay.trade.refund", {"fund_change": "Y", "refund_fee": "1.01"},
     f"succeeded {sides.REFUND_ID} 0.51 CNY"),
    ("sent again", "refund_outcome", "alipay.trade.refund", {"fund_change": "N"}, "pending fund_change_N"),
    ("done", "query_refund_outcome", "alipay.trade.fastpay.refund.query",
     {"out_request_no": sides.REFUND_ID, "refund_status": "REFUND_SUCCESS", "refund_amount": "0.51"},
     f"succeeded {sides.REFUND_ID} 0.51 CNY"),
    ("under way", "query_refund_outcome", "alipay.trade.fastpay.refund.query",
     {"out_request_no": sides.REFUND_ID, "refund_amount": "0.51"}, "pending no_status"),
    ("another amount", "query_refund_outcome", "alipay.trade.fastpay.refund.query",
     {"out_request_no": sides.REFUND_ID, "refund_status": "REFUND_SUCCESS", "refund_amount": "0.52"},
     "unknown other_amount"),
    ("another refund", "query_refund_outcome", "alipay.trade.fastpay.refund.query",
     {"out_request_no": "f", "refund_status": "REFUND_SUCCESS", "refund_amount": "0.51"}, "unknown other_order"),
    ("not there", "query_refund_outcome", "alipay.trade.fastpay.refund.query", {},
     "failed retry_same_id REFUND_NOT_FOUND"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("operation", "method", "fields", "expected"), [row[1:] for row in REFUNDS], ids=[row[0] for row in REFUNDS]
)
def test_refund(operation: str, method: str, fields: dict[str, Any], expected: str) -> None:
    complete = {"out_trade_no": sides.ORDER_ID, "trade_no": "2026120122001400000000000001", **fields}
    assert both(operation, method, refund(), complete) == expected


REFUSALS: list[tuple[str, str, str]] = [
    ("40004", "ACQ.TRADE_NOT_EXIST", "failed retry_same_id ACQ.TRADE_NOT_EXIST"),
    ("40004", "ACQ.TRADE_HAS_SUCCESS", "failed query_first ACQ.TRADE_HAS_SUCCESS"),
    ("40004", "ACQ.TRADE_HAS_CLOSE", "failed final ACQ.TRADE_HAS_CLOSE"),
    ("40004", "ACQ.PAYMENT_AUTH_CODE_INVALID", "failed needs_payer ACQ.PAYMENT_AUTH_CODE_INVALID"),
    ("40004", "ACQ.BUYER_BALANCE_NOT_ENOUGH", "failed needs_payer ACQ.BUYER_BALANCE_NOT_ENOUGH"),
    ("40004", "ACQ.TOTAL_FEE_EXCEED", "failed limit ACQ.TOTAL_FEE_EXCEED"),
    ("40004", "ACQ.PAYMENT_REQUEST_HAS_RISK", "failed risk ACQ.PAYMENT_REQUEST_HAS_RISK"),
    ("40004", "ACQ.SYSTEM_ERROR", "unknown ACQ.SYSTEM_ERROR"),
    ("40004", "ACQ.OF_NEXT_YEAR", "failed query_first ACQ.OF_NEXT_YEAR"),
    ("40002", "isv.invalid-app-id", "failed configuration isv.invalid-app-id"),
    ("40005", "isv.app-call-limited", "failed retry_same_id isv.app-call-limited"),
    ("20000", "isp.unknow-error", "unknown isp.unknow-error"),
    ("20000", "", "unknown 20000"),
    ("20000", "ACQ.TRADE_HAS_CLOSE", "unknown ACQ.TRADE_HAS_CLOSE"),
]


@pytest.mark.parametrize(("code", "sub_code", "expected"), REFUSALS)
def test_refusals(code: str, sub_code: str, expected: str) -> None:
    calls: list[tuple[Judge, str, ChannelOrder | Refund]] = [
        (V2.create_outcome, "alipay.trade.precreate", order()),
        (V2.close_outcome, "alipay.trade.close", order()),
        (V2.reverse_outcome, "alipay.trade.cancel", order()),
        (V2.refund_outcome, "alipay.trade.refund", refund()),
    ]
    fields = {"code": code, "msg": "Business Failed", "sub_code": sub_code, "sub_msg": "说明"}
    for judge, method, subject in calls:
        assert summary(judge(subject, alipay_v2_reply(method, fields), STAMP)) == expected
    # A refused question says nothing of the order, unless that there is none.
    if sub_code != "ACQ.TRADE_NOT_EXIST":
        expected = f"unknown {sub_code or code}"
    questions: list[tuple[Judge, str, ChannelOrder | Refund]] = [
        (V2.query_outcome, "alipay.trade.query", order()),
        (V2.query_refund_outcome, "alipay.trade.fastpay.refund.query", refund()),
    ]
    for judge, method, subject in questions:
        assert summary(judge(subject, alipay_v2_reply(method, fields), STAMP)) == expected


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, "ACQ.TRADE_NOT_EXIST", "failed retry_same_id ACQ.TRADE_NOT_EXIST"),
        (400, "ACQ.TRADE_HAS_CLOSE", "failed final ACQ.TRADE_HAS_CLOSE"),
        (429, "isv.app-call-limited", "failed retry_same_id isv.app-call-limited"),
        (429, "app-call-limited", "failed retry_same_id app-call-limited"),
        (500, "ACQ.TRADE_HAS_CLOSE", "unknown ACQ.TRADE_HAS_CLOSE"),
        (500, "SYSTEM_ERROR", "unknown SYSTEM_ERROR"),
        (400, "WHATEVER", "failed query_first WHATEVER"),
    ],
)
def test_refusals_of_v3(status: int, code: str, expected: str) -> None:
    reply = alipay_v3_reply({"code": code, "message": "说明"}, status)
    assert summary(V3.create_outcome(order(), reply, STAMP)) == expected


QUERY = "alipay.trade.query"
GOOD = {"code": "10000", "msg": "Success", **TRADE}


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (alipay_v2_reply(QUERY, GOOD, key="stranger"), "bad_signature"),
        (alipay_v2_reply(QUERY, GOOD, sign=None), "not_signed"),
        (alipay_v2_reply(QUERY, GOOD, sign=1), "not_signed"),
        (alipay_v2_reply("alipay.trade.close", GOOD), "not_signed"),
        (alipay_v2_reply("error", {"code": "40002", "msg": "Invalid Arguments"}), "not_signed"),
        (HttpResponse(status=502, body=alipay_v2_reply(QUERY, GOOD).body), "http_502"),
        (HttpResponse(status=200, body=b""), "not_json"),
        (HttpResponse(status=200, body=alipay_v2_reply(QUERY, GOOD).body[:-1]), "not_json"),
        (HttpResponse(status=200, body=alipay_v2_reply(QUERY, GOOD).body.replace(b"1.01", b"1.02")), "bad_signature"),
        (alipay_v2_reply(QUERY, json.dumps(GOOD)[:-1] + ',"total_amount":"1.01"}'), "not_json"),
        (alipay_v2_reply(QUERY, '{"msg":"no code"}'), "wrong_fields"),
        (alipay_v2_reply(QUERY, '"text"'), "not_json"),
    ],
    ids=range(12),
)
def test_a_v2_reply_that_cannot_be_trusted_is_unknown(reply: HttpResponse, expected: str) -> None:
    assert summary(V2.query_outcome(order(), reply, STAMP)) == f"unknown {expected}"


def test_f13_the_words_of_a_refusal_that_nobody_signed_are_kept_as_words() -> None:
    """Alipay refuses a call with a wrong key or app without signing: the time line said ``bad_signature``, and nobody
    could see that the key was the one to look at."""
    refused = {
        "code": "40002",
        "msg": "Invalid Arguments",
        "sub_code": "isv.invalid-signature",
        "sub_msg": "验签出错\n",
    }
    words = "40002 Invalid Arguments isv.invalid-signature 验签出错"
    for method in (QUERY, "error"):
        reply = alipay_v2_reply(method, refused, sign=None)
        assert V2.query_outcome(order(), reply, STAMP) == Unknown("not_signed", words)
        assert V2.create_outcome(order(), alipay_v2_reply("error", refused), STAMP) == Unknown("not_signed", words)
    forged = alipay_v2_reply(QUERY, GOOD, key="stranger")
    assert V2.query_outcome(order(), forged, STAMP) == Unknown("bad_signature", "10000 Success")
    said = json.dumps({"code": "invalid-signature", "message": "验签失败" * 100}).encode()
    unsigned = V3.query_outcome(order(), HttpResponse(status=401, body=said), STAMP)
    assert isinstance(unsigned, Unknown)
    assert (unsigned.code, unsigned.unverified[:22], len(unsigned.unverified)) == (
        "not_signed", "invalid-signature 验签失败", 256,
    )  # fmt: skip


@pytest.mark.parametrize("charset", ["utf-8", "gbk"])
def test_f9_a_reply_in_gbk_is_proven_by_its_bytes_and_then_read(charset: str) -> None:
    """Alipay writes some refusals in GBK though UTF-8 was asked for: the reply was ``not_json`` and told us nothing."""
    inner = json.dumps(
        {"code": "40004", "msg": "Business Failed", "sub_code": "ACQ.TRADE_STATUS_ERROR", "sub_msg": "交易状态不合法"},
        ensure_ascii=False,
    ).encode(charset)
    sign = sides.signed(inner).encode()
    body = b'{"alipay_trade_close_response":' + inner + b',"sign":"' + sign + b'"}'
    found = V2.close_outcome(order(), HttpResponse(status=200, body=body), STAMP)
    assert found == Failed(ReasonClass.QUERY_FIRST, "ACQ.TRADE_STATUS_ERROR", "交易状态不合法")
    changed = HttpResponse(status=200, body=body.replace("不合法".encode(charset), "合合法".encode(charset)))
    assert summary(V2.close_outcome(order(), changed, STAMP)) == "unknown bad_signature"


def test_two_inner_objects_of_one_name_are_refused() -> None:
    # The signed one first, one that says something else after it: which of them counts no two parsers agree on.
    good = alipay_v2_reply(QUERY, GOOD).body.decode()
    paid_more = json.dumps({**GOOD, "total_amount": "100.00"})
    forged = f'{good[:-1]},"alipay_trade_query_response":{paid_more}}}'
    assert V2.query_outcome(order(), HttpResponse(status=200, body=forged.encode()), STAMP) == Unknown("not_json")


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (alipay_v3_reply(TRADE, key="stranger"), "bad_signature"),
        (alipay_v3_reply(TRADE, at_ms=1796097600000 - 301_000), "too_old"),
        (alipay_v3_reply(TRADE, headers={"alipay-timestamp": "now"}), "bad_time"),
        (alipay_v3_reply(TRADE, headers={"alipay-nonce": "other"}), "bad_signature"),
        (HttpResponse(status=200, body=alipay_v3_reply(TRADE).body), "not_signed"),
    ],
    ids=range(5),
)
def test_a_v3_reply_that_cannot_be_trusted_is_unknown(reply: HttpResponse, expected: str) -> None:
    assert summary(V3.query_outcome(order(), reply, STAMP)) == f"unknown {expected}"


def test_certificate_mode_takes_only_the_certificate_it_knows() -> None:
    merchant = sides.alipay_merchant(certificates=True)
    known = merchant.certificates.alipay_cert_sn if merchant.certificates else ""
    v2, v3 = AlipayAdapter(merchant), AlipayAdapter(merchant, WireForm.V3)
    assert isinstance(v2.query_outcome(order(), alipay_v2_reply(QUERY, GOOD, alipay_cert_sn=known), STAMP), Succeeded)
    assert (
        summary(v2.query_outcome(order(), alipay_v2_reply(QUERY, GOOD, alipay_cert_sn="0"), STAMP))
        == "unknown unknown_key"
    )
    assert summary(v2.query_outcome(order(), alipay_v2_reply(QUERY, GOOD), STAMP)) == "unknown unknown_key"
    assert isinstance(v3.query_outcome(order(), alipay_v3_reply(TRADE, headers={"alipay-sn": known}), STAMP), Succeeded)
    assert summary(v3.query_outcome(order(), alipay_v3_reply(TRADE), STAMP)) == "unknown unknown_key"
    request = v3.query_request(order(), STAMP)
    assert "app_cert_sn=dbd1d2c8bba5dbc5d4bb3d92f4b1cd16,nonce=" in request.headers["Authorization"]


def test_a_page_and_an_app_take_the_order_there_themselves() -> None:
    page = V2.create_request(order(Method.PAGE, return_url="https://shop.example/done"), STAMP)
    assert isinstance(page, RequiresAction)
    assert isinstance(page.action, OpenPage)
    sent = dict(parse_qsl(urlsplit(page.action.url).query))
    assert (sent["method"], sent["return_url"]) == ("alipay.trade.page.pay", "https://shop.example/done")
    assert json.loads(sent["biz_content"]) == {
        "out_trade_no": sides.ORDER_ID,
        "total_amount": "1.01",
        "subject": "茶 tea",
        "time_expire": "2026-12-01 12:15:00",
        "product_code": "FAST_INSTANT_TRADE_PAY",
    }
    app = V3.create_request(order(Method.APP, return_url="https://shop.example/done"), STAMP)
    assert isinstance(app, RequiresAction)
    assert isinstance(app.action, CallApp)
    sent = dict(parse_qsl(app.action.parameters["orderString"]))
    assert sent["method"] == "alipay.trade.app.pay"
    assert "return_url" not in sent
    text = "&".join(f"{name}={value}" for name, value in sorted(sent.items()) if name != "sign")
    assert sent["sign"] == sides.signed(text.encode(), "merchant")


def test_u5_a_phone_gets_the_phone_s_product() -> None:
    """On phones the desktop's product was used, whose page asks for a scan by the very phone that shows it."""
    shop = "https://shop.example/done?order=1"
    for adapter in (V2, V3):
        page = adapter.create_request(order(Method.H5, return_url=shop), STAMP)
        assert isinstance(page, RequiresAction)
        assert isinstance(page.action, OpenPage)
        sent = dict(parse_qsl(urlsplit(page.action.url).query))
        assert (sent["method"], sent["return_url"]) == ("alipay.trade.wap.pay", shop)
        content = json.loads(sent["biz_content"])
        assert (content["product_code"], content["quit_url"]) == ("QUICK_WAP_WAY", shop)
        assert {Method.H5, Method.PAGE} <= adapter.capability.methods & adapter.capability.closes


@pytest.mark.parametrize("method", sorted(V2.capability.methods))
@pytest.mark.parametrize(
    ("subject", "title"),
    [
        ("A&B=C/D 'x' \"y\" <b>", "A＆B＝C／D 'x' \"y\" <b>"),
        ("两杯🍵咖啡", "两杯□咖啡"),
        ("x&total_amount=7.00&trade_status=TRADE_SUCCESS", "x＆total_amount＝7.00＆trade_status＝TRADE_SUCCESS"),
        ("汉" * 127, "汉" * 127),
    ],
)
def test_f5_a_title_is_sent_as_alipay_takes_it(method: Method, subject: str, title: str) -> None:
    """Alipay forbids ``/``, ``=`` and ``&`` in titles, and they were sent; in its callbacks, which quote nothing, the
    same marks part the fields."""
    assert V2.capability.title(method, subject) == title
    assert V2.capability.title(method, title) == title


def test_what_a_scanned_code_sends() -> None:
    for adapter in (V2, V3):
        request = adapter.create_request(order(Method.BAR_CODE), STAMP)
        assert not isinstance(request, RequiresAction)
        if adapter is V2:
            body = json.loads(dict(parse_qsl(request.body.decode()))["biz_content"])
        else:
            body = json.loads(request.body)
            assert body.pop("notify_url") == "https://pay.example/alipay"
            assert request.url == "https://openapi.alipay.com/v3/alipay/trade/pay"
        assert (body["scene"], body["auth_code"]) == ("bar_code", "28763443825664394")
        assert body["product_code"] == "FACE_TO_FACE_PAYMENT"


@pytest.mark.parametrize("code", ["134567890123456789", "2876344382566439", "31763443825664394", "2" * 30])
def test_only_alipay_s_own_codes_are_sent(code: str) -> None:
    one = order(Method.BAR_CODE, payer=Payer(auth_code=Secret(code)))
    if code == "2876344382566439":
        V2.create_request(one, STAMP)
    else:
        with pytest.raises(UnsupportedOperationError):
            V2.create_request(one, STAMP)


@pytest.mark.parametrize("method", [Method.JSAPI])
def test_methods_it_does_not_have(method: Method) -> None:
    with pytest.raises(UnsupportedOperationError):
        V2.create_request(order(method), STAMP)


def test_a_page_s_order_is_closed_not_reversed() -> None:
    assert V2.close_request(order(Method.PAGE), STAMP).method == "POST"
    with pytest.raises(UnsupportedOperationError):
        V2.reverse_request(order(Method.PAGE), STAMP)


def test_the_code_to_show() -> None:
    reply = alipay_v3_reply({"out_trade_no": sides.ORDER_ID, "qr_code": "https://qr.alipay.com/x"})
    assert V3.create_outcome(order(), reply, STAMP) == RequiresAction(ShowCode("https://qr.alipay.com/x"))
