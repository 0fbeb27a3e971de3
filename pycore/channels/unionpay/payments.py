"""Orders (QR code, scanned code, quick pay), refunds, questions and notifications of 5.1.0."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from pycore.channels import scanned_code
from pycore.channels.clock import DIGITS, read_time, write_time
from pycore.channels.failure import NotificationRefusedError, NotTrustedError, UnsupportedOperationError
from pycore.channels.form import read_form
from pycore.channels.message import HttpNotification, HttpRequest, HttpResponse, Stamp
from pycore.channels.notification import Notification
from pycore.channels.order import ChannelOrder, Method
from pycore.channels.outcome import Outcome, Pending, RequiresAction, ShowCode, SubmitForm, Succeeded, Unknown, answer
from pycore.channels.refund import Refund
from pycore.channels.unionpay import exchange
from pycore.channels.unionpay.merchant import UnionPayMerchant
from pycore.channels.unionpay.reasons import NOT_FOUND, SUCCESS, refusal
from pycore.channels.unionpay.signature import verify
from pycore.money import CNY, Amount

_QR_CODE: Final = ("01", "07", "000000")
_SCANNED: Final = ("01", "06", "000000")
_QUICK_PAY: Final = ("01", "01", "000201")
_QUERY: Final = ("00", "00", "000000")
_REVERSE: Final = ("99", "01", "000000")
_REFUND: Final = ("04", "00", "000000")
_PAYMENT_TYPE, _REFUND_TYPE = "01", "04"

_AUTH_CODE: Final = scanned_code.PATTERNS["unionpay"]
_SHOWN: Final = re.compile(r"[!-~]{1,512}")
_NUMBER: Final = re.compile(r"[0-9A-Za-z]{1,32}")
_FEN: Final = re.compile(r"0|[1-9][0-9]{0,11}")


def create_request(merchant: UnionPayMerchant, order: ChannelOrder) -> HttpRequest | RequiresAction:
    """Return the call that makes the order; for quick pay the form the payer's browser posts.

    Raises UnsupportedOperationError for a code of another channel.
    """
    fields = {
        "channelType": "08",
        "currencyCode": exchange.CURRENCY,
        "txnAmt": str(order.amount.minor),
        "backUrl": order.notify_url,
        "payTimeout": write_time(order.expires_at, DIGITS),
    }
    if order.method is Method.PAGE:
        fields |= {"channelType": "07", "frontUrl": order.return_url or ""}
        signed = exchange.signed_fields(merchant, _QUICK_PAY, order.payment_attempt_id, order.created_at, fields)
        return RequiresAction(SubmitForm(merchant.gateway + exchange.FRONT, signed))
    kind = _QR_CODE
    if order.method is Method.BAR_CODE:
        code = order.payer.auth_code
        if code is None or not _AUTH_CODE.fullmatch(code.reveal()):
            raise UnsupportedOperationError("a UnionPay payment code begins with 62 and has 19 digits")
        kind = _SCANNED
        fields |= {"qrNo": code.reveal(), "termId": merchant.terminal_id}
    signed = exchange.signed_fields(merchant, kind, order.payment_attempt_id, order.created_at, fields)
    return exchange.post(merchant.gateway + exchange.BACK, signed)


def create_outcome(merchant: UnionPayMerchant, order: ChannelOrder, response: HttpResponse, stamp: Stamp) -> Outcome:
    """Return what the payer must do. A scanned code that is accepted is not charged yet: only a query tells."""

    def judge(fields: Mapping[str, str]) -> Outcome:
        _check_order(fields, order.payment_attempt_id)
        if fields.get("respCode") not in SUCCESS:
            return refusal(fields.get("respCode", ""), fields.get("respMsg", ""))
        if order.method is Method.BAR_CODE:
            return Pending("accepted")
        if not _SHOWN.fullmatch(fields.get("qrCode", "")):
            raise NotTrustedError("wrong_fields")
        return RequiresAction(ShowCode(fields["qrCode"]))

    return exchange.judged(merchant, response, stamp, judge)


def query_request(merchant: UnionPayMerchant, order_id: str, created_at: datetime) -> HttpRequest:
    """Return the question what became of an order or a refund: both are found by number and time of creation."""
    fields = exchange.signed_fields(merchant, _QUERY, order_id, created_at, {})
    return exchange.post(merchant.gateway + exchange.QUERY, fields)


def query_outcome(
    merchant: UnionPayMerchant, order_id: str, expected: Amount, response: HttpResponse, stamp: Stamp
) -> Outcome:
    """Return what became of an order or a refund."""

    def judge(fields: Mapping[str, str]) -> Outcome:
        _check_order(fields, order_id)
        if fields.get("respCode") not in SUCCESS:
            refused = refusal(fields.get("respCode", ""), fields.get("respMsg", ""))
            return answer(refused, not_found=NOT_FOUND)
        if fields.get("origRespCode") not in SUCCESS:
            return refusal(fields.get("origRespCode", ""), fields.get("origRespMsg", ""))
        found = _succeeded(fields)
        return found if found.amount == expected else Unknown("other_amount")

    return exchange.judged(merchant, response, stamp, judge)


def reverse_request(merchant: UnionPayMerchant, order: ChannelOrder) -> HttpRequest:
    """Return the call that cancels an order by scanned code: its own number and time name it."""
    fields = {"channelType": "08", "backUrl": order.notify_url}
    signed = exchange.signed_fields(merchant, _REVERSE, order.payment_attempt_id, order.created_at, fields)
    return exchange.post(merchant.gateway + exchange.BACK, signed)


def refund_request(merchant: UnionPayMerchant, refund: Refund) -> HttpRequest:
    """Return the call that gives back."""
    fields = {
        "channelType": "07",
        "currencyCode": exchange.CURRENCY,
        "txnAmt": str(refund.amount.minor),
        "origQryId": refund.transaction_id,
        "backUrl": refund.notify_url or refund.order.notify_url,
    }
    signed = exchange.signed_fields(merchant, _REFUND, refund.refund_id, refund.created_at, fields)
    return exchange.post(merchant.gateway + exchange.BACK, signed)


def accepted_outcome(merchant: UnionPayMerchant, order_id: str, response: HttpResponse, stamp: Stamp) -> Outcome:
    """Return what was said to a refund or a reversal: accepted is not done, a query or a notification tells."""

    def judge(fields: Mapping[str, str]) -> Outcome:
        _check_order(fields, order_id)
        code = fields.get("respCode", "")
        return Pending("accepted") if code in SUCCESS else refusal(code, fields.get("respMsg", ""))

    return exchange.judged(merchant, response, stamp, judge)


def read_notification(merchant: UnionPayMerchant, notification: HttpNotification, now: datetime) -> Notification:
    """Return what a notification says. Raises NotificationRefusedError."""
    try:
        fields = read_form(notification.body)
        verify(fields, merchant.trust, now)
        if fields.get("merId") != merchant.merchant_id:
            raise NotTrustedError("other_merchant")
        order_id, query_id = fields.get("orderId", ""), fields.get("queryId", "")
        if fields.get("txnType") not in {_PAYMENT_TYPE, _REFUND_TYPE}:
            raise NotTrustedError("unknown_event")
        if not _NUMBER.fullmatch(order_id) or not _NUMBER.fullmatch(query_id):
            raise NotTrustedError("wrong_fields")
        code = fields.get("respCode", "")
        is_refund = fields["txnType"] == _REFUND_TYPE
        return Notification(
            notification_id=f"{fields['txnType']}-{query_id}-{code}",
            payment_attempt_id="" if is_refund else order_id,
            refund_id=order_id if is_refund else None,
            transaction_id=query_id,
            outcome=_succeeded(fields) if code in SUCCESS else refusal(code, fields.get("respMsg", "")),
        )
    except NotTrustedError as error:
        raise NotificationRefusedError(error.code) from None


def _succeeded(fields: Mapping[str, str]) -> Succeeded:
    if fields.get("currencyCode") != exchange.CURRENCY:
        raise NotTrustedError("other_currency")
    if not _FEN.fullmatch(fields.get("txnAmt", "")) or not _NUMBER.fullmatch(fields.get("queryId", "")):
        raise NotTrustedError("wrong_fields")
    amount = Amount(int(fields["txnAmt"]), CNY)
    ordered_at = read_time(fields.get("txnTime", ""), DIGITS)
    at = time_near(fields["traceTime"], ordered_at) if "traceTime" in fields else None
    return Succeeded(transaction_id=fields["queryId"], amount=amount, at=at)


def time_near(text: str, near: datetime) -> datetime:
    """Return the time written as ``MMDDhhmmss`` in the year that brings it closest. Raises NotTrustedError."""
    candidates: list[datetime] = []
    for year in (near.year - 1, near.year, near.year + 1):
        try:
            candidates.append(read_time(f"{year}{text}", DIGITS))
        except NotTrustedError:
            continue  # the 29th of February is in one of four years
    if not candidates:
        raise NotTrustedError("bad_time")
    return min(candidates, key=lambda at: abs(at - near))


def _check_order(fields: Mapping[str, str], order_id: str) -> None:
    if fields.get("orderId") != order_id:
        raise NotTrustedError("other_order")
