"""The statements that write rows of payments; each is executed once for all rows of a batch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from asyncpg.pgproto.pgproto import UUID

from pycore.events import EVENTS, EventType, event_row
from pycore.ledger import Insertion, Rows
from pycore.payments.payment import encoded
from pycore.payments.record import PaymentRecord, RefundRecord
from pycore.tenant import Tenant

Column = tuple[str, str]

PAYMENTS: Final[tuple[Column, ...]] = (
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
)
REFUNDS: Final[tuple[Column, ...]] = (
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
)
IDEMPOTENCY_KEYS: Final[tuple[Column, ...]] = (
    ("merchant_id", "uuid"),
    ("live", "boolean"),
    ("operation", "text"),
    ("key", "text"),
    ("fingerprint", "bytea"),
    ("reply", "json"),
    ("created_at", "bigint"),
)
TIMELINE: Final[tuple[Column, ...]] = (
    ("payment_id", "uuid"),
    ("at", "bigint"),
    ("kind", "text"),
    ("detail", "json"),
)

WITHDRAWALS: Final[tuple[Column, ...]] = (
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
)

# What an update may change; everything else stays as it was made.
_PAYMENT_CHANGES: Final = frozenset(
    {
        "status", "amount_captured", "amount_refunded", "method", "channel", "attempt_id", "hold_id", "next_action",
        "failure_code", "expires_at", "updated_at", "version",
    }
)  # fmt: skip
_REFUND_CHANGES: Final = frozenset(
    {"status", "transaction_id", "failure_code", "checks_count", "next_check_at", "updated_at", "version"}
)


def insert_statement(table: str, columns: Sequence[Column]) -> str:
    """Return the statement that inserts rows given as one array per column."""
    names = ", ".join(name for name, _ in columns)
    arrays = ", ".join(f"${position}::{kind}[]" for position, (_, kind) in enumerate(columns, 1))
    return f"INSERT INTO {table} ({names}) SELECT * FROM unnest({arrays})"


def update_statement(table: str, columns: Sequence[Column], changes: frozenset[str]) -> str:
    """Return the statement that brings rows to their next version; it leaves alone what is not at the one before."""
    kept = [(name, kind) for name, kind in columns if name == "id" or name in changes]
    names = ", ".join(name for name, _ in kept)
    arrays = ", ".join(f"${position}::{kind}[]" for position, (_, kind) in enumerate(kept, 1))
    values = ", ".join(f"{name} = next.{name}" for name, _ in kept if name != "id")
    return (
        f"UPDATE {table} SET {values} FROM unnest({arrays}) AS next ({names})"
        f" WHERE {table}.id = next.id AND {table}.version = next.version - 1"
    )


def encoder(columns: Sequence[Column], kept: frozenset[str] | None = None) -> Any:
    """Return a function from a row's values to what the driver takes; ``kept`` drops the other columns."""
    chosen = [
        (place, kind) for place, (name, kind) in enumerate(columns) if kept is None or name in kept or name == "id"
    ]

    def encode(values: tuple[Any, ...]) -> tuple[Any, ...]:
        row = []
        for place, kind in chosen:
            value = values[place]
            if value is not None and kind == "uuid":
                value = UUID(value.to_bytes(16))
            elif value is not None and kind == "json":
                value = value.decode()
            row.append(value)
        return tuple(row)

    return encode


_WITHDRAWAL_CHANGES: Final = frozenset({"status", "updated_at", "version"})
_INSERT_WITHDRAWALS: Final = insert_statement("withdrawals", WITHDRAWALS)
_UPDATE_WITHDRAWALS: Final = update_statement("withdrawals", WITHDRAWALS, _WITHDRAWAL_CHANGES)
_encode_withdrawal: Final = encoder(WITHDRAWALS)
_encode_withdrawal_change: Final = encoder(WITHDRAWALS, _WITHDRAWAL_CHANGES)
_INSERT_PAYMENTS: Final = insert_statement("payments", PAYMENTS)
_INSERT_REFUNDS: Final = insert_statement("refunds", REFUNDS)
_INSERT_KEYS: Final = insert_statement("idempotency_keys", IDEMPOTENCY_KEYS)
_INSERT_TIMELINE: Final = insert_statement("payment_timeline", TIMELINE)
_UPDATE_PAYMENTS: Final = update_statement("payments", PAYMENTS, _PAYMENT_CHANGES)
_UPDATE_REFUNDS: Final = update_statement("refunds", REFUNDS, _REFUND_CHANGES)
_encode_payment: Final = encoder(PAYMENTS)
_encode_refund: Final = encoder(REFUNDS)
_encode_key: Final = encoder(IDEMPOTENCY_KEYS)
_encode_entry: Final = encoder(TIMELINE)
_encode_payment_change: Final = encoder(PAYMENTS, _PAYMENT_CHANGES)
_encode_refund_change: Final = encoder(REFUNDS, _REFUND_CHANGES)


def new_payments(records: Iterable[PaymentRecord]) -> Rows:
    """Return the rows of new payments."""
    return Rows(_INSERT_PAYMENTS, [_encode_payment(record.inserted()) for record in records])


def changed_payment(record: PaymentRecord) -> Rows:
    """Return the row of a payment's next version."""
    return Rows(_UPDATE_PAYMENTS, [_encode_payment_change(record.inserted())])


def new_refund(record: RefundRecord) -> Rows:
    """Return the row of a new refund."""
    return Rows(_INSERT_REFUNDS, [_encode_refund(record.inserted())])


def changed_refund(record: RefundRecord) -> Rows:
    """Return the row of a refund's next version."""
    return Rows(_UPDATE_REFUNDS, [_encode_refund_change(record.inserted())])


def new_withdrawal(values: tuple[Any, ...]) -> Rows:
    """Return the row of a new withdrawal, values in the order of ``WITHDRAWALS``."""
    return Rows(_INSERT_WITHDRAWALS, [_encode_withdrawal(values)])


def changed_withdrawal(values: tuple[Any, ...]) -> Rows:
    """Return the row of a withdrawal's next version."""
    return Rows(_UPDATE_WITHDRAWALS, [_encode_withdrawal_change(values)])


def idempotency_keys(rows: Iterable[tuple[Any, ...]]) -> Rows:
    """Return the rows of idempotency keys, values in the order of ``IDEMPOTENCY_KEYS``."""
    return Rows(_INSERT_KEYS, [_encode_key(row) for row in rows])


def timeline(payment_id: int, at_ns: int, kind: str, detail: bytes) -> Rows:
    """Return an entry of a payment's timeline; ``detail`` is a JSON object without secrets."""
    return Rows(_INSERT_TIMELINE, [_encode_entry((payment_id, at_ns, kind, detail))])


def event(type: EventType, tenant: Tenant, resource_id: int, data: bytes, at_ns: int) -> Insertion:
    """Return the event that tells of any resource, given as JSON."""
    return Insertion(EVENTS, [event_row(tenant, type, resource_id, data, at_ns)])


def payment_event(type: EventType, record: PaymentRecord) -> Insertion:
    """Return the event that tells of a payment as it is now."""
    return event(type, record.tenant, record.id, encoded(record.public()), record.updated_at)


def refund_event(type: EventType, record: RefundRecord) -> Insertion:
    """Return the event that tells of a refund as it is now."""
    return event(type, record.tenant, record.id, encoded(record.public()), record.updated_at)
