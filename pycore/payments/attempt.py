"""One try at one channel: its row is written before the channel is called (the intention) and after (the outcome)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import asyncpg
import msgspec
from msgspec import Struct

from pycore.channels import ChannelOrder, Method, Payer, Secret
from pycore.ledger import Insertion, Rows, Table
from pycore.money import CURRENCIES, Amount
from pycore.payments.ladder import SCAN_PATIENCE_NS, next_check_at
from pycore.payments.tables import Change
from pycore.tenant import Tenant


class AttemptStatus(StrEnum):
    """How far an attempt is."""

    CREATED = "created"
    """The channel may have been called."""
    SUBMITTED = "submitted"
    """The channel has the order, and it is not decided."""
    UNKNOWN = "unknown"
    """Nobody knows."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """The channel refused: nothing is paid."""
    CLOSED = "closed"
    """The order was closed or reversed: nothing is paid, nothing will be."""


OPEN: Final = frozenset({AttemptStatus.CREATED, AttemptStatus.SUBMITTED, AttemptStatus.UNKNOWN})
"""What the channel still has to say how it ends."""


class EndsAs(StrEnum):
    """Why an attempt shall end, and so what becomes of its payment once it has."""

    CANCELED = "canceled"
    EXPIRED = "expired"
    FAILED = "failed"
    """A scanned code nobody answered for in time: the payment may be tried again."""
    REPLACED = "replaced"
    """Another way to pay was chosen."""


class RoutedAs(StrEnum):
    """How an attempt ended, as far as choosing channels cares."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REFUSED = "refused"
    """By the payer, who did not pay or could not: the channel works."""
    UNKNOWN = "unknown"
    """The channel did not answer in time."""


class SentOrder(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the channel was told, so that a question or a repeated call says the same. Never the payer's code or id."""

    subject: str
    notify_url: str
    created_at: datetime
    expires_at: datetime
    client_ip: str | None = None
    return_url: str | None = None


_ENCODE: Final = msgspec.json.Encoder().encode
_SENT: Final = msgspec.json.Decoder(SentOrder)
_NOT_KEPT: Final = Payer(open_id="not-kept", auth_code=Secret(""))
"""Stands where the payer's code and id were: no channel takes them for one."""


class AttemptRecord(Struct, frozen=True, kw_only=True, gc=False):
    """One row of ``payment_attempts``; its fields are the table's columns.

    Attributes:
        sent: ``channel_order``.
        is_double: it succeeded although the payment had no use for it any more.
        ends_as: set once nobody shall pay it any more.
        is_reversing: a reversal was or is being sent, and was not refused: what was paid has gone back, or may have.
        has_action: the payer was given what he needs to pay.
        routed_as: how the router was told it ended.
        open_since: since when the ladder counts.
    """

    id: int
    payment_id: int
    tenant: Tenant
    number: int
    channel: str
    method: Method
    status: AttemptStatus = AttemptStatus.CREATED
    amount: int
    currency: str
    sent: SentOrder
    transaction_id: str | None = None
    failure_code: str | None = None
    is_double: bool = False
    ends_as: EndsAs | None = None
    is_reversing: bool = False
    has_action: bool = False
    routed_as: RoutedAs | None = None
    open_since: int
    checks_count: int = 0
    next_check_at: int | None = None
    created_at: int
    updated_at: int
    version: int = 1

    @property
    def is_open(self) -> bool:
        """Whether its outcome is not certain yet."""
        return self.status in OPEN

    @property
    def money(self) -> Amount:
        """What is to be paid."""
        return Amount(self.amount, CURRENCIES[self.currency])

    @property
    def reference(self) -> str:
        """Its number at the channel."""
        return f"{self.id:032x}"

    @property
    def expires_at(self) -> int:
        """When the channel lets nobody pay it any more, nanoseconds since 1970."""
        return int(self.sent.expires_at.timestamp()) * 10**9

    @property
    def ends_at(self) -> int:
        """When it has to end, nanoseconds since 1970."""
        if self.method is Method.BAR_CODE:
            return min(self.expires_at, self.created_at + SCAN_PATIENCE_NS)
        return self.expires_at

    def order(self, payer: Payer = _NOT_KEPT) -> ChannelOrder:
        """Return what the channel is or was asked to collect; ``payer`` is known while the payer asks."""
        return ChannelOrder(
            payment_attempt_id=self.reference,
            amount=self.money,
            method=self.method,
            subject=self.sent.subject,
            notify_url=self.sent.notify_url,
            created_at=self.sent.created_at,
            expires_at=self.sent.expires_at,
            client_ip=self.sent.client_ip,
            payer=payer,
            return_url=self.sent.return_url,
        )

    def changed(self, now_ns: int, **fields: Any) -> AttemptRecord:
        """Return the next version of it."""
        return msgspec.structs.replace(self, **fields, updated_at=now_ns, version=self.version + 1)

    def ending(self, ends_as: EndsAs, now_ns: int) -> AttemptRecord:
        """Return the next version, which shall end as soon as the channel agrees: due at once."""
        return self.changed(now_ns, ends_as=ends_as, open_since=now_ns, checks_count=0, next_check_at=now_ns)

    def asked(self, now_ns: int, **fields: Any) -> AttemptRecord:
        """Return the next version after a round of questions that decided nothing."""
        at = next_check_at(self.checks_count, self.open_since, now_ns)
        if self.ends_as is None and self.ends_at > now_ns:
            at = self.ends_at if at is None else min(at, self.ends_at)
        return self.changed(now_ns, **fields, checks_count=self.checks_count + 1, next_check_at=at)

    def inserted(self) -> tuple[Any, ...]:
        """Return its values in the order of ``ATTEMPTS``."""
        return (
            self.id,
            self.payment_id,
            self.tenant.merchant_id,
            self.tenant.live,
            self.number,
            self.channel,
            self.method,
            self.status,
            self.amount,
            self.currency,
            _ENCODE(self.sent),
            self.transaction_id,
            self.failure_code,
            self.is_double,
            self.ends_as,
            self.is_reversing,
            self.has_action,
            self.routed_as,
            self.open_since,
            self.checks_count,
            self.next_check_at,
            self.created_at,
            self.updated_at,
            self.version,
        )


ATTEMPTS: Final = Table(
    "payment_attempts",
    (
        ("id", "uuid"),
        ("payment_id", "uuid"),
        ("merchant_id", "uuid"),
        ("live", "boolean"),
        ("number", "integer"),
        ("channel", "text"),
        ("method", "text"),
        ("status", "text"),
        ("amount", "bigint"),
        ("currency", "text"),
        ("channel_order", "json"),
        ("transaction_id", "text"),
        ("failure_code", "text"),
        ("is_double", "boolean"),
        ("ends_as", "text"),
        ("is_reversing", "boolean"),
        ("has_action", "boolean"),
        ("routed_as", "text"),
        ("open_since", "bigint"),
        ("checks_count", "integer"),
        ("next_check_at", "bigint"),
        ("created_at", "bigint"),
        ("updated_at", "bigint"),
        ("version", "integer"),
    ),
)
_CHANGES: Final = frozenset(
    {
        "status", "transaction_id", "failure_code", "is_double", "ends_as", "is_reversing", "has_action", "routed_as",
        "open_since", "checks_count", "next_check_at", "updated_at", "version",
    }
)  # fmt: skip
_CHANGED: Final = Change(ATTEMPTS, _CHANGES)


def new_attempt(record: AttemptRecord) -> Insertion:
    """Return the row of a new attempt."""
    return Insertion(ATTEMPTS, [record.inserted()])


def changed_attempt(record: AttemptRecord) -> Rows:
    """Return the row of an attempt's next version."""
    return _CHANGED.row(record.inserted())


def attempt_record(row: asyncpg.Record) -> AttemptRecord:
    """Return the record of a row of ``payment_attempts``."""
    return AttemptRecord(
        id=row["id"].int,
        payment_id=row["payment_id"].int,
        tenant=Tenant(row["merchant_id"].int, row["live"]),
        number=row["number"],
        channel=row["channel"],
        method=Method(row["method"]),
        status=AttemptStatus(row["status"]),
        amount=row["amount"],
        currency=row["currency"],
        sent=_SENT.decode(row["channel_order"]),
        transaction_id=row["transaction_id"],
        failure_code=row["failure_code"],
        is_double=row["is_double"],
        ends_as=None if row["ends_as"] is None else EndsAs(row["ends_as"]),
        is_reversing=row["is_reversing"],
        has_action=row["has_action"],
        routed_as=None if row["routed_as"] is None else RoutedAs(row["routed_as"]),
        open_since=row["open_since"],
        checks_count=row["checks_count"],
        next_check_at=row["next_check_at"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        version=row["version"],
    )
