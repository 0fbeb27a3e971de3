"""The contract every channel's adapter fulfils: pairs of pure functions, values to request and response to outcome.

No method here reads a clock, draws a number or opens a socket; the same arguments give the same request, byte for byte.
Methods that sign take about a millisecond. An ``…_outcome`` never raises for what a channel may send: what cannot be
verified or read is ``Unknown``.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from pycore.channels.bill import BillLink, BillNotReady, BillOrder, FundBill, NoBill, TradeBill
from pycore.channels.capability import Capability
from pycore.channels.message import HttpNotification, HttpRequest, HttpResponse, Stamp
from pycore.channels.notification import Notification
from pycore.channels.order import ChannelOrder
from pycore.channels.outcome import Failed, Outcome, RequiresAction, Unknown
from pycore.channels.refund import Refund


class Adapter(Protocol):
    """One account at one channel. Requests raise UnsupportedOperationError where the capability record says so."""

    @property
    def capability(self) -> Capability:
        """What the channel can do."""
        ...

    def create_request(self, order: ChannelOrder, stamp: Stamp) -> HttpRequest | RequiresAction:
        """Return the call that makes the order; the action itself where the payer's device makes the call."""
        ...

    def create_outcome(self, order: ChannelOrder, response: HttpResponse, stamp: Stamp) -> Outcome:
        """Return what the channel said to ``create``."""
        ...

    def query_request(self, order: ChannelOrder, stamp: Stamp) -> HttpRequest:
        """Return the question what became of the order."""
        ...

    def query_outcome(self, order: ChannelOrder, response: HttpResponse, stamp: Stamp) -> Outcome:
        """Return what became of the order: ``Succeeded`` only with its amount and currency."""
        ...

    def close_request(self, order: ChannelOrder, stamp: Stamp) -> HttpRequest:
        """Return the call that closes an unpaid order."""
        ...

    def close_outcome(self, order: ChannelOrder, response: HttpResponse, stamp: Stamp) -> Outcome:
        """Return what the channel said: after ``Succeeded`` the order cannot be paid any more."""
        ...

    def reverse_request(self, order: ChannelOrder, stamp: Stamp) -> HttpRequest:
        """Return the call that cancels an order whose outcome is unknown; were it paid, the payer gets it back."""
        ...

    def reverse_outcome(self, order: ChannelOrder, response: HttpResponse, stamp: Stamp) -> Outcome:
        """Return what the channel said: after ``Succeeded`` nothing of the order remains."""
        ...

    def refund_request(self, refund: Refund, stamp: Stamp) -> HttpRequest:
        """Return the call that gives back; sent again with the same number it gives back once."""
        ...

    def refund_outcome(self, refund: Refund, response: HttpResponse, stamp: Stamp) -> Outcome:
        """Return what the channel said: accepted is ``Pending``, only done is ``Succeeded``."""
        ...

    def query_refund_request(self, refund: Refund, stamp: Stamp) -> HttpRequest:
        """Return the question what became of the refund."""
        ...

    def query_refund_outcome(self, refund: Refund, response: HttpResponse, stamp: Stamp) -> Outcome:
        """Return what became of the refund."""
        ...

    def verify_notification(self, notification: HttpNotification, now: datetime) -> Notification:
        """Return what a notification says once its raw bytes are verified and it is for our merchant and app.

        Raises NotificationRefusedError.
        """
        ...

    def notification_answer(self, *, accepted: bool) -> HttpResponse:
        """Return the answer that ends the notifying (``accepted``: it is durable here) or asks for it again."""
        ...

    def bill_request(self, order: BillOrder, stamp: Stamp) -> HttpRequest:
        """Return the call that asks for a day's bill."""
        ...

    def bill_link(
        self, order: BillOrder, response: HttpResponse, stamp: Stamp
    ) -> BillLink | NoBill | BillNotReady | Failed | Unknown:
        """Return where the bill lies, or which of three it is: there is none, it is not ready, the channel failed."""
        ...

    def bill_download(self, link: BillLink, stamp: Stamp) -> HttpRequest:
        """Return the call that fetches the bill. Raises NotTrustedError for a link to elsewhere."""
        ...

    def read_bill(self, link: BillLink, content: bytes) -> TradeBill | FundBill:
        """Return the bill, whole and with totals that agree. Raises BillRefusedError."""
        ...
