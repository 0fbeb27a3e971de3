"""Refunds; the same for both wire forms."""

from __future__ import annotations

from typing import Any, Final

from msgspec import Struct

from pycore.channels import strict_json
from pycore.channels.alipay.payments import yuan
from pycore.channels.alipay.reply import NOT_FOUND, AlipayReply
from pycore.channels.clock import WORDS, read_time
from pycore.channels.failure import NotTrustedError
from pycore.channels.outcome import Outcome, Pending, ReasonClass, Succeeded, Unknown, answer, failed
from pycore.channels.refund import Refund
from pycore.channels.strict_json import Id, Text

REFUND: Final = "alipay.trade.refund"
QUERY: Final = "alipay.trade.fastpay.refund.query"
REFUND_NOT_FOUND: Final = "REFUND_NOT_FOUND"


class _Refunded(Struct):
    out_trade_no: Id
    trade_no: Id
    fund_change: Id = "N"


class _Found(Struct):
    out_trade_no: Id | None = None
    out_request_no: Id | None = None
    trade_no: Id = ""
    refund_status: Id | None = None
    refund_amount: Id | None = None
    gmt_refund_pay: Text | None = None


def refund_content(refund: Refund) -> dict[str, Any]:
    """Return the refund as ``biz_content``."""
    return {
        "out_trade_no": refund.order.payment_attempt_id,
        "trade_no": refund.transaction_id,
        "refund_amount": refund.amount.text,
        "refund_reason": refund.reason,
        "out_request_no": refund.refund_id,
    }


def query_content(refund: Refund) -> dict[str, Any]:
    """Return the question as ``biz_content``."""
    return {
        "out_trade_no": refund.order.payment_attempt_id,
        "out_request_no": refund.refund_id,
        "query_options": ["gmt_refund_pay"],
    }


def refunded_outcome(refund: Refund, reply: AlipayReply) -> Outcome:
    """Return whether money moved. Raises NotTrustedError.

    ``fund_change`` N is also the answer to a refund sent again, so it decides nothing. ``refund_fee`` is the sum of all
    refunds of the order and not looked at.
    """
    if not reply.succeeded:
        return reply.refusal()
    refunded = strict_json.convert(reply.fields, _Refunded)
    if refunded.out_trade_no != refund.order.payment_attempt_id:
        raise NotTrustedError("other_order")
    if refunded.fund_change != "Y":
        return Pending("fund_change_N")
    return Succeeded(transaction_id=refund.refund_id, amount=refund.amount)


def found_outcome(refund: Refund, reply: AlipayReply) -> Outcome:
    """Return what became of the refund. Raises NotTrustedError.

    A refund the channel does not know comes back without fields: sent again with the same number it is done once.
    """
    if not reply.succeeded:
        return answer(reply.refusal(), not_found=NOT_FOUND)
    found = strict_json.convert(reply.fields, _Found)
    if found.refund_status is None and found.refund_amount is None:
        return failed(ReasonClass.RETRY_SAME_ID, REFUND_NOT_FOUND)
    if (found.out_trade_no, found.out_request_no) != (refund.order.payment_attempt_id, refund.refund_id):
        raise NotTrustedError("other_order")
    if found.refund_status != "REFUND_SUCCESS":
        return Pending(found.refund_status or "no_status")
    if found.refund_amount is None:
        raise NotTrustedError("wrong_fields")
    amount = yuan(found.refund_amount)
    if amount != refund.amount:
        return Unknown("other_amount")
    at = read_time(found.gmt_refund_pay, WORDS) if found.gmt_refund_pay else None
    return Succeeded(transaction_id=refund.refund_id, amount=amount, at=at)
