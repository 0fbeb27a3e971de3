"""Events of payments that never were, for merchants who try out how they take them."""

from __future__ import annotations

import time
from typing import Final

import msgspec

from pycore.errors import InvalidStateError
from pycore.events import Event, EventLog, EventType
from pycore.events.event import RESOURCE_PREFIXES, checked_types
from pycore.ids import format_typed_id, new_id
from pycore.ledger import Insertion, Ledger
from pycore.moment import moment
from pycore.payments import tables
from pycore.payments.payment import CaptureMethod, NextAction, PaymentMethod, PaymentStatus, Purpose, RefundStatus
from pycore.payments.record import CUSTOMER_PREFIX, PaymentRecord, RefundRecord
from pycore.payments.wallet import Withdrawal, WithdrawalStatus
from pycore.tenant import Tenant

_AMOUNT: Final = 1999
_CHANNEL: Final = "wechat"
_MINUTES_15: Final = 900 * 10**9
_HELD: Final = frozenset({EventType.PAYMENT_AUTHORIZED, EventType.PAYMENT_PARTIALLY_CAPTURED})
_STATUSES: Final = {
    EventType.PAYMENT_CREATED: PaymentStatus.CREATED,
    EventType.PAYMENT_REQUIRES_ACTION: PaymentStatus.REQUIRES_ACTION,
    EventType.PAYMENT_PROCESSING: PaymentStatus.PROCESSING,
    EventType.PAYMENT_AUTHORIZED: PaymentStatus.AUTHORIZED,
    EventType.PAYMENT_PARTIALLY_CAPTURED: PaymentStatus.AUTHORIZED,
    EventType.PAYMENT_SUCCEEDED: PaymentStatus.SUCCEEDED,
    EventType.PAYMENT_FAILED: PaymentStatus.FAILED,
    EventType.PAYMENT_CANCELED: PaymentStatus.CANCELED,
    EventType.PAYMENT_EXPIRED: PaymentStatus.EXPIRED,
    EventType.PAYMENT_DOUBLE_PAID: PaymentStatus.SUCCEEDED,
    EventType.PAYMENT_UPDATED: PaymentStatus.SUCCEEDED,
}
_REFUND_STATUSES: Final = {
    EventType.REFUND_CREATED: RefundStatus.PENDING,
    EventType.REFUND_SUCCEEDED: RefundStatus.SUCCEEDED,
    EventType.REFUND_FAILED: RefundStatus.FAILED,
    EventType.REFUND_REQUIRES_ACTION: RefundStatus.REQUIRES_ACTION,
}
_WITHDRAWAL_STATUSES: Final = {
    EventType.WITHDRAWAL_REQUESTED: WithdrawalStatus.REQUESTED,
    EventType.WITHDRAWAL_CANCELED: WithdrawalStatus.CANCELED,
}


async def trigger(ledger: Ledger, log: EventLog, tenant: Tenant, type: str) -> Event:
    """Make an event of something that never was, and return it.

    Raises:
        InvalidRequestError: there is no such type.
        InvalidStateError: the tenant is in live mode.
        And as ``Ledger.record``.
    """
    (known,) = checked_types([type], "type")
    if tenant.live:
        raise InvalidStateError("events are made up in test mode only; nothing was recorded: use a test key")
    rows = _sample(tenant, EventType(known))
    await ledger.record([rows])
    return await log.get(tenant, rows.rows[0][0])


def _sample(tenant: Tenant, type: EventType) -> Insertion:
    now = time.time_ns()
    if type in _REFUND_STATUSES:
        return tables.refund_event(type, _refund(tenant, type, now))
    if type in _WITHDRAWAL_STATUSES:
        id = new_id()
        return tables.event(type, tenant, id, msgspec.json.encode(_withdrawal(tenant, type, id, now)), now)
    return tables.payment_event(type, _payment(tenant, type, now))


def _payment(tenant: Tenant, type: EventType, now: int) -> PaymentRecord:
    status = _STATUSES[type]
    captured = _AMOUNT if status is PaymentStatus.SUCCEEDED else 0
    return PaymentRecord(
        id=new_id(),
        tenant=tenant,
        merchant_reference=f"sample-{now}",
        status=status,
        purpose=Purpose.PURCHASE,
        amount=_AMOUNT,
        currency="CNY",
        amount_captured=_AMOUNT // 2 if type is EventType.PAYMENT_PARTIALLY_CAPTURED else captured,
        capture_method=CaptureMethod.MANUAL if type in _HELD else CaptureMethod.AUTOMATIC,
        method=PaymentMethod.QR_CODE,
        channel=_CHANNEL,
        subject="A sample",
        next_action=NextAction(type="show_code", content="weixin://wxpay/bizpayurl?pr=sample")
        if status is PaymentStatus.REQUIRES_ACTION
        else None,
        failure_code="payer_refused" if status is PaymentStatus.FAILED else None,
        created_at=now,
        expires_at=now + _MINUTES_15,
        updated_at=now,
    )


def _refund(tenant: Tenant, type: EventType, now: int) -> RefundRecord:
    return RefundRecord(
        id=new_id(),
        payment_id=new_id(),
        tenant=tenant,
        merchant_reference=f"sample-{now}",
        status=_REFUND_STATUSES[type],
        amount=_AMOUNT,
        currency="CNY",
        channel=_CHANNEL,
        reason="A sample",
        failure_code="channel_refused" if type is EventType.REFUND_FAILED else None,
        created_at=now,
        updated_at=now,
    )


def _withdrawal(tenant: Tenant, type: EventType, id: int, now: int) -> Withdrawal:
    return Withdrawal(
        id=format_typed_id(RESOURCE_PREFIXES["withdrawal"], id),
        live=tenant.live,
        customer_id=format_typed_id(CUSTOMER_PREFIX, new_id()),
        merchant_reference=f"sample-{now}",
        status=_WITHDRAWAL_STATUSES[type],
        amount=_AMOUNT,
        currency="CNY",
        destination="A sample",
        created_at=moment(now),
        updated_at=moment(now),
    )
