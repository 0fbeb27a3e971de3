"""UnionPay 5.1.0: every reply and what it means, and whose certificates count."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import parse_qsl

import pytest

from pycore.channels.bill import BillOrder
from pycore.channels.failure import NotificationRefusedError, UnsupportedOperationError
from pycore.channels.message import HttpNotification, HttpResponse, Stamp
from pycore.channels.order import ChannelOrder, Method, Payer
from pycore.channels.outcome import RequiresAction, SubmitForm, Succeeded, Unknown
from pycore.channels.secret import Secret
from pycore.channels.unionpay import UnionPayAdapter
from pycore.channels.unionpay.payments import time_near
from pycore.money import CNY, Amount
from tests.unit.channels import sides
from tests.unit.channels.sides import (
    AT,
    STAMP,
    UNIONPAY_PAID,
    refund,
    summary,
    unionpay_notification,
    unionpay_reply,
)

ADAPTER = UnionPayAdapter(sides.unionpay_merchant())


def order(method: Method = Method.QR_CODE, **changes: Any) -> ChannelOrder:
    return sides.order(method, channel="unionpay", **changes)


ASKED = {**UNIONPAY_PAID, "origRespCode": "00", "origRespMsg": "成功"}
QUERIES: list[tuple[str, dict[str, str], str]] = [
    ("paid", {}, "succeeded 812026120112000012345 1.01 CNY"),
    ("paid with a flaw", {"origRespCode": "A6"}, "succeeded 812026120112000012345 1.01 CNY"),
    ("accepted", {"origRespCode": "05"}, "pending 05"),
    ("no answer in time", {"origRespCode": "03"}, "unknown 03"),
    ("state unclear", {"origRespCode": "04"}, "unknown 04"),
    ("paid too late", {"origRespCode": "42"}, "unknown 42"),
    ("failed", {"origRespCode": "01"}, "failed final 01"),
    ("no money", {"origRespCode": "64"}, "failed needs_payer 64"),
    ("over the limit", {"origRespCode": "33"}, "failed limit 33"),
    ("risk", {"origRespCode": "38"}, "failed risk 38"),
    ("a code nobody knows", {"origRespCode": "ZZ"}, "failed query_first ZZ"),
    ("no code", {"origRespCode": ""}, "unknown wrong_fields"),
    ("no such order", {"respCode": "34"}, "failed retry_same_id 34"),
    ("the question itself is busy", {"respCode": "06"}, "unknown 06"),
    ("our signature is bad", {"respCode": "11"}, "unknown 11"),
    ("one fen more", {"txnAmt": "102"}, "unknown other_amount"),
    ("yuan text", {"txnAmt": "1.01"}, "unknown wrong_fields"),
    ("dollars", {"currencyCode": "840"}, "unknown other_currency"),
    ("no number", {"queryId": ""}, "unknown wrong_fields"),
    ("another order", {"orderId": "ffffffffffffffff"}, "unknown other_order"),
    ("another merchant", {"merId": "777290058110002"}, "unknown other_merchant"),
    ("a time that is none", {"traceTime": "1301120009"}, "unknown bad_time"),
    ("another version", {"version": "5.0.0"}, "unknown unknown_signature"),
    ("another kind of signature", {"signMethod": "11"}, "unknown unknown_signature"),
]


@pytest.mark.parametrize(("changed", "expected"), [row[1:] for row in QUERIES], ids=[row[0] for row in QUERIES])
def test_query(changed: dict[str, str], expected: str) -> None:
    assert summary(ADAPTER.query_outcome(order(), unionpay_reply({**ASKED, **changed}), STAMP)) == expected


def test_the_time_of_payment() -> None:
    found = ADAPTER.query_outcome(order(), unionpay_reply(ASKED), STAMP)
    assert isinstance(found, Succeeded)
    assert str(found.at) == "2026-12-01 12:00:09+08:00"


@pytest.mark.parametrize(
    ("text", "near", "expected"),
    [
        ("0101000005", datetime(2026, 12, 31, 15, 59, tzinfo=UTC), "2027-01-01 00:00:05+08:00"),
        ("1231235959", datetime(2026, 12, 31, 16, 1, tzinfo=UTC), "2026-12-31 23:59:59+08:00"),
        ("0229120000", datetime(2028, 3, 1, tzinfo=UTC), "2028-02-29 12:00:00+08:00"),
    ],
)
def test_a_time_without_year_is_the_nearest(text: str, near: datetime, expected: str) -> None:
    assert str(time_near(text, near)) == expected


@pytest.mark.parametrize(
    ("method", "fields", "expected"),
    [
        (Method.QR_CODE, {"qrCode": "https://qr.95516.com/x"}, "requires ShowCode"),
        (Method.QR_CODE, {}, "unknown wrong_fields"),
        (Method.BAR_CODE, {}, "pending accepted"),
        (Method.BAR_CODE, {"respCode": "12"}, "failed query_first 12"),
        (Method.BAR_CODE, {"respCode": "04"}, "unknown 04"),
        (Method.QR_CODE, {"respCode": "10"}, "failed configuration 10"),
        (Method.QR_CODE, {"orderId": "ffffffffffffffff"}, "unknown other_order"),
    ],
)
def test_create(method: Method, fields: dict[str, str], expected: str) -> None:
    reply = unionpay_reply({"orderId": sides.ORDER_ID, "respCode": "00", **fields})
    assert summary(ADAPTER.create_outcome(order(method), reply, STAMP)) == expected


@pytest.mark.parametrize(("code", "expected"), [("00", "pending accepted"), ("35", "failed query_first 35")])
def test_refund_and_reversal_are_accepted_not_done(code: str, expected: str) -> None:
    reply = unionpay_reply({"orderId": sides.REFUND_ID, "respCode": code})
    assert summary(ADAPTER.refund_outcome(refund(), reply, STAMP)) == expected
    reply = unionpay_reply({"orderId": sides.ORDER_ID, "respCode": code})
    assert summary(ADAPTER.reverse_outcome(order(Method.BAR_CODE), reply, STAMP)) == expected


def test_a_refund_is_found_by_its_own_number() -> None:
    reply = unionpay_reply({**ASKED, "orderId": sides.REFUND_ID, "txnType": "04", "txnAmt": "51"})
    assert summary(ADAPTER.query_refund_outcome(refund(), reply, STAMP)) == "succeeded 812026120112000012345 0.51 CNY"


def fields_of(body: bytes) -> dict[str, str]:
    return dict(parse_qsl(body.decode()))


def test_what_is_sent() -> None:
    shown = ADAPTER.create_request(order(), STAMP)
    assert not isinstance(shown, RequiresAction)
    assert shown.url == "https://gateway.95516.com/gateway/api/backTransReq.do"
    fields = fields_of(shown.body)
    assert (fields["txnType"], fields["txnSubType"], fields["txnAmt"]) == ("01", "07", "101")
    assert (fields["txnTime"], fields["payTimeout"], fields["currencyCode"]) == (
        "20261201120000",
        "20261201121500",
        "156",
    )
    scanned = ADAPTER.create_request(order(Method.BAR_CODE), STAMP)
    assert not isinstance(scanned, RequiresAction)
    assert (fields_of(scanned.body)["qrNo"], fields_of(scanned.body)["txnSubType"]) == ("6220000000000000001", "06")
    back = fields_of(ADAPTER.refund_request(refund(), STAMP).body)
    assert (back["txnType"], back["origQryId"], back["txnTime"]) == ("04", "4200000001", "20261201130000")
    reversed_order = fields_of(ADAPTER.reverse_request(order(Method.BAR_CODE), STAMP).body)
    assert (reversed_order["txnType"], reversed_order["txnTime"]) == ("99", "20261201120000")


def test_a_retry_is_the_same_transaction_whenever_it_is_sent() -> None:
    later = Stamp(datetime(2026, 12, 1, 9, tzinfo=UTC), "another")
    assert ADAPTER.create_request(order(), later) == ADAPTER.create_request(order(), STAMP)
    assert ADAPTER.refund_request(refund(), later) == ADAPTER.refund_request(refund(), STAMP)


def test_quick_pay_is_a_form_of_the_payer_s_browser() -> None:
    action = ADAPTER.create_request(order(Method.PAGE, return_url="https://shop.example/done"), STAMP)
    assert isinstance(action, RequiresAction)
    assert isinstance(action.action, SubmitForm)
    assert action.action.url == "https://gateway.95516.com/gateway/api/frontTransReq.do"
    fields = action.action.fields
    assert (fields["bizType"], fields["frontUrl"]) == ("000201", "https://shop.example/done")
    assert fields["signature"]


def test_what_it_cannot_do() -> None:
    foreign = order(Method.BAR_CODE, payer=Payer(auth_code=Secret("1" * 18)))
    with pytest.raises(UnsupportedOperationError):
        ADAPTER.close_request(order(), STAMP)
    with pytest.raises(UnsupportedOperationError):
        ADAPTER.reverse_request(order(), STAMP)
    for one in (order(Method.JSAPI), foreign):
        with pytest.raises(UnsupportedOperationError):
            ADAPTER.create_request(one, STAMP)


FOREVER = Stamp(datetime(2049, 1, 1, tzinfo=UTC), "n")
BEFORE = Stamp(datetime(2026, 1, 1, tzinfo=UTC), "n")


@pytest.mark.parametrize(
    ("how", "stamp", "expected"),
    [
        ({}, STAMP, None),
        ({"crt": "foreign_signer"}, STAMP, "unknown_issuer"),
        ({"key": "other_signer"}, STAMP, "other_signer"),
        ({"key": "root"}, STAMP, "other_signer"),
        ({"key": "middle"}, STAMP, "other_signer"),
        ({"key": "stranger", "crt": "signer"}, STAMP, "bad_signature"),
        ({}, FOREVER, "certificate_expired"),
        ({}, BEFORE, "certificate_expired"),
    ],
    ids=range(8),
)
def test_whose_signature_counts(how: dict[str, str], stamp: Stamp, expected: str | None) -> None:
    found = ADAPTER.query_outcome(order(), unionpay_reply(ASKED, **how), stamp)
    assert found == Unknown(expected, "00 成功[0000000]") if expected else isinstance(found, Succeeded)
    if expected:
        with pytest.raises(NotificationRefusedError, match=expected):
            ADAPTER.verify_notification(unionpay_notification(UNIONPAY_PAID, **how), stamp.at)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", "not_a_form"),
        (b"a", "not_a_form"),
        (b"a=1&a=2", "repeated_field"),
        (b"a={b=1&c=2", "not_a_form"),
        (b"=1", "not_a_form"),
        (b"\xff=1", "not_a_form"),
        (b"a=" + b"1" * 20_000, "too_long"),
        (b"a=1", "unknown_signature"),
        (b"version=5.1.0&signMethod=01", "not_signed"),
        (b"version=5.1.0&signMethod=01&signature=x&signPubKeyCert=none", "bad_certificate"),
        (b"version=5.1.0&signMethod=01&signature=x&signPubKeyCert=" + b"x" * 9_000, "bad_certificate"),
    ],
    ids=range(11),
)
def test_a_reply_that_cannot_be_read_is_unknown(body: bytes, expected: str) -> None:
    assert ADAPTER.query_outcome(order(), HttpResponse(status=200, body=body), STAMP) == Unknown(expected)


def test_a_changed_reply_or_another_status_is_unknown() -> None:
    good = unionpay_reply(ASKED)
    changed = good.body.replace(b"txnAmt=101", b"txnAmt=102")
    expected = Unknown("bad_signature", "00 成功[0000000]")
    assert ADAPTER.query_outcome(order(), HttpResponse(status=200, body=changed), STAMP) == expected
    assert ADAPTER.query_outcome(order(), HttpResponse(status=503, body=good.body), STAMP) == Unknown("http_503")


def test_f13_the_words_of_a_refusal_that_nobody_signed_are_kept_as_words() -> None:
    """Only the code of our own mistrust was kept of a refusal without a signature, and nobody knew what to mend."""
    reply = HttpResponse(status=200, body="respCode=11&respMsg=验证签名失败\n".encode())
    assert ADAPTER.create_outcome(order(), reply, STAMP) == Unknown("unknown_signature", "11 验证签名失败")
    assert ADAPTER.query_outcome(order(), reply, STAMP) == Unknown("unknown_signature", "11 验证签名失败")
    assert ADAPTER.bill_link(BillOrder(date(2026, 12, 1)), reply, STAMP) == Unknown(
        "unknown_signature", "11 验证签名失败"
    )
    forged = unionpay_reply(ASKED, key="stranger", crt="signer")
    assert ADAPTER.query_outcome(order(), forged, STAMP) == Unknown("bad_signature", "00 成功[0000000]")
    long = HttpResponse(status=200, body=f"respMsg={'x' * 2000}".encode())
    found = ADAPTER.refund_outcome(refund(), long, STAMP)
    assert isinstance(found, Unknown)
    assert len(found.unverified) == 256


@pytest.mark.parametrize("method", [Method.QR_CODE, Method.BAR_CODE, Method.PAGE])
def test_f5_no_title_is_sent(method: Method) -> None:
    """What a channel does not take in a title does no harm here: an order has no field for one."""
    plain, odd = (order(method, subject=each) for each in ("tea", "A&B=C/D 'x' \"y\" <b> 🍵" + "茶" * 100))
    assert ADAPTER.create_request(odd, STAMP) == ADAPTER.create_request(plain, STAMP)


def test_a_notification() -> None:
    found = ADAPTER.verify_notification(unionpay_notification(UNIONPAY_PAID), AT)
    assert found.notification_id == "01-812026120112000012345-00"
    assert summary(found.matched(sides.ORDER_ID, Amount(101, CNY))) == "succeeded 812026120112000012345 1.01 CNY"
    with pytest.raises(NotificationRefusedError, match="other_amount"):
        found.matched(sides.ORDER_ID, Amount(102, CNY))
    with pytest.raises(NotificationRefusedError, match="other_order"):
        found.matched("ffffffffffffffff", Amount(101, CNY))


def test_a_notification_of_a_refund() -> None:
    fields = {**UNIONPAY_PAID, "txnType": "04", "orderId": sides.REFUND_ID, "txnAmt": "51"}
    found = ADAPTER.verify_notification(unionpay_notification(fields), AT)
    assert (found.payment_attempt_id, found.refund_id) == ("", sides.REFUND_ID)
    assert summary(found.matched(sides.REFUND_ID, Amount(51, CNY))) == "succeeded 812026120112000012345 0.51 CNY"


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"merId": "777290058110002"}, "other_merchant"),
        ({"txnType": "00"}, "unknown_event"),
        ({"orderId": ""}, "wrong_fields"),
        ({"currencyCode": "840"}, "other_currency"),
        ({"txnAmt": "-1"}, "wrong_fields"),
    ],
)
def test_signed_but_not_for_us_or_not_readable(changed: dict[str, str], expected: str) -> None:
    with pytest.raises(NotificationRefusedError) as caught:
        ADAPTER.verify_notification(unionpay_notification({**UNIONPAY_PAID, **changed}), AT)
    assert caught.value.reason == expected


def test_a_forged_notification() -> None:
    body = unionpay_notification(UNIONPAY_PAID).body
    for forged in (body.replace(b"txnAmt=101", b"txnAmt=102"), body + b"&x=1"):
        with pytest.raises(NotificationRefusedError, match="bad_signature"):
            ADAPTER.verify_notification(HttpNotification(headers={}, body=forged), AT)
    with pytest.raises(NotificationRefusedError, match="repeated_field"):
        ADAPTER.verify_notification(HttpNotification(headers={}, body=body + b"&txnAmt=102"), AT)


def test_the_answers() -> None:
    assert ADAPTER.notification_answer(accepted=True).status == 200
    assert ADAPTER.notification_answer(accepted=False).status != 200


@pytest.mark.parametrize("text", ["x&queryId=1", "{a&b", "a}&{b=c", "}{"])
def test_s7_a_text_that_could_be_cut_into_other_fields_is_refused(text: str) -> None:
    """A genuine signature covers ``k=v`` joined by ``&``: a value with ``&`` is two fields to who cuts it elsewhere."""
    with pytest.raises(NotificationRefusedError, match=r"two_readings|not_a_form"):
        ADAPTER.verify_notification(unionpay_notification({**UNIONPAY_PAID, "orderDesc": text}), STAMP.at)


def test_s7_a_repeated_field_is_refused() -> None:
    body = unionpay_notification(UNIONPAY_PAID).body
    with pytest.raises(NotificationRefusedError, match="repeated_field"):
        ADAPTER.verify_notification(HttpNotification(headers={}, body=body + b"&respCode=00"), STAMP.at)
