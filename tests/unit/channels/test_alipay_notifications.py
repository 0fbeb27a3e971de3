"""Alipay's notifications: what is proof, and what is refused."""

from __future__ import annotations

from urllib.parse import parse_qsl, quote, urlencode

import pytest

from pycore.channels.alipay import AlipayAdapter
from pycore.channels.failure import NotificationRefusedError
from pycore.channels.message import HttpNotification
from pycore.money import CNY, Amount
from tests.unit.channels import sides
from tests.unit.channels.sides import ALIPAY_NOTIFIED, AT, alipay_notification, summary

ADAPTER = AlipayAdapter(sides.alipay_merchant())


def reason(notification: HttpNotification) -> str:
    with pytest.raises(NotificationRefusedError) as caught:
        ADAPTER.verify_notification(notification, AT)
    return caught.value.reason


def test_a_payment() -> None:
    found = ADAPTER.verify_notification(alipay_notification(ALIPAY_NOTIFIED), AT)
    assert found.notification_id == "2026120100222120009"
    assert summary(found.matched(sides.ORDER_ID, Amount(101, CNY))) == (
        "succeeded 2026120122001400000000000001 1.01 CNY"
    )
    with pytest.raises(NotificationRefusedError, match="other_amount"):
        found.matched(sides.ORDER_ID, Amount(102, CNY))
    with pytest.raises(NotificationRefusedError, match="other_order"):
        found.matched("ffffffffffffffff", Amount(101, CNY))


def test_another_way_to_encode_the_same_fields_is_the_same_notification() -> None:
    good = alipay_notification(ALIPAY_NOTIFIED)
    anew = "&".join(f"{quote(name)}={quote(value)}" for name, value in reversed(parse_qsl(good.body.decode())))
    assert anew.encode() != good.body
    assert ADAPTER.verify_notification(HttpNotification(headers={}, body=anew.encode()), AT).refund_id is None


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"trade_status": "TRADE_FINISHED"}, "succeeded 2026120122001400000000000001 1.01 CNY"),
        ({"trade_status": "WAIT_BUYER_PAY"}, "pending WAIT_BUYER_PAY"),
        ({"trade_status": "TRADE_CLOSED", "gmt_payment": ""}, "failed final TRADE_CLOSED"),
        ({"trade_status": "TRADE_CLOSED"}, "succeeded 2026120122001400000000000001 1.01 CNY"),
    ],
)
def test_states(changed: dict[str, str], expected: str) -> None:
    found = ADAPTER.verify_notification(alipay_notification({**ALIPAY_NOTIFIED, **changed}), AT)
    assert summary(found.outcome) == expected


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"seller_id": "2088000000000002"}, "other_merchant"),
        ({"app_id": "2021000000000002"}, "other_app"),
        ({"trans_currency": "USD"}, "other_currency"),
        ({"total_amount": "1.010"}, "bad_amount"),
        ({"total_amount": "１.01"}, "wrong_fields"),
        ({"trade_status": "PAID"}, "unknown_state"),
        ({"gmt_payment": "2026-12-01T12:00:09"}, "bad_time"),
        ({"trade_no": "2" * 65}, "wrong_fields"),
        ({"out_trade_no": ""}, "wrong_fields"),
    ],
)
def test_signed_but_not_for_us_or_not_readable(changed: dict[str, str], expected: str) -> None:
    assert reason(alipay_notification({**ALIPAY_NOTIFIED, **changed})) == expected


def test_forged() -> None:
    good = alipay_notification(ALIPAY_NOTIFIED)
    fields = dict(parse_qsl(good.body.decode()))

    def sent(changed: dict[str, str | None]) -> HttpNotification:
        present = {name: value for name, value in {**fields, **changed}.items() if value is not None}
        return HttpNotification(headers={}, body=urlencode(present).encode())

    assert reason(alipay_notification(ALIPAY_NOTIFIED, key="stranger")) == "bad_signature"
    assert reason(sent({"total_amount": "1.02"})) == "bad_signature"
    assert reason(sent({"extra": "1"})) == "bad_signature"
    assert reason(sent({"sign": None})) == "not_signed"
    assert reason(sent({"sign": ""})) == "bad_signature"
    assert reason(sent({"sign_type": "RSA"})) == "not_signed"
    assert reason(sent({"sign_type": None})) == "not_signed"
    assert reason(HttpNotification(headers={}, body=good.body + b"&total_amount=1.02")) == "repeated_field"
    assert reason(HttpNotification(headers={}, body=b"")) == "not_signed"
    assert reason(HttpNotification(headers={}, body=b"sign=%FF&sign_type=RSA2")) == "not_a_form"
    assert reason(HttpNotification(headers={}, body="sign=茶".encode())) == "not_a_form"
    assert reason(HttpNotification(headers={}, body=b"&".join(b"a%d=1" % n for n in range(300)))) == "not_a_form"
    assert reason(HttpNotification(headers={}, body=b"a=" + b"x" * 20_000)) == "too_long"


def test_the_answers() -> None:
    assert ADAPTER.notification_answer(accepted=True).body == b"success"
    assert ADAPTER.notification_answer(accepted=False).body != b"success"
