"""A payment and a refund as their rows are: ids as numbers, times in nanoseconds."""

from __future__ import annotations

from typing import Any, Final

import asyncpg
import msgspec
from msgspec import Struct

from pycore.ids import format_typed_id
from pycore.moment import moment
from pycore.money import CURRENCIES, Amount, Currency
from pycore.payments.payment import (
    PREFIX,
    Action,
    CaptureMethod,
    NextAction,
    Payment,
    PaymentMethod,
    PaymentStatus,
    Purpose,
    Refund,
    RefundStatus,
)
from pycore.tenant import Tenant

REFUND_PREFIX: Final = "rfd"
CUSTOMER_PREFIX: Final = "cus"
STORE_PREFIX: Final = "sto"

_ENCODE: Final = msgspec.json.Encoder(order="deterministic").encode
_NEXT_ACTION: Final = msgspec.json.Decoder(NextAction)
_METADATA: Final = msgspec.json.Decoder(dict[str, str])
_ACTIONS: Final = {
    PaymentStatus.CREATED: [Action.CONFIRM, Action.CANCEL],
    PaymentStatus.REQUIRES_ACTION: [Action.CONFIRM, Action.CANCEL],
    PaymentStatus.PROCESSING: [Action.CANCEL],
    PaymentStatus.AUTHORIZED: [Action.CAPTURE, Action.CANCEL],
}


class PaymentRecord(Struct, frozen=True, kw_only=True, gc=False):
    """One row of ``payments``; its fields are the table's columns, but for what is kept of the request that made it.

    ``hold_id`` is the ledger's open hold.
    """

    id: int
    tenant: Tenant
    merchant_reference: str
    status: PaymentStatus
    purpose: Purpose
    amount: int
    currency: str
    amount_captured: int = 0
    amount_refunded: int = 0
    capture_method: CaptureMethod
    method: PaymentMethod | None = None
    channel: str | None = None
    attempt_id: int | None = None
    hold_id: int | None = None
    store_id: int | None = None
    customer_id: int | None = None
    subject: str
    next_action: NextAction | None = None
    failure_code: str | None = None
    return_url: str | None = None
    metadata: dict[str, str] = {}
    created_at: int
    expires_at: int
    updated_at: int
    version: int = 1

    @property
    def money(self) -> Currency:
        """The currency."""
        return CURRENCIES[self.currency]

    @property
    def refundable(self) -> int:
        """Minor units that may still be given back."""
        return self.amount_captured - self.amount_refunded

    def changed(self, now_ns: int, **fields: Any) -> PaymentRecord:
        """Return the next version of it."""
        return msgspec.structs.replace(self, **fields, updated_at=now_ns, version=self.version + 1)

    def public(self) -> Payment:
        """Return it as its merchant sees it."""
        actions = _ACTIONS.get(self.status)
        if actions is None:
            actions = [Action.REFUND] if self.status is PaymentStatus.SUCCEEDED and self.refundable else []
        created_at = moment(self.created_at)
        return Payment(
            id=format_typed_id(PREFIX, self.id),
            merchant_reference=self.merchant_reference,
            live=self.tenant.live,
            status=self.status,
            purpose=self.purpose,
            amount=self.amount,
            currency=self.currency,
            amount_captured=self.amount_captured,
            amount_refunded=self.amount_refunded,
            capture_method=self.capture_method,
            method=self.method,
            channel=self.channel,
            customer_id=None if self.customer_id is None else format_typed_id(CUSTOMER_PREFIX, self.customer_id),
            store_id=None if self.store_id is None else format_typed_id(STORE_PREFIX, self.store_id),
            subject=self.subject,
            next_action=self.next_action,
            failure_code=self.failure_code,
            return_url=self.return_url,
            metadata=self.metadata,
            allowed_actions=actions,
            created_at=created_at,
            expires_at=moment(self.expires_at),
            updated_at=created_at if self.updated_at == self.created_at else moment(self.updated_at),
        )

    def inserted(self) -> tuple[Any, ...]:
        """Return its values in the order of ``tables.PAYMENTS``, without those of the request that made it."""
        return (
            self.id,
            self.tenant.merchant_id,
            self.tenant.live,
            self.merchant_reference,
            self.status,
            self.purpose,
            self.amount,
            self.currency,
            self.amount_captured,
            self.amount_refunded,
            self.capture_method,
            self.method,
            self.channel,
            self.attempt_id,
            self.hold_id,
            self.store_id,
            self.customer_id,
            self.subject,
            None if self.next_action is None else _ENCODE(self.next_action),
            self.failure_code,
            self.return_url,
            _ENCODE(self.metadata) if self.metadata else None,
            self.created_at,
            self.expires_at,
            self.updated_at,
            self.version,
        )


class RefundRecord(Struct, frozen=True, kw_only=True, gc=False):
    """One row of ``refunds``; its fields are the table's columns."""

    id: int
    payment_id: int
    attempt_id: int | None = None
    tenant: Tenant
    merchant_reference: str
    status: RefundStatus
    amount: int
    currency: str
    channel: str
    reason: str = ""
    is_automatic: bool = False
    transaction_id: str | None = None
    failure_code: str | None = None
    checks_count: int = 0
    next_check_at: int | None = None
    created_at: int
    updated_at: int
    version: int = 1

    @property
    def value(self) -> Amount:
        """What is given back."""
        return Amount(self.amount, CURRENCIES[self.currency])

    def changed(self, now_ns: int, **fields: Any) -> RefundRecord:
        """Return the next version of it."""
        return msgspec.structs.replace(self, **fields, updated_at=now_ns, version=self.version + 1)

    def public(self) -> Refund:
        """Return it as its merchant sees it."""
        return Refund(
            id=format_typed_id(REFUND_PREFIX, self.id),
            payment_id=format_typed_id(PREFIX, self.payment_id),
            merchant_reference=self.merchant_reference,
            status=self.status,
            amount=self.amount,
            currency=self.currency,
            channel=self.channel,
            reason=self.reason,
            is_automatic=self.is_automatic,
            failure_code=self.failure_code,
            created_at=moment(self.created_at),
            updated_at=moment(self.updated_at),
        )

    def inserted(self) -> tuple[Any, ...]:
        """Return its values in the order of ``tables.REFUNDS``."""
        return (
            self.id,
            self.payment_id,
            self.attempt_id,
            self.tenant.merchant_id,
            self.tenant.live,
            self.merchant_reference,
            self.status,
            self.amount,
            self.currency,
            self.channel,
            self.reason,
            self.is_automatic,
            self.transaction_id,
            self.failure_code,
            self.checks_count,
            self.next_check_at,
            self.created_at,
            self.updated_at,
            self.version,
        )


def payment_record(row: asyncpg.Record) -> PaymentRecord:
    """Return the record of a row of ``payments``."""
    return PaymentRecord(
        id=row["id"].int,
        tenant=Tenant(row["merchant_id"].int, row["live"]),
        merchant_reference=row["merchant_reference"],
        status=PaymentStatus(row["status"]),
        purpose=Purpose(row["purpose"]),
        amount=row["amount"],
        currency=row["currency"],
        amount_captured=row["amount_captured"],
        amount_refunded=row["amount_refunded"],
        capture_method=CaptureMethod(row["capture_method"]),
        method=None if row["method"] is None else PaymentMethod(row["method"]),
        channel=row["channel"],
        attempt_id=None if row["attempt_id"] is None else row["attempt_id"].int,
        hold_id=None if row["hold_id"] is None else row["hold_id"].int,
        store_id=None if row["store_id"] is None else row["store_id"].int,
        customer_id=None if row["customer_id"] is None else row["customer_id"].int,
        subject=row["subject"],
        next_action=None if row["next_action"] is None else _NEXT_ACTION.decode(row["next_action"]),
        failure_code=row["failure_code"],
        return_url=row["return_url"],
        metadata={} if row["metadata"] is None else _METADATA.decode(row["metadata"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        updated_at=row["updated_at"],
        version=row["version"],
    )


def refund_record(row: asyncpg.Record) -> RefundRecord:
    """Return the record of a row of ``refunds``."""
    return RefundRecord(
        id=row["id"].int,
        payment_id=row["payment_id"].int,
        attempt_id=None if row["attempt_id"] is None else row["attempt_id"].int,
        tenant=Tenant(row["merchant_id"].int, row["live"]),
        merchant_reference=row["merchant_reference"],
        status=RefundStatus(row["status"]),
        amount=row["amount"],
        currency=row["currency"],
        channel=row["channel"],
        reason=row["reason"],
        is_automatic=row["is_automatic"],
        transaction_id=row["transaction_id"],
        failure_code=row["failure_code"],
        checks_count=row["checks_count"],
        next_check_at=row["next_check_at"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        version=row["version"],
    )
