"""WeChat Pay as an adapter: APIv3, and the older XML calls for scanned codes."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from pycore.channels.bill import BillLink, BillNotReady, BillOrder, FundBill, NoBill, TradeBill
from pycore.channels.capability import Capability, load_capability
from pycore.channels.failure import require
from pycore.channels.message import HttpNotification, HttpRequest, HttpResponse, Stamp
from pycore.channels.notification import Notification
from pycore.channels.order import ChannelOrder, Method
from pycore.channels.outcome import Failed, Outcome, Unknown
from pycore.channels.refund import Refund
from pycore.channels.wechat import bills, codepay, micropay, notifications, payments, refunds
from pycore.channels.wechat.merchant import ScansOver, WeChatMerchant

_REFUSED: Final = b'{"code":"FAIL","message":"not accepted"}'


class WeChatAdapter:
    """One merchant's account at WeChat Pay; see ``pycore.channels.adapter`` for what each method promises."""

    def __init__(self, merchant: WeChatMerchant) -> None:
        self._merchant = merchant
        self._capability = _capability(merchant)

    @property
    def capability(self) -> Capability:
        """What the channel can do."""
        return self._capability

    def create_request(self, order: ChannelOrder, stamp: Stamp) -> HttpRequest:
        """Return the call that makes the order, or charges a scanned code."""
        if self._is_over_v2(order):
            return micropay.create_request(self._merchant, order, stamp)
        if order.method is Method.BAR_CODE:
            require(order.method in self._capability.methods)
            return codepay.create_request(self._merchant, order, stamp)
        return payments.create_request(self._merchant, order, stamp)

    def create_outcome(self, order: ChannelOrder, response: HttpResponse, stamp: Stamp) -> Outcome:
        """Return what the channel said."""
        if self._is_over_v2(order):
            return micropay.create_outcome(self._merchant, order, response)
        if order.method is Method.BAR_CODE:
            return codepay.create_outcome(self._merchant, order, response, stamp)
        return payments.create_outcome(self._merchant, order, response, stamp)

    def query_request(self, order: ChannelOrder, stamp: Stamp) -> HttpRequest:
        """Return the question what became of the order."""
        if self._is_over_v2(order):
            return micropay.query_request(self._merchant, order, stamp)
        return payments.query_request(self._merchant, order, stamp)

    def query_outcome(self, order: ChannelOrder, response: HttpResponse, stamp: Stamp) -> Outcome:
        """Return what became of the order."""
        if self._is_over_v2(order):
            return micropay.query_outcome(self._merchant, order, response)
        return payments.query_outcome(self._merchant, order, response, stamp)

    def close_request(self, order: ChannelOrder, stamp: Stamp) -> HttpRequest:
        """Return the call that closes an unpaid order."""
        require(order.method in self._capability.closes)
        return payments.close_request(self._merchant, order, stamp)

    def close_outcome(self, order: ChannelOrder, response: HttpResponse, stamp: Stamp) -> Outcome:
        """Return whether the order is closed."""
        return payments.close_outcome(self._merchant, response, stamp)

    def reverse_request(self, order: ChannelOrder, stamp: Stamp) -> HttpRequest:
        """Return the call that cancels an order by scanned code."""
        require(order.method in self._capability.reverses)
        if self._is_over_v2(order):
            return micropay.reverse_request(self._merchant, order, stamp)
        return codepay.reverse_request(self._merchant, order, stamp)

    def reverse_outcome(self, order: ChannelOrder, response: HttpResponse, stamp: Stamp) -> Outcome:
        """Return whether nothing of the order remains."""
        if self._is_over_v2(order):
            return micropay.reverse_outcome(self._merchant, response)
        return codepay.reverse_outcome(self._merchant, response, stamp)

    def refund_request(self, refund: Refund, stamp: Stamp) -> HttpRequest:
        """Return the call that gives back."""
        return refunds.refund_request(self._merchant, refund, stamp)

    def refund_outcome(self, refund: Refund, response: HttpResponse, stamp: Stamp) -> Outcome:
        """Return what the channel said."""
        return refunds.refund_outcome(self._merchant, refund, response, stamp)

    def query_refund_request(self, refund: Refund, stamp: Stamp) -> HttpRequest:
        """Return the question what became of the refund."""
        return refunds.query_refund_request(self._merchant, refund, stamp)

    def query_refund_outcome(self, refund: Refund, response: HttpResponse, stamp: Stamp) -> Outcome:
        """Return what became of the refund."""
        return refunds.refund_outcome(self._merchant, refund, response, stamp, question=True)

    def verify_notification(self, notification: HttpNotification, now: datetime) -> Notification:
        """Return what a notification says. Raises NotificationRefusedError."""
        return notifications.read_notification(self._merchant, notification, now)

    def notification_answer(self, *, accepted: bool) -> HttpResponse:
        """Return 204, or a refusal after which the channel sends again."""
        if accepted:
            return HttpResponse(status=204)
        return HttpResponse(status=400, headers={"content-type": "application/json"}, body=_REFUSED)

    def bill_request(self, order: BillOrder, stamp: Stamp) -> HttpRequest:
        """Return the call that asks for a day's bill."""
        return bills.bill_request(self._merchant, order, stamp)

    def bill_link(
        self, order: BillOrder, response: HttpResponse, stamp: Stamp
    ) -> BillLink | NoBill | BillNotReady | Failed | Unknown:
        """Return where the bill lies."""
        return bills.bill_link(self._merchant, order, response, stamp)

    def bill_download(self, link: BillLink, stamp: Stamp) -> HttpRequest:
        """Return the call that fetches the bill. Raises NotTrustedError."""
        return bills.bill_download(self._merchant, link, stamp)

    def read_bill(self, link: BillLink, content: bytes) -> TradeBill | FundBill:
        """Return the bill. Raises BillRefusedError."""
        return bills.read_bill(self._merchant, link, content)

    def _is_over_v2(self, order: ChannelOrder) -> bool:
        return order.method is Method.BAR_CODE and self._merchant.scans_over is ScansOver.V2


def _capability(merchant: WeChatMerchant) -> Capability:
    """Return what this account can do: no scanned codes without a way to charge them and to take them back."""
    listed = load_capability(__package__)
    if merchant.scans_over is None:
        scanned = frozenset({Method.BAR_CODE})
        return msgspec.structs.replace(listed, methods=listed.methods - scanned, reverses=listed.reverses - scanned)
    if merchant.scans_over is ScansOver.V2:
        return msgspec.structs.replace(listed, titles=(*listed.titles, micropay.TITLE))
    return listed
