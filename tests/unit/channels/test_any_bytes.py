"""Whatever comes from outside, signed or not: an outcome or a refusal, no other error, and no success by luck."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pycore.channels.adapter import Adapter
from pycore.channels.alipay import AlipayAdapter, WireForm
from pycore.channels.bill import BillLink, BillOrder
from pycore.channels.failure import BillRefusedError, NotificationRefusedError
from pycore.channels.message import HttpNotification, HttpResponse
from pycore.channels.order import Method
from pycore.channels.outcome import Failed, Outcome, Pending, RequiresAction, Succeeded, Unknown
from pycore.channels.unionpay import UnionPayAdapter
from pycore.channels.wechat import WeChatAdapter
from tests.unit.channels import sides
from tests.unit.channels.sides import AT, STAMP, order, refund

WECHAT, UNIONPAY = WeChatAdapter(sides.wechat_merchant()), UnionPayAdapter(sides.unionpay_merchant())
V2, V3 = AlipayAdapter(sides.alipay_merchant()), AlipayAdapter(sides.alipay_merchant(), WireForm.V3)
ADAPTERS: list[Adapter] = [WECHAT, V2, V3, UNIONPAY]

nasty = st.sampled_from(
    [
        "",
        "\0",
        "\ud800",
        "１",
        "1e309",
        "-1",
        "0.001",
        "9" * 400,
        "茶" * 3000,
        "\u202e",
        "2026-02-30 00:00:00",
        "SUCCESS",
    ]
)
values: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=5) | nasty | st.just([]) | st.just({})
)
texts = nasty.filter(lambda text: text.isascii() or "\ud800" not in text) | st.text(
    st.characters(codec="utf-8", exclude_characters="&{}[]"), max_size=5
)


def changed(fields: dict[str, Any], replacement: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """The fields, some of them replaced."""
    return st.dictionaries(st.sampled_from(sorted(fields)), replacement, max_size=3).map(lambda new: {**fields, **new})


def is_an_outcome(found: object) -> bool:
    return isinstance(found, Succeeded | Pending | RequiresAction | Failed | Unknown)


@pytest.mark.parametrize("adapter", ADAPTERS, ids=["wechat", "alipay v2", "alipay v3", "unionpay"])
@settings(deadline=None)
@given(body=st.binary(max_size=200), status=st.sampled_from([200, 204, 302, 400, 500]))
def test_unsigned_replies_are_unknown(adapter: Adapter, body: bytes, status: int) -> None:
    response = HttpResponse(status=status, body=body)
    one, back = order(), refund()
    for found in (
        adapter.create_outcome(one, response, STAMP),
        adapter.query_outcome(one, response, STAMP),
        adapter.refund_outcome(back, response, STAMP),
        adapter.query_refund_outcome(back, response, STAMP),
        adapter.bill_link(BillOrder(date(2026, 12, 1)), response, STAMP),
    ):
        assert isinstance(found, Unknown)
    with pytest.raises(NotificationRefusedError):
        adapter.verify_notification(HttpNotification(headers={}, body=body), AT)


@settings(deadline=None)
@given(fields=changed(sides.WECHAT_PAID, values), status=st.sampled_from([200, 400, 500]))
def test_signed_replies_of_wechat(fields: dict[str, Any], status: int) -> None:
    reply = sides.wechat_reply(fields, status)
    one = order()
    assert is_an_outcome(WECHAT.create_outcome(one, reply, STAMP))
    assert is_an_outcome(WECHAT.refund_outcome(refund(), reply, STAMP))
    _succeeds_only_unchanged(WECHAT.query_outcome(one, reply, STAMP))
    _notified(WECHAT, sides.wechat_notification(fields))


ALIPAY_TRADE = {
    "code": "10000",
    "msg": "Success",
    "out_trade_no": sides.ORDER_ID,
    "trade_no": "4200000001",
    "total_amount": "1.01",
    "trade_status": "TRADE_SUCCESS",
    "send_pay_date": "2026-12-01 12:00:09",
}


@settings(deadline=None)
@given(fields=changed(ALIPAY_TRADE, values))
def test_signed_replies_of_alipay(fields: dict[str, Any]) -> None:
    one = order()
    v2 = sides.alipay_v2_reply("alipay.trade.query", json.dumps(fields))
    _succeeds_only_unchanged(V2.query_outcome(one, v2, STAMP))
    _succeeds_only_unchanged(V3.query_outcome(one, sides.alipay_v3_reply(fields), STAMP))
    assert is_an_outcome(V3.create_outcome(order(Method.BAR_CODE), sides.alipay_v3_reply(fields), STAMP))
    assert is_an_outcome(V3.query_refund_outcome(refund(), sides.alipay_v3_reply(fields, 400), STAMP))


@settings(deadline=None)
@given(fields=changed(sides.ALIPAY_NOTIFIED, texts))
def test_signed_notifications_of_alipay(fields: dict[str, str]) -> None:
    _notified(V2, sides.alipay_notification(fields))


@settings(deadline=None)
@given(fields=changed({**sides.UNIONPAY_PAID, "origRespCode": "00"}, texts))
def test_signed_replies_and_notifications_of_unionpay(fields: dict[str, str]) -> None:
    reply = sides.unionpay_reply(fields)
    _succeeds_only_unchanged(UNIONPAY.query_outcome(order(), reply, STAMP))
    assert is_an_outcome(UNIONPAY.create_outcome(order(), reply, STAMP))
    _notified(UNIONPAY, sides.unionpay_notification(fields))


def _succeeds_only_unchanged(found: Outcome) -> None:
    assert is_an_outcome(found)
    if isinstance(found, Succeeded):
        assert found.amount == order().amount
        assert found.transaction_id.isascii()
        assert found.transaction_id.isprintable()


def _notified(adapter: Adapter, notification: HttpNotification) -> None:
    try:
        found = adapter.verify_notification(notification, AT)
    except NotificationRefusedError:
        return
    assert is_an_outcome(found.outcome)
    assert found.transaction_id.isprintable()


READERS: list[Callable[[bytes], object]] = [
    lambda content: WECHAT.read_bill(BillLink(order=BillOrder(date(2026, 12, 1)), sha1="a" * 40), content),
    lambda content: V2.read_bill(BillLink(order=BillOrder(date(2026, 12, 1))), content),
    lambda content: UNIONPAY.read_bill(BillLink(order=BillOrder(date(2026, 12, 1))), content),
]


@pytest.mark.parametrize("read", READERS, ids=["wechat", "alipay", "unionpay"])
@settings(deadline=None)
@given(content=st.binary(max_size=300) | st.binary(max_size=100).map(lambda rest: b"PK\x03\x04" + rest))
def test_bills_of_any_bytes_are_refused(read: Callable[[bytes], object], content: bytes) -> None:
    with pytest.raises(BillRefusedError):
        read(content)
