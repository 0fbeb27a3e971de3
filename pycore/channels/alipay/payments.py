"""Orders: precreate, scanned code, pages and app; query, close and cancel. The same for both wire forms."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

from msgspec import Struct

from pycore.channels import scanned_code, strict_json
from pycore.channels.alipay.gateway import signed_parameters
from pycore.channels.alipay.merchant import AlipayMerchant
from pycore.channels.alipay.reply import NOT_FOUND, AlipayReply
from pycore.channels.clock import WORDS, read_time, write_time
from pycore.channels.failure import NotTrustedError, UnsupportedOperationError
from pycore.channels.message import Stamp
from pycore.channels.order import ChannelOrder, Method
from pycore.channels.outcome import (
    CallApp,
    OpenPage,
    Outcome,
    Pending,
    ReasonClass,
    RequiresAction,
    ShowCode,
    Succeeded,
    Unknown,
    answer,
    failed,
)
from pycore.channels.strict_json import Id, Link, Text
from pycore.money import CNY, Amount

CREATE_METHODS: Final = {
    Method.QR_CODE: "alipay.trade.precreate",
    Method.BAR_CODE: "alipay.trade.pay",
    Method.PAGE: "alipay.trade.page.pay",
    Method.H5: "alipay.trade.wap.pay",
    Method.APP: "alipay.trade.app.pay",
}
QUERY: Final = "alipay.trade.query"
CLOSE: Final = "alipay.trade.close"
CANCEL: Final = "alipay.trade.cancel"

_PRODUCTS: Final = {
    Method.BAR_CODE: "FACE_TO_FACE_PAYMENT",
    Method.PAGE: "FAST_INSTANT_TRADE_PAY",
    Method.H5: "QUICK_WAP_WAY",
    Method.APP: "QUICK_MSECURITY_PAY",
}
_PAGES: Final = frozenset({Method.PAGE, Method.H5})
"""What a browser opens: the desktop's product on a desktop, the phone's on a phone. Neither is good for the other."""
TAKEN_THERE: Final = _PAGES | {Method.APP}
"""Orders the payer's own device takes to Alipay."""
_AUTH_CODE: Final = scanned_code.PATTERNS["alipay"]


class _Created(Struct):
    out_trade_no: Id
    qr_code: Link


class _Trade(Struct):
    out_trade_no: Id
    trade_no: Id
    total_amount: Id
    trade_status: Id | None = None
    gmt_payment: Text | None = None
    send_pay_date: Text | None = None
    trans_currency: Id = "CNY"


class _Cancelled(Struct):
    out_trade_no: Id
    retry_flag: Id = "N"


class _Named(Struct):
    out_trade_no: Id


def content(order: ChannelOrder) -> dict[str, Any]:
    """Return the order as ``biz_content``. Raises UnsupportedOperationError for a code of another channel."""
    fields: dict[str, Any] = {
        "out_trade_no": order.payment_attempt_id,
        "total_amount": order.amount.text,
        "subject": order.subject,
        "time_expire": write_time(order.expires_at, WORDS),
    }
    if order.method in _PRODUCTS:
        fields["product_code"] = _PRODUCTS[order.method]
    if order.method is Method.BAR_CODE:
        code = order.payer.auth_code
        if code is None or not _AUTH_CODE.fullmatch(code.reveal()):
            raise UnsupportedOperationError("an Alipay payment code begins with 25 to 30 and has 16 to 24 digits")
        fields |= {"scene": "bar_code", "auth_code": code.reveal()}
    if order.method is Method.H5 and order.return_url is not None:
        fields["quit_url"] = order.return_url
    return fields


def page_or_app(merchant: AlipayMerchant, order: ChannelOrder, stamp: Stamp) -> RequiresAction:
    """Return the signed order the payer's browser or app takes to Alipay itself: nothing is sent by us."""
    parameters = signed_parameters(
        merchant,
        CREATE_METHODS[order.method],
        content(order),
        stamp,
        notify_url=order.notify_url,
        return_url=order.return_url if order.method in _PAGES else None,
    )
    if order.method in _PAGES:
        return RequiresAction(OpenPage(f"{merchant.gateway}?{urlencode(parameters)}"))
    return RequiresAction(CallApp({"orderString": urlencode(parameters)}))


def created_outcome(order: ChannelOrder, reply: AlipayReply) -> Outcome:
    """Return what the payer must do, or for a scanned code whether it was charged. Raises NotTrustedError."""
    if order.method is Method.BAR_CODE:
        return charged_outcome(order, reply)
    if not reply.succeeded:
        return reply.refusal()
    created = strict_json.convert(reply.fields, _Created)
    _check_order(created.out_trade_no, order)
    return RequiresAction(ShowCode(created.qr_code))


def charged_outcome(order: ChannelOrder, reply: AlipayReply) -> Outcome:
    """Return whether a scanned code was charged: success without a time of payment is none. Raises NotTrustedError."""
    if not reply.succeeded:
        return reply.refusal()
    trade = strict_json.convert(reply.fields, _Trade)
    return _checked(order, trade, "WAIT_BUYER_PAY" if trade.gmt_payment is None else "TRADE_SUCCESS", trade.gmt_payment)


def trade_outcome(order: ChannelOrder, reply: AlipayReply) -> Outcome:
    """Return what became of the order, as a query tells it. Raises NotTrustedError."""
    if not reply.succeeded:
        return answer(reply.refusal(), not_found=NOT_FOUND)
    trade = strict_json.convert(reply.fields, _Trade)
    if trade.trade_status is None:
        raise NotTrustedError("wrong_fields")
    return _checked(order, trade, trade.trade_status, trade.send_pay_date)


def _checked(order: ChannelOrder, trade: _Trade, state: str, paid_at: str | None) -> Outcome:
    _check_order(trade.out_trade_no, order)
    found = state_outcome(state, trade.trade_no, trade.total_amount, trade.trans_currency, paid_at)
    if isinstance(found, Succeeded) and found.amount != order.amount:
        return Unknown("other_amount")
    return found


def state_outcome(state: str, trade_no: str, total: str, currency: str, paid_at: str | None) -> Outcome:
    """Return what a trade's state means. Raises NotTrustedError for one nobody knows.

    ``TRADE_CLOSED`` is two things: never paid, or paid and wholly refunded. The time of payment tells them apart.
    """
    if state == "WAIT_BUYER_PAY":
        return Pending(state)
    if state in {"TRADE_SUCCESS", "TRADE_FINISHED"} or (state == "TRADE_CLOSED" and paid_at):
        at = read_time(paid_at, WORDS) if paid_at else None
        given_back = state == "TRADE_CLOSED"
        return Succeeded(transaction_id=trade_no, amount=yuan(total, currency), at=at, is_given_back=given_back)
    if state == "TRADE_CLOSED":
        return failed(ReasonClass.FINAL, state)
    raise NotTrustedError("unknown_state")


def closed_outcome(order: ChannelOrder, reply: AlipayReply) -> Outcome:
    """Return whether the order is closed. Raises NotTrustedError."""
    if not reply.succeeded:
        return reply.refusal()
    _check_order(strict_json.convert(reply.fields, _Named).out_trade_no, order)
    return Succeeded()


def cancelled_outcome(order: ChannelOrder, reply: AlipayReply) -> Outcome:
    """Return whether the order is cancelled (``retry_flag`` Y: call again). Raises NotTrustedError."""
    if not reply.succeeded:
        return reply.refusal()
    cancelled = strict_json.convert(reply.fields, _Cancelled)
    _check_order(cancelled.out_trade_no, order)
    return Succeeded() if cancelled.retry_flag == "N" else Unknown("retry_flag")


def yuan(text: str, currency: str = "CNY") -> Amount:
    """Return an amount of a reply. Raises NotTrustedError unless it is exact and in yuan."""
    if currency != CNY.code:
        raise NotTrustedError("other_currency")
    try:
        return Amount.from_text(text, CNY)
    except ValueError:
        raise NotTrustedError("bad_amount") from None


def _check_order(out_trade_no: str, order: ChannelOrder) -> None:
    if out_trade_no != order.payment_attempt_id:
        raise NotTrustedError("other_order")
