"""WeChat's scanned codes: XML, HMAC, and a payer who may be typing a password."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from pycore.channels.failure import NotTrustedError, UnsupportedOperationError
from pycore.channels.message import HttpResponse
from pycore.channels.order import Method, Payer
from pycore.channels.outcome import Unknown
from pycore.channels.secret import Secret
from pycore.channels.wechat import WeChatAdapter, micropay
from pycore.errors import ConfigurationError
from tests.unit.channels import sides
from tests.unit.channels.sides import STAMP, order, summary

MERCHANT = sides.wechat_merchant()
ADAPTER = WeChatAdapter(MERCHANT)
ORDER = order(Method.BAR_CODE)

PAID: dict[str, Any] = {
    "return_code": "SUCCESS",
    "result_code": "SUCCESS",
    "appid": "wx0123456789abcdef",
    "mch_id": "1900000001",
    "out_trade_no": sides.ORDER_ID,
    "transaction_id": "4200000001",
    "total_fee": "101",
    "fee_type": "CNY",
    "time_end": "20261201120009",
    "trade_type": "MICROPAY",
}


def reply(fields: dict[str, Any], key: str = "0123456789abcdefghijklmnopqrstuv") -> HttpResponse:
    present = {name: value for name, value in fields.items() if value is not None}
    complete = {**present, "sign": micropay.sign(present, Secret(key))}
    body = "<xml>" + "".join(f"<{name}><![CDATA[{value}]]></{name}>" for name, value in complete.items()) + "</xml>"
    return HttpResponse(status=200, body=body.encode())


def refused(code: str, **more: str) -> dict[str, Any]:
    kept = {name: PAID[name] for name in ("return_code", "appid", "mch_id")}
    return {**kept, "result_code": "FAIL", "err_code": code, "err_code_des": "说明", **more}


CHARGES: list[tuple[str, dict[str, Any], str]] = [
    ("charged", PAID, "succeeded 4200000001 1.01 CNY"),
    ("yuan by default", {**PAID, "fee_type": None}, "succeeded 4200000001 1.01 CNY"),
    ("the payer types", refused("USERPAYING"), "pending USERPAYING"),
    ("the channel does not know", refused("SYSTEMERROR"), "unknown SYSTEMERROR"),
    ("the bank does not know", refused("BANKERROR"), "unknown BANKERROR"),
    ("an old code", refused("AUTHCODEEXPIRE"), "failed needs_payer AUTHCODEEXPIRE"),
    ("paid before", refused("ORDERPAID"), "failed query_first ORDERPAID"),
    ("no money", refused("NOTENOUGH"), "failed limit NOTENOUGH"),
    ("a code nobody knows", refused("WHATEVER"), "failed query_first WHATEVER"),
    ("one fen more", {**PAID, "total_fee": "102"}, "unknown other_amount"),
    ("not a number", {**PAID, "total_fee": "1.01"}, "unknown wrong_fields"),
    ("another currency", {**PAID, "fee_type": "USD"}, "unknown other_amount"),
    ("another merchant", {**PAID, "mch_id": "1900000002"}, "unknown other_merchant"),
    ("another app", {**PAID, "appid": "wx1"}, "unknown other_app"),
    ("another order", {**PAID, "out_trade_no": "ffffffffffffffff"}, "unknown other_order"),
    ("no time", {**PAID, "time_end": None}, "unknown bad_time"),
    ("the call itself refused", {"return_code": "FAIL", "return_msg": "签名失败"}, "unknown call_refused"),
]


@pytest.mark.parametrize(("fields", "expected"), [row[1:] for row in CHARGES], ids=[row[0] for row in CHARGES])
def test_charge(fields: dict[str, Any], expected: str) -> None:
    assert summary(ADAPTER.create_outcome(ORDER, reply(fields), STAMP)) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({**PAID, "trade_state": "SUCCESS"}, "succeeded 4200000001 1.01 CNY"),
        ({**PAID, "trade_state": "REFUND"}, "succeeded 4200000001 1.01 CNY"),
        ({**PAID, "trade_state": "USERPAYING"}, "pending USERPAYING"),
        ({**PAID, "trade_state": "NOTPAY"}, "pending NOTPAY"),
        ({**PAID, "trade_state": "REVOKED"}, "failed final REVOKED"),
        ({**PAID, "trade_state": "CLOSED"}, "failed final CLOSED"),
        ({**PAID, "trade_state": "PAYERROR"}, "failed needs_payer PAYERROR"),
        ({**PAID, "trade_state": "?"}, "unknown unknown_state"),
        (PAID, "unknown unknown_state"),
        (refused("ORDERNOTEXIST"), "failed retry_same_id ORDERNOTEXIST"),
        (refused("SYSTEMERROR"), "unknown SYSTEMERROR"),
        (refused("SIGNERROR"), "unknown SIGNERROR"),
    ],
)
def test_query(fields: dict[str, Any], expected: str) -> None:
    assert summary(ADAPTER.query_outcome(ORDER, reply(fields), STAMP)) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({**PAID, "recall": "N"}, "succeeded  None"),
        ({**PAID, "recall": "Y"}, "unknown recall"),
        (refused("SYSTEMERROR", recall="Y"), "failed retry_same_id SYSTEMERROR"),
        (refused("SYSTEMERROR", recall="N"), "unknown SYSTEMERROR"),
        (refused("REVERSE_EXPIRE", recall="N"), "failed final REVERSE_EXPIRE"),
        ({**PAID, "mch_id": "1900000002"}, "unknown other_merchant"),
    ],
)
def test_reverse(fields: dict[str, Any], expected: str) -> None:
    assert summary(ADAPTER.reverse_outcome(ORDER, reply(fields), STAMP)) == expected


def test_what_is_sent() -> None:
    charge = ADAPTER.create_request(ORDER, STAMP)
    fields = micropay.read_xml(charge.body)
    assert charge.url == "https://api.mch.weixin.qq.com/pay/micropay"
    assert (fields["total_fee"], fields["auth_code"], fields["body"]) == ("101", "134567890123456789", "茶 tea")
    assert fields["time_expire"] == "20261201121500"
    reverse = ADAPTER.reverse_request(ORDER, STAMP)
    assert reverse.url == "https://api.mch.weixin.qq.com/secapi/pay/reverse"
    assert (charge.with_client_certificate, reverse.with_client_certificate) == (False, True)


def test_another_key_or_a_changed_field_is_unknown() -> None:
    changed = reply(PAID).body.replace(b"4200000001", b"4200000002")
    for forged in (reply(PAID, "another key of thirty-two letters"), HttpResponse(status=200, body=changed)):
        assert summary(ADAPTER.create_outcome(ORDER, forged, STAMP)) == "unknown bad_signature"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<xml>",
        b"<html></html>",
        b"<xml><a>1</a><a>2</a></xml>",
        b"<xml><a><b>1</b></a></xml>",
        b'<xml><a x="1">1</a></xml>',
        b'<!DOCTYPE xml [<!ENTITY e "x">]><xml><a>&e;</a></xml>',
        b'<!DOCTYPE xml [<!ENTITY e SYSTEM "file:///etc/passwd">]><xml><a>&e;</a></xml>',
        b'<!DOCTYPE xml SYSTEM "http://127.0.0.1/x"><xml></xml>',
        b'<?xml version="1.0" encoding="no-such-code"?><xml></xml>',
        b"<xml>" + b"<a>1</a>" * 10_000 + b"</xml>",
        b"<xml><a>\x00</a></xml>",
    ],
    ids=range(12),
)
def test_xml_that_is_more_than_flat_fields_is_refused(body: bytes) -> None:
    with pytest.raises(NotTrustedError):
        micropay.read_xml(body)
    assert summary(ADAPTER.create_outcome(ORDER, HttpResponse(status=200, body=body), STAMP)).startswith("unknown")


@pytest.mark.parametrize(
    "code", ["28763443825664394", "16456789012345678", "1345678901234567890", "１３4567890123456789"]
)
def test_a_code_of_another_channel_is_not_sent(code: str) -> None:
    with pytest.raises(UnsupportedOperationError):
        ADAPTER.create_request(order(Method.BAR_CODE, payer=Payer(auth_code=Secret(code))), STAMP)


@pytest.mark.parametrize("missing", ["api_v2_key", "server_ip"])
def test_f12_what_scanning_over_v2_needs_is_asked_for_at_the_start(missing: str) -> None:
    with pytest.raises(ConfigurationError, match=r'scans_over = "v2" needs api_v2_key_file and server_ip'):
        msgspec.structs.replace(MERCHANT, **{missing: None})


def test_f13_the_words_of_an_unsigned_refusal_are_kept_as_words() -> None:
    """API v2 tells a wrong key without a signature; its words were dropped, and nobody knew what to mend."""
    body = "<xml><return_code>FAIL</return_code><return_msg>签名错误</return_msg></xml>".encode()
    for outcome in (
        ADAPTER.create_outcome(ORDER, HttpResponse(status=200, body=body), STAMP),
        ADAPTER.query_outcome(ORDER, HttpResponse(status=200, body=body), STAMP),
        ADAPTER.reverse_outcome(ORDER, HttpResponse(status=200, body=body), STAMP),
    ):
        assert outcome == Unknown("bad_signature", "FAIL 签名错误")


def test_s7_a_reply_whose_signed_text_reads_in_two_ways_is_unknown() -> None:
    """``attach=x&total_fee=101`` in one field signs the same text as the two fields, so they can be swapped."""
    pieces = {name: text for name, text in PAID.items() if name not in {"bank_type", "cash_fee"}}
    whole = {**pieces, "attach": "x&bank_type=OTHERS&cash_fee=101"}
    cut = {**pieces, "attach": "x", "bank_type": "OTHERS", "cash_fee": "101"}
    assert micropay.sign(whole, MERCHANT.api_v2_key) == micropay.sign(cut, MERCHANT.api_v2_key)  # type: ignore[arg-type]
    assert summary(ADAPTER.create_outcome(ORDER, reply(cut), STAMP)).startswith("succeeded")
    assert summary(ADAPTER.create_outcome(ORDER, reply(whole), STAMP)) == "unknown ambiguous"


def test_f5_the_title_fits_into_128_bytes() -> None:
    """127 Chinese letters are 381 bytes: ``body`` holds 128, and the channel refused the order."""
    title = ADAPTER.capability.title(Method.BAR_CODE, "茶" * 127)
    assert title == "茶" * 41 + "…"
    assert len(title.encode()) <= 128
    assert ADAPTER.capability.title(Method.BAR_CODE, "a&total_fee=1") == "a＆total_fee＝1"
    assert ADAPTER.capability.title(Method.QR_CODE, "茶" * 127) == "茶" * 127
