"""An adapter, a transport and a clock put together: what the payment services call."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from pycore.channels.adapter import Adapter
from pycore.channels.bill import BillLink, BillNotReady, BillOrder, FundBill, NoBill, TradeBill
from pycore.channels.capability import Capability
from pycore.channels.failure import NotTrustedError
from pycore.channels.message import HttpNotification, HttpRequest, HttpResponse, Stamp
from pycore.channels.notification import Notification
from pycore.channels.order import ChannelOrder
from pycore.channels.outcome import Failed, Outcome, ReasonClass, RequiresAction, Unknown, unknown
from pycore.channels.refund import Refund
from pycore.channels.signing_pool import SigningPool
from pycore.channels.transport import NoReply, NotSent, Transport

NOT_SENT = "not_sent"
CALL_SECONDS_MAX = 10.0
BILL_SECONDS_MAX = 300.0


def fresh_stamp() -> Stamp:
    """Return the present time and 32 hexadecimal digits nobody can guess."""
    return Stamp(datetime.now(UTC), secrets.token_hex(16))


class ChannelConnection:
    """One account at one channel, ready to call. Each call is sent once, within its deadline.

    Where no connection came about, ``create`` and ``refund`` are ``Failed(retry_same_id, not_sent)``: this call did
    nothing. A question, a closing or a reversal that was not sent leaves what it was about ``Unknown``.
    """

    def __init__(
        self,
        adapter: Adapter,
        transport: Transport,
        signing: SigningPool,
        *,
        stamp: Callable[[], Stamp] = fresh_stamp,
        deadline_seconds: float = CALL_SECONDS_MAX,
    ) -> None:
        self._adapter = adapter
        self._transport = transport
        self._signing = signing
        self._stamp = stamp
        self._deadline_seconds = deadline_seconds

    @property
    def capability(self) -> Capability:
        """What the channel can do."""
        return self._adapter.capability

    async def create(self, order: ChannelOrder) -> Outcome:
        """Make the order at the channel. Raises UnsupportedOperationError."""
        request = await self._signing.run(self._adapter.create_request, order, self._stamp())
        if isinstance(request, RequiresAction):
            return request
        return await self._call(request, self._adapter.create_outcome, order, makes=True)

    async def query(self, order: ChannelOrder) -> Outcome:
        """Ask what became of the order."""
        return await self._ask(self._adapter.query_request, self._adapter.query_outcome, order)

    async def close(self, order: ChannelOrder) -> Outcome:
        """Close the order unless it is paid. Raises UnsupportedOperationError."""
        return await self._ask(self._adapter.close_request, self._adapter.close_outcome, order)

    async def reverse(self, order: ChannelOrder) -> Outcome:
        """Cancel the order; were it paid, the payer gets it back. Raises UnsupportedOperationError."""
        return await self._ask(self._adapter.reverse_request, self._adapter.reverse_outcome, order)

    async def refund(self, refund: Refund) -> Outcome:
        """Give back."""
        request = await self._signing.run(self._adapter.refund_request, refund, self._stamp())
        return await self._call(request, self._adapter.refund_outcome, refund, makes=True)

    async def query_refund(self, refund: Refund) -> Outcome:
        """Ask what became of the refund."""
        return await self._ask(self._adapter.query_refund_request, self._adapter.query_refund_outcome, refund)

    async def verify_notification(self, notification: HttpNotification) -> Notification:
        """Return what a notification says. Raises NotificationRefusedError."""
        return await self._signing.run(self._adapter.verify_notification, notification, self._stamp().at)

    def notification_answer(self, *, accepted: bool) -> HttpResponse:
        """Return the answer to a notification; ``accepted`` only once what it said is durable."""
        return self._adapter.notification_answer(accepted=accepted)

    async def fetch_bill(self, order: BillOrder) -> TradeBill | FundBill | NoBill | BillNotReady | Failed | Unknown:
        """Return a day's bill, or which it is: none, not ready yet, the channel's refusal, nobody knows.

        Raises BillRefusedError, UnsupportedOperationError.
        """
        request = await self._signing.run(self._adapter.bill_request, order, self._stamp())
        reply = await self._fetch(request)
        if isinstance(reply, Unknown):
            return reply
        link = await self._signing.run(self._adapter.bill_link, order, reply, self._stamp())
        if not isinstance(link, BillLink):
            return link
        content = link.content
        if content is None:
            found = await self._download(link)
            if isinstance(found, Unknown):
                return found
            content = found
        return await self._signing.run(self._adapter.read_bill, link, content)

    async def _download(self, link: BillLink) -> bytes | Unknown:
        try:
            request = await self._signing.run(self._adapter.bill_download, link, self._stamp())
        except NotTrustedError as error:
            return unknown(error.code, error.unverified)
        reply = await self._fetch(request)
        if isinstance(reply, Unknown):
            return reply
        return reply.body if reply.status == 200 else Unknown(f"http_{reply.status}")

    async def _fetch(self, request: HttpRequest) -> HttpResponse | Unknown:
        exchange = await self._transport.send(request, deadline_seconds=BILL_SECONDS_MAX)
        return exchange if isinstance(exchange, HttpResponse) else _without_reply(exchange)

    async def _ask(
        self,
        prepare: Callable[[Any, Stamp], HttpRequest],
        judge: Callable[[Any, HttpResponse, Stamp], Outcome],
        subject: ChannelOrder | Refund,
    ) -> Outcome:
        request = await self._signing.run(prepare, subject, self._stamp())
        return await self._call(request, judge, subject, makes=False)

    async def _call(
        self,
        request: HttpRequest,
        judge: Callable[[Any, HttpResponse, Stamp], Outcome],
        subject: ChannelOrder | Refund,
        *,
        makes: bool,
    ) -> Outcome:
        exchange = await self._transport.send(request, deadline_seconds=self._deadline_seconds)
        if isinstance(exchange, HttpResponse):
            # The stamp is taken after the reply: its age is judged by when it arrived.
            return await self._signing.run(judge, subject, exchange, self._stamp())
        if makes and isinstance(exchange, NotSent):
            return Failed(ReasonClass.RETRY_SAME_ID, NOT_SENT)
        return _without_reply(exchange)


def _without_reply(exchange: NotSent | NoReply) -> Unknown:
    return Unknown(NOT_SENT if isinstance(exchange, NotSent) else exchange.code)
