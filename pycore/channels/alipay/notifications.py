"""Notifications: a form whose fields, but ``sign`` and ``sign_type``, are signed.

The signature carries no fresh time (Alipay repeats a notification for a day), so a replay is told by its number; the
caller books a transaction once.

What is signed is one text, ``name=value`` joined by ``&``, in which nothing is quoted. A text that Alipay really signed
may hold a title with ``&`` and ``=`` in it, and be cut at other places into another form. So only a form is read whose
text can be cut in no other way: no value has one of the two marks, and each name is one that Alipay documents.
"""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta, Struct

from pycore.channels import strict_json
from pycore.channels.alipay.charset import codec_of
from pycore.channels.alipay.merchant import AlipayMerchant
from pycore.channels.alipay.payments import state_outcome, yuan
from pycore.channels.failure import NotificationRefusedError, NotTrustedError
from pycore.channels.form import read_form, sorted_text
from pycore.channels.message import HttpNotification
from pycore.channels.notification import Notification
from pycore.channels.outcome import Outcome, Succeeded
from pycore.channels.strict_json import Id, Text
from pycore.money import Amount

_UNSIGNED: Final = ("sign", "sign_type")
_DOCUMENTED: Final = """
    additional_status app_id auth_app_id bank_ack_time biz_settle_mode body business_params buyer_id buyer_logon_id
    buyer_open_id buyer_pay_amount buyer_user_type charge_amount charge_flags charset credit_biz_order_id
    credit_pay_mode
    dback_amount dback_status discount_amount discount_goods_detail est_bank_receipt_time fund_bill_list gmt_close
    gmt_create gmt_payment gmt_refund invoice_amount mdiscount_amount merchant_app_id notify_action_type notify_id
    notify_time notify_type operator_id out_biz_no out_trade_no passback_params pay_amount pay_currency point_amount
    receipt_amount receipt_currency_type refund_fee refund_reason refund_status seller_email seller_id send_back_fee
    settle_amount settle_currency settle_trans_rate settlement_id store_id store_name subject terminal_id total_amount
    trade_no trade_status trans_currency trans_pay_rate version voucher_detail_list
"""
_NAMES: Final = frozenset(_DOCUMENTED.split())
"""The signed fields of a trade's notifications.

Source: Alipay open platform, "asynchronous notification" of the payment products, and what public clients read.
"""


class _Notified(Struct):
    notify_id: Annotated[str, Meta(pattern=r"^[!-~]{1,128}\Z")]
    app_id: Id
    seller_id: Id
    out_trade_no: Id
    trade_no: Id
    trade_status: Id
    total_amount: Id
    trans_currency: Id = "CNY"
    gmt_payment: Text | None = None
    refund_fee: Id | None = None


def read_notification(merchant: AlipayMerchant, notification: HttpNotification) -> Notification:
    """Return what a notification says. Raises NotificationRefusedError."""
    try:
        fields = _signed_fields(merchant, notification.body)
        notified = strict_json.convert(fields, _Notified)
        if notified.app_id != merchant.app_id:
            raise NotTrustedError("other_app")
        if notified.seller_id != merchant.seller_id:
            raise NotTrustedError("other_merchant")
        outcome = state_outcome(
            notified.trade_status,
            notified.trade_no,
            notified.total_amount,
            notified.trans_currency,
            notified.gmt_payment,
        )
        return Notification(
            notification_id=notified.notify_id,
            payment_attempt_id=notified.out_trade_no,
            transaction_id=notified.trade_no,
            outcome=outcome,
            total_refunded=_total_refunded(notified, outcome),
        )
    except NotTrustedError as error:
        raise NotificationRefusedError(error.code) from None


def _total_refunded(notified: _Notified, outcome: Outcome) -> Amount | None:
    """Return what went back in all, whoever asked for it: a refund made by hand at Alipay's has no number of ours.

    ``refund_fee`` is the sum of all refunds of the trade, not the last one's amount. Raises NotTrustedError.
    """
    if not isinstance(outcome, Succeeded) or outcome.amount is None:
        return None
    if notified.refund_fee is None:
        return outcome.amount if outcome.is_given_back else None
    total = yuan(notified.refund_fee, notified.trans_currency)
    if not 0 <= total.minor <= outcome.amount.minor:
        raise NotTrustedError("bad_amount")
    return total


def _signed_fields(merchant: AlipayMerchant, body: bytes) -> dict[str, str]:
    """Return the fields once they are proven, in the alphabet they name. Raises NotTrustedError."""
    # An alphabet's name is ASCII in every alphabet, and each byte is a letter in this one.
    codec = codec_of(read_form(body, "latin-1").get("charset", "utf-8"))
    fields = read_form(body, codec)
    if fields.get("sign_type") != "RSA2" or "sign" not in fields:
        raise NotTrustedError("not_signed")
    signed = {name: value for name, value in fields.items() if name not in _UNSIGNED}
    text = sorted_text(signed)
    merchant.platform_key.verify(text.encode(codec), fields["sign"])
    if any(mark in value for value in signed.values() for mark in "&=") or not signed.keys() <= _NAMES:
        raise NotTrustedError("ambiguous")
    return signed
