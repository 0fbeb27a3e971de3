"""WeChat's notifications: what is proof, and what is refused."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from pycore.channels.failure import NotificationRefusedError
from pycore.channels.message import HttpNotification
from pycore.channels.wechat import WeChatAdapter
from pycore.money import CNY, CURRENCIES, Amount
from tests.unit.channels import sides
from tests.unit.channels.sides import AT, WECHAT_PAID, summary, wechat_notification

ADAPTER = WeChatAdapter(sides.wechat_merchant())
REFUNDED: dict[str, Any] = {
    "mchid": "1900000001",
    "out_trade_no": sides.ORDER_ID,
    "transaction_id": "4200000001",
    "out_refund_no": sides.REFUND_ID,
    "refund_id": "5000000001",
    "refund_status": "SUCCESS",
    "success_time": "2026-12-01T13:00:09+08:00",
    "user_received_account": "招商银行信用卡0403",
    "amount": {"total": 101, "refund": 51, "payer_total": 101, "payer_refund": 51},
}


def reason(notification: HttpNotification, now: Any = AT) -> str:
    with pytest.raises(NotificationRefusedError) as caught:
        ADAPTER.verify_notification(notification, now)
    return caught.value.reason


def test_a_payment() -> None:
    found = ADAPTER.verify_notification(wechat_notification(WECHAT_PAID), AT)
    assert (found.notification_id, found.payment_attempt_id, found.refund_id) == ("EV-1", sides.ORDER_ID, None)
    assert summary(found.matched(sides.ORDER_ID, Amount(101, CNY))) == "succeeded 4200000001 1.01 CNY"


def test_a_refund() -> None:
    found = ADAPTER.verify_notification(wechat_notification(REFUNDED, "REFUND.SUCCESS"), AT)
    assert (found.payment_attempt_id, found.refund_id) == (sides.ORDER_ID, sides.REFUND_ID)
    assert summary(found.matched(sides.REFUND_ID, Amount(51, CNY))) == "succeeded 5000000001 0.51 CNY"


@pytest.mark.parametrize(
    ("event", "status", "expected"),
    [("REFUND.CLOSED", "CLOSED", "failed final CLOSED"), ("REFUND.ABNORMAL", "ABNORMAL", "by hand refund_abnormal")],
)
def test_refunds_that_went_wrong(event: str, status: str, expected: str) -> None:
    found = ADAPTER.verify_notification(wechat_notification({**REFUNDED, "refund_status": status}, event), AT)
    assert summary(found.outcome) == expected


@pytest.mark.parametrize(
    ("expected_id", "expected_amount", "refusal"),
    [
        (sides.ORDER_ID, Amount(102, CNY), "other_amount"),
        (sides.ORDER_ID, Amount(100, CNY), "other_amount"),
        (sides.ORDER_ID, Amount(101, CURRENCIES["USD"]), "other_amount"),
        ("ffffffffffffffff", Amount(101, CNY), "other_order"),
    ],
)
def test_what_does_not_match_the_order_is_refused(expected_id: str, expected_amount: Amount, refusal: str) -> None:
    found = ADAPTER.verify_notification(wechat_notification(WECHAT_PAID), AT)
    with pytest.raises(NotificationRefusedError) as caught:
        found.matched(expected_id, expected_amount)
    assert caught.value.reason == refusal


def test_forged() -> None:
    good = wechat_notification(WECHAT_PAID)
    assert reason(HttpNotification(headers={}, body=good.body)) == "not_signed"
    assert reason(HttpNotification(headers=good.headers, body=good.body + b" ")) == "bad_signature"
    encoded_anew = json.dumps(json.loads(good.body), separators=(",", ":")).encode()
    assert reason(HttpNotification(headers=good.headers, body=encoded_anew)) == "bad_signature"
    assert reason(HttpNotification(headers=good.headers, body=b"")) == "bad_signature"
    assert reason(wechat_notification(WECHAT_PAID, key="stranger")) == "bad_signature"
    assert reason(wechat_notification(WECHAT_PAID, serial="7777777777777777777777777777777777777777")) == "unknown_key"


def test_a_replay_after_five_minutes_is_refused() -> None:
    good = wechat_notification(WECHAT_PAID)
    ADAPTER.verify_notification(good, AT + timedelta(seconds=300))
    assert reason(good, AT + timedelta(seconds=301)) == "too_old"
    assert reason(good, AT - timedelta(seconds=301)) == "too_old"


@pytest.mark.parametrize(
    ("fields", "event", "expected"),
    [
        ({**WECHAT_PAID, "mchid": "1900000002"}, "TRANSACTION.SUCCESS", "other_merchant"),
        ({**WECHAT_PAID, "appid": "wxffffffffffffffff"}, "TRANSACTION.SUCCESS", "other_app"),
        ({**REFUNDED, "mchid": "1900000002"}, "REFUND.SUCCESS", "other_merchant"),
        (WECHAT_PAID, "COUPON.USE", "unknown_event"),
        ({**WECHAT_PAID, "trade_state": "?"}, "TRANSACTION.SUCCESS", "unknown_state"),
        ({**WECHAT_PAID, "amount": None}, "TRANSACTION.SUCCESS", "wrong_fields"),
        (b'{"mchid":"1","mchid":"1900000001"}', "TRANSACTION.SUCCESS", "not_json"),
        (b"not json", "TRANSACTION.SUCCESS", "not_json"),
    ],
)
def test_signed_but_not_for_us_or_not_readable(fields: Any, event: str, expected: str) -> None:
    assert reason(wechat_notification(fields, event)) == expected


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("associated_data", "refund", "not_decryptable"),
        ("nonce", "fdasflkja485", "not_decryptable"),
        ("nonce", "short", "not_decryptable"),
        ("ciphertext", "AAAA", "not_decryptable"),
        ("ciphertext", "*", "not_decryptable"),
        ("algorithm", "AES-CBC", "wrong_fields"),
    ],
)
def test_sealed_with_other_words(field: str, value: str, expected: str) -> None:
    envelope = json.loads(wechat_notification(WECHAT_PAID).body)
    envelope["resource"][field] = value
    body = json.dumps(envelope).encode()
    assert reason(HttpNotification(headers=sides.wechat_headers(body), body=body)) == expected


@pytest.mark.parametrize("number", ["BD2026120112345678", "20261201999999", "R_1-2|3*4@5"])
def test_f14_a_refund_made_in_the_channel_s_back_office_is_read(number: str) -> None:
    """Its number is none of ours: the caller must find that out, and the letter tells all it needs."""
    found = ADAPTER.verify_notification(
        wechat_notification({**REFUNDED, "out_refund_no": number}, "REFUND.SUCCESS"), AT
    )
    assert (found.payment_attempt_id, found.refund_id) == (sides.ORDER_ID, number)
    assert summary(found.outcome) == "succeeded 5000000001 0.51 CNY"


def test_the_answers() -> None:
    assert ADAPTER.notification_answer(accepted=True).status == 204
    assert ADAPTER.notification_answer(accepted=False).status == 400
