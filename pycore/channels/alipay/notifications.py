"""Notifications: a form whose fields, but ``sign`` and ``sign_type``, are signed.

The signature carries no fresh time (Alipay repeats a notification for a day), so a replay is told by its number; the
caller books a transaction once.
"""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta, Struct

from pycore.channels import strict_json
from pycore.channels.alipay.merchant import AlipayMerchant
from pycore.channels.alipay.payments import state_outcome
from pycore.channels.failure import NotificationRefusedError, NotTrustedError
from pycore.channels.form import read_form, sorted_text
from pycore.channels.message import HttpNotification
from pycore.channels.notification import Notification
from pycore.channels.strict_json import Id, Text

_UNSIGNED: Final = ("sign", "sign_type")


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


def read_notification(merchant: AlipayMerchant, notification: HttpNotification) -> Notification:
    """Return what a notification says. Raises NotificationRefusedError."""
    try:
        fields = read_form(notification.body)
        if fields.get("sign_type") != "RSA2" or "sign" not in fields:
            raise NotTrustedError("not_signed")
        merchant.platform_key.verify(sorted_text(fields, without=_UNSIGNED).encode(), fields["sign"])
        notified = strict_json.convert(fields, _Notified)
        if notified.app_id != merchant.app_id:
            raise NotTrustedError("other_app")
        if notified.seller_id != merchant.seller_id:
            raise NotTrustedError("other_merchant")
        return Notification(
            notification_id=notified.notify_id,
            payment_attempt_id=notified.out_trade_no,
            transaction_id=notified.trade_no,
            outcome=state_outcome(
                notified.trade_status,
                notified.trade_no,
                notified.total_amount,
                notified.trans_currency,
                notified.gmt_payment,
            ),
        )
    except NotTrustedError as error:
        raise NotificationRefusedError(error.code) from None
