"""Alipay's notifications: what is proof, and what is refused."""

from __future__ import annotations

from urllib.parse import parse_qsl, quote, urlencode

import pytest

from pycore.channels.alipay import AlipayAdapter
from pycore.channels.failure import NotificationRefusedError
from pycore.channels.message import HttpNotification
from pycore.channels.outcome import Succeeded
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


_CUT = "x&total_amount=7.00&trade_no=2026120122001400000000000002&trade_status=TRADE_SUCCESS&version="


def recut(genuine: HttpNotification, cuts: list[tuple[str, str]]) -> HttpNotification:
    """Another form with the same signed text, made without any key."""
    form = dict(parse_qsl(genuine.body.decode()))
    unsigned = {name: form.pop(name) for name in ("sign", "sign_type")}
    text = "&".join(f"{name}={form[name]}" for name in sorted(form))
    assert "&".join(f"{name}={value}" for name, value in cuts) == text, "this is another text"
    return HttpNotification(headers={}, body=urlencode([*cuts, *unsigned.items()]).encode())


def test_s7_a_signed_text_is_not_cut_into_other_fields() -> None:
    """A genuine message about an unpaid order of 1 fen, whose title held fields of its own, was cut elsewhere: its
    signed text, sent as a form with another amount, number and state, was booked as paid, without any key."""
    unpaid = {**ALIPAY_NOTIFIED, "subject": _CUT, "total_amount": "0.01", "trade_status": "WAIT_BUYER_PAY"}
    genuine = alipay_notification(unpaid)
    before = [(name, ALIPAY_NOTIFIED[name]) for name in sorted(ALIPAY_NOTIFIED) if name < "subject"]
    rest = f"&total_amount=0.01&trade_no={ALIPAY_NOTIFIED['trade_no']}&trade_status=WAIT_BUYER_PAY"
    forged = [
        ("subject", "x"),
        ("total_amount", "7.00"),
        ("trade_no", "2026120122001400000000000002"),
        ("trade_status", "TRADE_SUCCESS"),
        ("version", rest),
    ]
    assert reason(recut(genuine, [*before, *forged])) == "ambiguous"
    # The genuine one is not read either: nobody can tell the two apart. The channel is asked instead.
    assert reason(genuine) == "ambiguous"


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"subject": "A&B"}, "ambiguous"),
        ({"subject": "A=B"}, "ambiguous"),
        ({"body": "x&buyer_id=2088"}, "ambiguous"),
        ({"fund_bill_list": '[{"amount":"1.01","fundChannel":"A&B=C"}]'}, "ambiguous"),
        ({"a field of nobody": "1"}, "ambiguous"),
        ({"total_amount ": "7.00"}, "ambiguous"),
        ({"total_amount[]": "7.00"}, "ambiguous"),
        ({"sign=x": "1"}, "ambiguous"),
        ({"": "1"}, "ambiguous"),
    ],
)
def test_s7_a_form_that_could_be_read_in_two_ways_is_refused(changed: dict[str, str], expected: str) -> None:
    assert reason(alipay_notification({**ALIPAY_NOTIFIED, **changed})) == expected


def test_s7_every_cut_of_a_text_but_one_is_refused() -> None:
    """Wherever a text is cut into a form, at most the genuine cut is taken."""
    genuine = alipay_notification(ALIPAY_NOTIFIED)
    form = dict(parse_qsl(genuine.body.decode()))
    pieces = [(name, form[name]) for name in sorted(ALIPAY_NOTIFIED)]
    for joined in range(2 ** (len(pieces) - 1)):
        cuts = [pieces[0]]
        for at, (name, value) in enumerate(pieces[1:]):
            if joined >> at & 1:
                cuts[-1] = (cuts[-1][0], f"{cuts[-1][1]}&{name}={value}")
            else:
                cuts.append((name, value))
        if joined:
            assert reason(recut(genuine, cuts)) == "ambiguous"
        else:
            ADAPTER.verify_notification(recut(genuine, cuts), AT)


def in_charset(charset: str, subject: str = "会员充值") -> HttpNotification:
    fields = {**ALIPAY_NOTIFIED, "subject": subject, "charset": charset}
    codec = {"GBK": "gbk", "gb2312": "gb2312"}.get(charset, "utf-8")
    text = "&".join(f"{name}={value}" for name, value in sorted(fields.items()))
    form = {**fields, "sign_type": "RSA2", "sign": sides.signed(text.encode(codec))}
    return HttpNotification(headers={}, body=urlencode(form, encoding=codec).encode())


@pytest.mark.parametrize("charset", ["GBK", "gb2312", "UTF-8", "utf-8"])
def test_f9_a_callback_is_read_in_the_charset_it_names(charset: str) -> None:
    """A form with ``charset=GBK`` and ``subject=%BB%E1%D4%B1…``, signed over the GBK text, was ``not_a_form``: Alipay
    repeated it for a day, and the payment waited to be asked for."""
    found = ADAPTER.verify_notification(in_charset(charset), AT)
    assert summary(found.outcome) == "succeeded 2026120122001400000000000001 1.01 CNY"


def test_f9_the_charset_is_signed_too() -> None:
    gbk = in_charset("GBK")
    for other, expected in ((b"UTF-8", "not_a_form"), (b"latin-1", "unknown_charset"), (b"utf-16", "unknown_charset")):
        assert (
            reason(HttpNotification(headers={}, body=gbk.body.replace(b"charset=GBK", b"charset=" + other))) == expected
        )
    ascii_only = in_charset("GBK", "tea")
    changed = HttpNotification(headers={}, body=ascii_only.body.replace(b"charset=GBK", b"charset=UTF-8"))
    assert reason(changed) == "bad_signature"


@pytest.mark.parametrize(
    ("changed", "total", "is_given_back"),
    [
        ({"refund_fee": "0.50", "out_biz_no": "HZRF001", "gmt_refund": "2026-12-01 13:00:09.320"}, 50, False),
        ({"refund_fee": "1.01", "out_biz_no": "HZRF002", "trade_status": "TRADE_CLOSED"}, 101, True),
        ({"trade_status": "TRADE_CLOSED"}, 101, True),
        ({"refund_fee": "0.00"}, 0, False),
        ({}, None, False),
    ],
)
def test_f14_a_refund_made_in_alipay_s_back_office_is_told(
    changed: dict[str, str], total: int | None, is_given_back: bool
) -> None:
    """A merchant gave half back at Alipay's own pages, under a number that is not ours, then the rest: the callbacks
    were taken for news of the payment, and nothing was noted of the refunds."""
    found = ADAPTER.verify_notification(alipay_notification({**ALIPAY_NOTIFIED, **changed}), AT)
    assert found.total_refunded == (None if total is None else Amount(total, CNY))
    assert (found.refund_id, found.payment_attempt_id) == (None, sides.ORDER_ID)
    assert isinstance(found.outcome, Succeeded)
    assert found.outcome.is_given_back is is_given_back


@pytest.mark.parametrize("refund_fee", ["1.02", "-0.50", "0.5e0", "x", "0.505"])
def test_f14_more_than_was_paid_does_not_go_back(refund_fee: str) -> None:
    assert reason(alipay_notification({**ALIPAY_NOTIFIED, "refund_fee": refund_fee})) == "bad_amount"


def test_the_answers() -> None:
    assert ADAPTER.notification_answer(accepted=True).body == b"success"
    assert ADAPTER.notification_answer(accepted=False).body != b"success"
