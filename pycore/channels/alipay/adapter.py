"""Alipay as an adapter, over the v2 gateway or the v3 calls."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import TypeVar

from pycore.channels.alipay import bills, notifications, payments, refunds
from pycore.channels.alipay.gateway import GatewayForm
from pycore.channels.alipay.merchant import AlipayMerchant
from pycore.channels.alipay.reply import AlipayReply
from pycore.channels.alipay.rest import RestForm
from pycore.channels.bill import BillLink, BillNotReady, BillOrder, FundBill, NoBill, TradeBill
from pycore.channels.capability import Capability, in_force, load_capability
from pycore.channels.clock import SHANGHAI
from pycore.channels.failure import NotTrustedError, require
from pycore.channels.message import HttpNotification, HttpRequest, HttpResponse, Stamp
from pycore.channels.notification import Notification
from pycore.channels.order import ChannelOrder
from pycore.channels.outcome import Failed, Outcome, RequiresAction, Unknown, unknown
from pycore.channels.refund import Refund

Result = TypeVar("Result")


class WireForm(StrEnum):
    """How calls are signed and sent; what they say is the same."""

    V2 = "v2"
    V3 = "v3"


class AlipayAdapter:
    """One application at Alipay; see ``pycore.channels.adapter`` for what each method promises."""

    def __init__(self, merchant: AlipayMerchant, wire_form: WireForm = WireForm.V2) -> None:
        self._merchant = merchant
        self._form = GatewayForm(merchant) if wire_form is WireForm.V2 else RestForm(merchant)
        self._capability = load_capability(__package__)

    @property
    def capability(self) -> Capability:
        """What the channel can do."""
        return self._capability

    def create_request(self, order: ChannelOrder, stamp: Stamp) -> HttpRequest | RequiresAction:
        """Return the call that makes the order; for pages and app the signed order itself (always in the v2 form)."""
        require(order.method in payments.CREATE_METHODS)
        if order.method in payments.TAKEN_THERE:
            return payments.page_or_app(self._merchant, order, stamp)
        method = payments.CREATE_METHODS[order.method]
        return self._form.request(method, payments.content(order), stamp, notify_url=order.notify_url)

    def create_outcome(self, order: ChannelOrder, response: HttpResponse, stamp: Stamp) -> Outcome:
        """Return what the channel said."""
        method = payments.CREATE_METHODS[order.method]
        return self._judge(method, response, stamp, lambda reply: payments.created_outcome(order, reply))

    def query_request(self, order: ChannelOrder, stamp: Stamp) -> HttpRequest:
        """Return the question what became of the order."""
        return self._about(payments.QUERY, order, stamp)

    def query_outcome(self, order: ChannelOrder, response: HttpResponse, stamp: Stamp) -> Outcome:
        """Return what became of the order."""
        return self._judge(payments.QUERY, response, stamp, lambda reply: payments.trade_outcome(order, reply))

    def close_request(self, order: ChannelOrder, stamp: Stamp) -> HttpRequest:
        """Return the call that closes an unpaid order."""
        require(order.method in self._capability.closes)
        return self._about(payments.CLOSE, order, stamp)

    def close_outcome(self, order: ChannelOrder, response: HttpResponse, stamp: Stamp) -> Outcome:
        """Return whether the order is closed."""
        return self._judge(payments.CLOSE, response, stamp, lambda reply: payments.closed_outcome(order, reply))

    def reverse_request(self, order: ChannelOrder, stamp: Stamp) -> HttpRequest:
        """Return the call that cancels the order."""
        require(order.method in self._capability.reverses)
        return self._about(payments.CANCEL, order, stamp)

    def reverse_outcome(self, order: ChannelOrder, response: HttpResponse, stamp: Stamp) -> Outcome:
        """Return whether nothing of the order remains."""
        return self._judge(payments.CANCEL, response, stamp, lambda reply: payments.cancelled_outcome(order, reply))

    def refund_request(self, refund: Refund, stamp: Stamp) -> HttpRequest:
        """Return the call that gives back."""
        return self._form.request(refunds.REFUND, refunds.refund_content(refund), stamp, notify_url=None)

    def refund_outcome(self, refund: Refund, response: HttpResponse, stamp: Stamp) -> Outcome:
        """Return what the channel said."""
        return self._judge(refunds.REFUND, response, stamp, lambda reply: refunds.refunded_outcome(refund, reply))

    def query_refund_request(self, refund: Refund, stamp: Stamp) -> HttpRequest:
        """Return the question what became of the refund."""
        return self._form.request(refunds.QUERY, refunds.query_content(refund), stamp, notify_url=None)

    def query_refund_outcome(self, refund: Refund, response: HttpResponse, stamp: Stamp) -> Outcome:
        """Return what became of the refund."""
        return self._judge(refunds.QUERY, response, stamp, lambda reply: refunds.found_outcome(refund, reply))

    def verify_notification(self, notification: HttpNotification, now: datetime) -> Notification:
        """Return what a notification says. Raises NotificationRefusedError."""
        return notifications.read_notification(self._merchant, notification)

    def notification_answer(self, *, accepted: bool) -> HttpResponse:
        """Return the word Alipay waits for, or another, after which it sends again."""
        return HttpResponse(
            status=200, headers={"content-type": "text/plain"}, body=b"success" if accepted else b"failure"
        )

    def bill_request(self, order: BillOrder, stamp: Stamp) -> HttpRequest:
        """Return the call that asks for a day's bill."""
        return self._form.request(bills.QUERY, bills.content(order), stamp, notify_url=None)

    def bill_link(
        self, order: BillOrder, response: HttpResponse, stamp: Stamp
    ) -> BillLink | NoBill | BillNotReady | Failed | Unknown:
        """Return where the bill lies."""
        rule = in_force(self._capability.bill_rules, order.day)
        ready_at = datetime.combine(order.day, time(), SHANGHAI) + timedelta(days=1, minutes=rule.ready_minute)
        return self._judge(bills.QUERY, response, stamp, lambda reply: bills.link(order, reply, ready_at, stamp.at))

    def bill_download(self, link: BillLink, stamp: Stamp) -> HttpRequest:
        """Return the call that fetches the bill. Raises NotTrustedError."""
        return bills.download(self._merchant, link)

    def read_bill(self, link: BillLink, content: bytes) -> TradeBill | FundBill:
        """Return the bill. Raises BillRefusedError."""
        return bills.read_bill(link.order, content)

    def _about(self, method: str, order: ChannelOrder, stamp: Stamp) -> HttpRequest:
        return self._form.request(method, {"out_trade_no": order.payment_attempt_id}, stamp, notify_url=None)

    def _judge(
        self, method: str, response: HttpResponse, stamp: Stamp, judge: Callable[[AlipayReply], Result]
    ) -> Result | Unknown:
        try:
            return judge(self._form.reply(method, response, stamp))
        except NotTrustedError as error:
            return unknown(error.code, error.unverified)
