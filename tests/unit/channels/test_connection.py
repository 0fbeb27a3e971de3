"""An adapter put together with a transport: what each call becomes when the network does its worst."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from datetime import date
from typing import Any, cast

import pytest

from pycore.channels.alipay import AlipayAdapter
from pycore.channels.bill import BillOrder, NoBill, TradeBill
from pycore.channels.connection import ChannelConnection, fresh_stamp
from pycore.channels.failure import BillRefusedError, NotificationRefusedError, UnsupportedOperationError
from pycore.channels.message import HttpNotification, HttpRequest, HttpResponse
from pycore.channels.order import Method
from pycore.channels.outcome import Failed, OpenPage, ReasonClass, RequiresAction, ShowCode, Succeeded, Unknown
from pycore.channels.signing_pool import SigningPool
from pycore.channels.transport import Exchange, NoReply, NotSent, Transport
from pycore.channels.unionpay import UnionPayAdapter
from pycore.channels.wechat import WeChatAdapter
from pycore.channels.wechat.bills import TRADE_COLUMNS, TRADE_TOTALS
from tests.unit.channels import sides
from tests.unit.channels.sides import STAMP, WECHAT_PAID, order, refund, wechat_reply


class Network:
    """A transport that says what it is told to, and remembers what it was asked to send."""

    def __init__(self) -> None:
        self.sent: list[HttpRequest] = []
        self.replies: list[Exchange] = []

    async def send(self, request: HttpRequest, *, deadline_seconds: float) -> Exchange:
        assert deadline_seconds > 0
        self.sent.append(request)
        return self.replies.pop(0)


@pytest.fixture
async def network() -> Network:
    return Network()


@pytest.fixture
async def signing() -> AsyncIterator[SigningPool]:
    pool = SigningPool()
    yield pool
    pool.close()


def connection(adapter: Any, network: Network, signing: SigningPool) -> ChannelConnection:
    return ChannelConnection(adapter, cast("Transport", network), signing, stamp=lambda: STAMP)


@pytest.fixture
def wechat(network: Network, signing: SigningPool) -> ChannelConnection:
    return connection(WeChatAdapter(sides.wechat_merchant()), network, signing)


@pytest.mark.parametrize(
    ("operation", "not_sent"),
    [
        ("create", Failed(ReasonClass.RETRY_SAME_ID, "not_sent")),
        ("query", Unknown("not_sent")),
        ("close", Unknown("not_sent")),
        ("refund", Failed(ReasonClass.RETRY_SAME_ID, "not_sent")),
        ("query_refund", Unknown("not_sent")),
    ],
)
async def test_without_a_reply(wechat: ChannelConnection, network: Network, operation: str, not_sent: object) -> None:
    subject = refund() if "refund" in operation else order()
    network.replies = [NotSent(), NoReply("deadline"), NoReply("connection_lost")]
    found = [await getattr(wechat, operation)(subject) for _ in range(3)]
    assert found == [not_sent, Unknown("deadline"), Unknown("connection_lost")]
    assert len(network.sent) == 3


async def test_a_way_through(wechat: ChannelConnection, network: Network) -> None:
    network.replies = [wechat_reply({"code_url": "weixin://x"}), wechat_reply(WECHAT_PAID), wechat_reply(None, 204)]
    assert await wechat.create(order()) == RequiresAction(ShowCode("weixin://x"))
    assert isinstance(await wechat.query(order()), Succeeded)
    assert await wechat.close(order()) == Succeeded()
    assert [request.method for request in network.sent] == ["POST", "GET", "POST"]
    assert wechat.capability.channel == "wechat"


async def test_a_reversal_that_was_not_sent(wechat: ChannelConnection, network: Network) -> None:
    network.replies = [NotSent()]
    assert await wechat.reverse(order(Method.BAR_CODE)) == Unknown("not_sent")
    with pytest.raises(UnsupportedOperationError):
        await wechat.reverse(order())
    assert len(network.sent) == 1


async def test_what_the_payer_s_browser_takes_there_is_not_sent(network: Network, signing: SigningPool) -> None:
    alipay = connection(AlipayAdapter(sides.alipay_merchant()), network, signing)
    found = await alipay.create(order(Method.PAGE))
    assert isinstance(found, RequiresAction)
    assert isinstance(found.action, OpenPage)
    assert not network.sent


async def test_notifications(wechat: ChannelConnection) -> None:
    found = await wechat.verify_notification(sides.wechat_notification(WECHAT_PAID))
    assert found.transaction_id == "4200000001"
    with pytest.raises(NotificationRefusedError):
        await wechat.verify_notification(HttpNotification(headers={}, body=b""))
    assert wechat.notification_answer(accepted=True).status == 204


BILL = f"{TRADE_COLUMNS}\n{TRADE_TOTALS}\n`0,`0.00,`0.00,`0.00,`0.00000,`0.00,`0.00\n".encode()
LINK = {
    "hash_type": "SHA1",
    "hash_value": hashlib.sha1(BILL, usedforsecurity=False).hexdigest(),
    "download_url": "https://api.mch.weixin.qq.com/v3/billdownload/file?token=x",
}


async def test_a_bill(wechat: ChannelConnection, network: Network) -> None:
    order_of = BillOrder(date(2026, 12, 1))
    network.replies = [wechat_reply(LINK), HttpResponse(status=200, body=BILL)]
    assert isinstance(await wechat.fetch_bill(order_of), TradeBill)
    network.replies = [wechat_reply(LINK), HttpResponse(status=200, body=BILL[:-1])]
    with pytest.raises(BillRefusedError):
        await wechat.fetch_bill(order_of)


@pytest.mark.parametrize(
    ("replies", "expected"),
    [
        ([NotSent()], "not_sent"),
        ([NoReply("deadline")], "deadline"),
        ([wechat_reply({}, key="stranger")], "bad_signature"),
        ([wechat_reply(LINK), NoReply("too_long")], "too_long"),
        ([wechat_reply(LINK), HttpResponse(status=404)], "http_404"),
        ([wechat_reply({**LINK, "download_url": "https://evil.example/"})], "other_server"),
    ],
    ids=range(6),
)
async def test_no_bill(wechat: ChannelConnection, network: Network, replies: list[Exchange], expected: str) -> None:
    network.replies = list(replies)
    assert await wechat.fetch_bill(BillOrder(date(2026, 12, 1))) == Unknown(expected)


async def test_a_bill_that_is_not_there_at_once(network: Network, signing: SigningPool) -> None:
    unionpay = connection(UnionPayAdapter(sides.unionpay_merchant()), network, signing)
    network.replies = [sides.unionpay_reply({"respCode": "98"})]
    assert await unionpay.fetch_bill(BillOrder(date(2026, 1, 1))) == NoBill("98")


def test_stamps_are_fresh() -> None:
    one, other = fresh_stamp(), fresh_stamp()
    assert one.nonce != other.nonce
    assert one.at <= other.at
