"""The statements that write rows of payments; each is executed once for all rows of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from asyncpg.pgproto.pgproto import UUID

from pycore.events import EVENTS, EventType, event_row
from pycore.ledger import Insertion, Rows, Table
from pycore.payments.payment import encoded
from pycore.payments.record import PaymentRecord, RefundRecord
from pycore.tenant import Tenant

PAYMENTS: Final = Table(
    "payments",
    (
        ("id", "uuid"),
        ("merchant_id", "uuid"),
        ("live", "boolean"),
        ("merchant_reference", "text"),
        ("status", "text"),
        ("purpose", "text"),
        ("amount", "bigint"),
        ("currency", "text"),
        ("amount_captured", "bigint"),
        ("amount_refunded", "bigint"),
        ("capture_method", "text"),
        ("method", "text"),
        ("channel", "text"),
        ("attempt_id", "uuid"),
        ("hold_id", "uuid"),
        ("store_id", "uuid"),
        ("customer_id", "uuid"),
        ("subject", "text"),
        ("next_action", "json"),
        ("failure_code", "text"),
        ("return_url", "text"),
        ("metadata", "json"),
        ("created_at", "bigint"),
        ("expires_at", "bigint"),
        ("updated_at", "bigint"),
        ("version", "integer"),
        ("idempotency_key", "text"),
        ("fingerprint", "bytea"),
    ),
)
REFUNDS: Final = Table(
    "refunds",
    (
        ("id", "uuid"),
        ("payment_id", "uuid"),
        ("attempt_id", "uuid"),
        ("merchant_id", "uuid"),
        ("live", "boolean"),
        ("merchant_reference", "text"),
        ("status", "text"),
        ("amount", "bigint"),
        ("currency", "text"),
        ("channel", "text"),
        ("reason", "text"),
        ("is_automatic", "boolean"),
        ("transaction_id", "text"),
        ("failure_code", "text"),
        ("checks_count", "integer"),
        ("next_check_at", "bigint"),
        ("created_at", "bigint"),
        ("updated_at", "bigint"),
        ("version", "integer"),
    ),
)
IDEMPOTENCY_KEYS: Final = Table(
    "idempotency_keys",
    (
        ("merchant_id", "uuid"),
        ("live", "boolean"),
        ("operation", "text"),
        ("key", "text"),
        ("fingerprint", "bytea"),
        ("reply", "json"),
        ("created_at", "bigint"),
    ),
)
TIMELINE: Final = Table(
    "payment_timeline",
    (
        ("payment_id", "uuid"),
        ("at", "bigint"),
        ("kind", "text"),
        ("detail", "json"),
    ),
)

WITHDRAWALS: Final = Table(
    "withdrawals",
    (
        ("id", "uuid"),
        ("merchant_id", "uuid"),
        ("live", "boolean"),
        ("customer_id", "uuid"),
        ("merchant_reference", "text"),
        ("status", "text"),
        ("amount", "bigint"),
        ("currency", "text"),
        ("destination", "text"),
        ("created_at", "bigint"),
        ("updated_at", "bigint"),
        ("version", "integer"),
    ),
)

APPROVALS: Final = Table(
    "approvals",
    (
        ("id", "uuid"),
        ("kind", "text"),
        ("reference", "text"),
        ("payload", "json"),
        ("asked_by", "uuid"),
        ("asked_by_name", "text"),
        ("asked_at", "bigint"),
        ("expires_at", "bigint"),
        ("state", "text"),
        ("decided_by", "uuid"),
        ("decided_by_name", "text"),
        ("decided_at", "bigint"),
        ("note", "text"),
        ("version", "integer"),
    ),
)

# What an update may change; everything else stays as it was made.
_PAYMENT_CHANGES: Final = frozenset(
    {
        "status", "amount_captured", "amount_refunded", "method", "channel", "attempt_id", "hold_id", "next_action",
        "failure_code", "metadata", "expires_at", "updated_at", "version",
    }
)  # fmt: skip
_REFUND_CHANGES: Final = frozenset(
    {"status", "transaction_id", "failure_code", "checks_count", "next_check_at", "updated_at", "version"}
)


class Change:
    """How rows of a table are brought to their next version: the statement, and what of a row it takes."""

    def __init__(self, table: Table, changes: frozenset[str]) -> None:
        """``changes`` are the columns that may change; everything else stays as it was made."""
        kept = [(place, *column) for place, column in enumerate(table.columns) if column[0] in {"id", *changes}]
        names = ", ".join(name for _, name, _ in kept)
        arrays = ", ".join(f"${number}::{kind}[]" for number, (_, _, kind) in enumerate(kept, 1))
        values = ", ".join(f"{name} = next.{name}" for _, name, _ in kept if name != "id")
        self._kept = [(place, kind) for place, _, kind in kept]
        self._sql = (
            f"UPDATE {table.name} SET {values} FROM unnest({arrays}) AS next ({names})"
            f" WHERE {table.name}.id = next.id AND {table.name}.version = next.version - 1"
        )

    def row(self, values: tuple[Any, ...]) -> Rows:
        """Return the change to a row, whose values are in the order of the table's columns."""
        return Rows(self._sql, [tuple(_driven(values[place], kind) for place, kind in self._kept)])


def _driven(value: Any, kind: str) -> Any:
    """Return a value as the driver takes it."""
    if value is None:
        return None
    if kind == "uuid":
        return UUID(value.to_bytes(16))
    return value.decode() if kind == "json" else value


_CHANGED_PAYMENTS: Final = Change(PAYMENTS, _PAYMENT_CHANGES)
_CHANGED_REFUNDS: Final = Change(REFUNDS, _REFUND_CHANGES)
_CHANGED_WITHDRAWALS: Final = Change(WITHDRAWALS, frozenset({"status", "updated_at", "version"}))
_CHANGED_APPROVALS: Final = Change(
    APPROVALS, frozenset({"state", "decided_by", "decided_by_name", "decided_at", "note", "version"})
)


def changed_payment(record: PaymentRecord) -> Rows:
    """Return the row of a payment's next version."""
    return _CHANGED_PAYMENTS.row(record.inserted())


def new_refund(record: RefundRecord) -> Insertion:
    """Return the row of a new refund."""
    return Insertion(REFUNDS, [record.inserted()])


def changed_refund(record: RefundRecord) -> Rows:
    """Return the row of a refund's next version."""
    return _CHANGED_REFUNDS.row(record.inserted())


def new_withdrawal(values: tuple[Any, ...]) -> Insertion:
    """Return the row of a new withdrawal, values in the order of ``WITHDRAWALS``."""
    return Insertion(WITHDRAWALS, [values])


def changed_withdrawal(values: tuple[Any, ...]) -> Rows:
    """Return the row of a withdrawal's next version."""
    return _CHANGED_WITHDRAWALS.row(values)


def new_approval(values: tuple[Any, ...]) -> Insertion:
    """Return the row of what is asked for, values in the order of ``APPROVALS``."""
    return Insertion(APPROVALS, [values])


def changed_approval(values: tuple[Any, ...]) -> Rows:
    """Return the row of what was decided."""
    return _CHANGED_APPROVALS.row(values)


def idempotency_keys(rows: Sequence[tuple[Any, ...]]) -> Insertion:
    """Return the rows of idempotency keys, values in the order of ``IDEMPOTENCY_KEYS``."""
    return Insertion(IDEMPOTENCY_KEYS, rows)


def timeline(payment_id: int, at_ns: int, kind: str, detail: bytes) -> Insertion:
    """Return an entry of a payment's timeline; ``detail`` is a JSON object without secrets."""
    return Insertion(TIMELINE, [(payment_id, at_ns, kind, detail)])


def event(type: EventType, tenant: Tenant, resource_id: int, data: bytes, at_ns: int) -> Insertion:
    """Return the event that tells of any resource, given as JSON."""
    return Insertion(EVENTS, [event_row(tenant, type, resource_id, data, at_ns)])


def payment_event(type: EventType, record: PaymentRecord) -> Insertion:
    """Return the event that tells of a payment as it is now."""
    return event(type, record.tenant, record.id, encoded(record.public()), record.updated_at)


def refund_event(type: EventType, record: RefundRecord) -> Insertion:
    """Return the event that tells of a refund as it is now."""
    return event(type, record.tenant, record.id, encoded(record.public()), record.updated_at)
