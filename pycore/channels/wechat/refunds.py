"""Refunds of APIv3, also of orders paid by a scanned code."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from pycore.channels.clock import read_iso_time
from pycore.channels.failure import NotTrustedError
from pycore.channels.message import HttpRequest, HttpResponse, Stamp
from pycore.channels.outcome import (
    HandleByHand,
    Outcome,
    Pending,
    ReasonClass,
    RequiresAction,
    Succeeded,
    Unknown,
    failed,
)
from pycore.channels.refund import Refund
from pycore.channels.strict_json import Id, Text
from pycore.channels.wechat import exchange
from pycore.channels.wechat.exchange import Fen
from pycore.channels.wechat.merchant import WeChatMerchant
from pycore.channels.wechat.payments import amount_of

_PATH = "/v3/refund/domestic/refunds"


class _Amount(Struct):
    refund: Fen
    total: Fen
    currency: Id = "CNY"


class _Refund(Struct):
    refund_id: Id
    out_refund_no: Id
    out_trade_no: Id
    status: Id
    amount: _Amount
    success_time: Text | None = None


def refund_request(merchant: WeChatMerchant, refund: Refund, stamp: Stamp) -> HttpRequest:
    """Return the call that gives back."""
    fields: dict[str, Any] = {
        "out_trade_no": refund.order.payment_attempt_id,
        "out_refund_no": refund.refund_id,
        "reason": refund.reason,
        "notify_url": refund.notify_url,
        "amount": {
            "refund": refund.amount.minor,
            "total": refund.order.amount.minor,
            "currency": refund.amount.currency.code,
        },
    }
    return exchange.request(merchant, stamp, "POST", _PATH, {name: value for name, value in fields.items() if value})


def query_refund_request(merchant: WeChatMerchant, refund: Refund, stamp: Stamp) -> HttpRequest:
    """Return the question what became of the refund."""
    return exchange.request(merchant, stamp, "GET", f"{_PATH}/{refund.refund_id}")


def refund_outcome(
    merchant: WeChatMerchant, refund: Refund, response: HttpResponse, stamp: Stamp, *, question: bool = False
) -> Outcome:
    """Return what became of the refund, after either call; ``question`` is the second."""

    def judge(reply: _Refund) -> Outcome:
        if (reply.out_refund_no, reply.out_trade_no) != (refund.refund_id, refund.order.payment_attempt_id):
            raise NotTrustedError("other_order")
        if amount_of(reply.amount.refund, reply.amount.currency) != refund.amount:
            return Unknown("other_amount")
        amount = reply.amount
        return state_outcome(reply.status, reply.refund_id, amount.refund, amount.currency, reply.success_time)

    return exchange.outcome(merchant, response, stamp, _Refund, judge, question=question)


def state_outcome(state: str, refund_id: str, minor: int, currency: str, success_time: str | None) -> Outcome:
    """Return what a refund's state means. Raises NotTrustedError for one nobody knows."""
    if state == "SUCCESS":
        at = None if success_time is None else read_iso_time(success_time)
        return Succeeded(transaction_id=refund_id, amount=amount_of(minor, currency), at=at)
    if state == "PROCESSING":
        return Pending(state)
    if state == "CLOSED":
        return failed(ReasonClass.FINAL, state)
    if state == "ABNORMAL":
        # The money left us and did not reach the payer's card: neither done nor back.
        return RequiresAction(HandleByHand("refund_abnormal"))
    raise NotTrustedError("unknown_state")
