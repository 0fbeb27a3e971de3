"""Notifications of APIv3: verified over raw bytes, then decrypted, then read."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct

from pycore.channels import strict_json
from pycore.channels.failure import NotificationRefusedError, NotTrustedError
from pycore.channels.message import HttpNotification
from pycore.channels.notification import Notification
from pycore.channels.strict_json import Id, Text
from pycore.channels.wechat.exchange import Fen
from pycore.channels.wechat.merchant import WeChatMerchant
from pycore.channels.wechat.payments import Transaction, check_ours, transaction_outcome
from pycore.channels.wechat.refunds import state_outcome
from pycore.channels.wechat.signature import decrypt, verify


class _Resource(Struct):
    algorithm: Literal["AEAD_AES_256_GCM"]
    ciphertext: str
    nonce: Id
    associated_data: Text = ""


class _Envelope(Struct):
    id: Id
    event_type: Id
    resource_type: Literal["encrypt-resource"]
    resource: _Resource


class _RefundAmount(Struct):
    refund: Fen
    total: Fen
    currency: Id = "CNY"  # refund notifications name none: domestic refunds are in yuan


class _RefundEvent(Struct):
    mchid: Id
    out_trade_no: Id
    out_refund_no: Id
    refund_id: Id
    refund_status: Id
    amount: _RefundAmount
    success_time: Text | None = None


def read_notification(merchant: WeChatMerchant, notification: HttpNotification, now: datetime) -> Notification:
    """Return what a notification says. Raises NotificationRefusedError."""
    try:
        verify(notification.headers, notification.body, merchant.platform_keys, now)
        envelope = strict_json.read(notification.body, _Envelope)
        resource = envelope.resource
        plain = decrypt(
            merchant.api_v3_key,
            nonce=resource.nonce,
            associated_data=resource.associated_data,
            ciphertext=resource.ciphertext,
        )
        if envelope.event_type.startswith("TRANSACTION."):
            return _payment(merchant, envelope.id, plain)
        if envelope.event_type.startswith("REFUND."):
            return _refund(merchant, envelope.id, plain)
        raise NotTrustedError("unknown_event")
    except NotTrustedError as error:
        raise NotificationRefusedError(error.code) from None


def _payment(merchant: WeChatMerchant, notification_id: str, plain: bytes) -> Notification:
    transaction = strict_json.read(plain, Transaction)
    check_ours(merchant, transaction)
    return Notification(
        notification_id=notification_id,
        payment_attempt_id=transaction.out_trade_no,
        transaction_id=transaction.transaction_id or "",
        outcome=transaction_outcome(transaction),
    )


def _refund(merchant: WeChatMerchant, notification_id: str, plain: bytes) -> Notification:
    event = strict_json.read(plain, _RefundEvent)
    if event.mchid != merchant.merchant_id:
        raise NotTrustedError("other_merchant")
    amount = event.amount
    return Notification(
        notification_id=notification_id,
        payment_attempt_id=event.out_trade_no,
        refund_id=event.out_refund_no,
        transaction_id=event.refund_id,
        outcome=state_outcome(event.refund_status, event.refund_id, amount.refund, amount.currency, event.success_time),
    )
