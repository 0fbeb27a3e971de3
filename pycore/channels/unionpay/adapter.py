"""UnionPay as an adapter: version 5.1.0 of the full channel platform."""

from __future__ import annotations

from datetime import datetime

from pycore.channels.bill import BillLink, BillNotReady, BillOrder, NoBill, TradeBill
from pycore.channels.capability import Capability, load_capability
from pycore.channels.failure import UnsupportedOperationError, require
from pycore.channels.message import HttpNotification, HttpRequest, HttpResponse, Stamp
from pycore.channels.notification import Notification
from pycore.channels.order import ChannelOrder
from pycore.channels.outcome import Failed, Outcome, RequiresAction, Unknown
from pycore.channels.refund import Refund
from pycore.channels.unionpay import bills, payments
from pycore.channels.unionpay.merchant import UnionPayMerchant


class UnionPayAdapter:
    """One merchant's account at UnionPay; see ``pycore.channels.adapter`` for what each method promises.

    The times in a request are those of order and refund, so that every retry is the same transaction.
    """

    def __init__(self, merchant: UnionPayMerchant) -> None:
        self._merchant = merchant
        self._capability = load_capability(__package__)

    @property
    def capability(self) -> Capability:
        """What the channel can do."""
        return self._capability

    def create_request(self, order: ChannelOrder, stamp: Stamp) -> HttpRequest | RequiresAction:
        """Return the call that makes the order, or the form the payer's browser posts."""
        require(order.method in self._capability.methods)
        return payments.create_request(self._merchant, order)

    def create_outcome(self, order: ChannelOrder, response: HttpResponse, stamp: Stamp) -> Outcome:
        """Return what the channel said."""
        return payments.create_outcome(self._merchant, order, response, stamp)

    def query_request(self, order: ChannelOrder, stamp: Stamp) -> HttpRequest:
        """Return the question what became of the order."""
        return payments.query_request(self._merchant, order.payment_attempt_id, order.created_at)

    def query_outcome(self, order: ChannelOrder, response: HttpResponse, stamp: Stamp) -> Outcome:
        """Return what became of the order."""
        return payments.query_outcome(self._merchant, order.payment_attempt_id, order.amount, response, stamp)

    def close_request(self, order: ChannelOrder, stamp: Stamp) -> HttpRequest:
        """Raise UnsupportedOperationError: an unpaid order ends by its time-out alone."""
        raise UnsupportedOperationError

    def close_outcome(self, order: ChannelOrder, response: HttpResponse, stamp: Stamp) -> Outcome:
        """Raise UnsupportedOperationError."""
        raise UnsupportedOperationError

    def reverse_request(self, order: ChannelOrder, stamp: Stamp) -> HttpRequest:
        """Return the call that cancels an order by scanned code."""
        require(order.method in self._capability.reverses)
        return payments.reverse_request(self._merchant, order)

    def reverse_outcome(self, order: ChannelOrder, response: HttpResponse, stamp: Stamp) -> Outcome:
        """Return whether the reversal is accepted."""
        return payments.accepted_outcome(self._merchant, order.payment_attempt_id, response, stamp)

    def refund_request(self, refund: Refund, stamp: Stamp) -> HttpRequest:
        """Return the call that gives back."""
        return payments.refund_request(self._merchant, refund)

    def refund_outcome(self, refund: Refund, response: HttpResponse, stamp: Stamp) -> Outcome:
        """Return whether the refund is accepted."""
        return payments.accepted_outcome(self._merchant, refund.refund_id, response, stamp)

    def query_refund_request(self, refund: Refund, stamp: Stamp) -> HttpRequest:
        """Return the question what became of the refund."""
        return payments.query_request(self._merchant, refund.refund_id, refund.created_at)

    def query_refund_outcome(self, refund: Refund, response: HttpResponse, stamp: Stamp) -> Outcome:
        """Return what became of the refund."""
        return payments.query_outcome(self._merchant, refund.refund_id, refund.amount, response, stamp)

    def verify_notification(self, notification: HttpNotification, now: datetime) -> Notification:
        """Return what a notification says. Raises NotificationRefusedError."""
        return payments.read_notification(self._merchant, notification, now)

    def notification_answer(self, *, accepted: bool) -> HttpResponse:
        """Return 200, or another status, after which UnionPay sends again."""
        return HttpResponse(status=200 if accepted else 500, headers={"content-type": "text/plain"}, body=b"ok")

    def bill_request(self, order: BillOrder, stamp: Stamp) -> HttpRequest:
        """Return the call that fetches a settlement day's file. Raises UnsupportedOperationError for a fund bill."""
        return bills.bill_request(self._merchant, order, stamp)

    def bill_link(
        self, order: BillOrder, response: HttpResponse, stamp: Stamp
    ) -> BillLink | NoBill | BillNotReady | Failed | Unknown:
        """Return the packed file, which comes with the reply, or that there is none, or none yet."""
        ready_at = self._capability.bill_ready_at(order.day)
        return bills.bill_link(self._merchant, order, ready_at, response, stamp)

    def bill_download(self, link: BillLink, stamp: Stamp) -> HttpRequest:
        """Raise UnsupportedOperationError: the file came with the reply."""
        raise UnsupportedOperationError

    def read_bill(self, link: BillLink, content: bytes) -> TradeBill:
        """Return the bill. Raises BillRefusedError."""
        return bills.read_bill(self._merchant, link.order.day, content)
