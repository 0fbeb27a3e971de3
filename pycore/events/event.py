"""What happened, as others are told: a numbered record, written in the transaction of the money it is about."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec
from asyncpg.pgproto.pgproto import UUID

from pycore.ids import format_typed_id, new_id
from pycore.tenant import Tenant

ID_PREFIX: Final = "evt"


class EventType(StrEnum):
    """Every kind of event there is; ``MEANINGS`` says what each tells."""

    PAYMENT_CREATED = "payment.created"
    PAYMENT_REQUIRES_ACTION = "payment.requires_action"
    PAYMENT_PROCESSING = "payment.processing"
    PAYMENT_AUTHORIZED = "payment.authorized"
    PAYMENT_PARTIALLY_CAPTURED = "payment.partially_captured"
    PAYMENT_SUCCEEDED = "payment.succeeded"
    PAYMENT_FAILED = "payment.failed"
    PAYMENT_CANCELED = "payment.canceled"
    PAYMENT_EXPIRED = "payment.expired"
    PAYMENT_DOUBLE_PAID = "payment.double_paid"
    REFUND_CREATED = "refund.created"
    REFUND_SUCCEEDED = "refund.succeeded"
    REFUND_FAILED = "refund.failed"
    REFUND_REQUIRES_ACTION = "refund.requires_action"
    CUSTOMER_BALANCE_TOPPED_UP = "customer.balance_topped_up"


MEANINGS: Final[dict[EventType, str]] = {
    EventType.PAYMENT_CREATED: "a payment was asked for; nobody has paid yet",
    EventType.PAYMENT_REQUIRES_ACTION: "the payer has to act: scan a code, open a page; see its next_action",
    EventType.PAYMENT_PROCESSING: "a channel works on it, or its outcome is not known yet",
    EventType.PAYMENT_AUTHORIZED: "the amount is held and may be captured",
    EventType.PAYMENT_PARTIALLY_CAPTURED: "a part of the held amount was taken, and more may be",
    EventType.PAYMENT_SUCCEEDED: "the money is there: deliver",
    EventType.PAYMENT_FAILED: "it is certain that nothing was paid; see its failure_code",
    EventType.PAYMENT_CANCELED: "it was called off; nothing was taken",
    EventType.PAYMENT_EXPIRED: "its time ran out unpaid",
    EventType.PAYMENT_DOUBLE_PAID: "it was paid a second time; the second one is refunded without being asked",
    EventType.REFUND_CREATED: "a refund was accepted and is under way",
    EventType.REFUND_SUCCEEDED: "the payer has the money back",
    EventType.REFUND_FAILED: "the refund was refused for good, and its money is the merchant's again",
    EventType.REFUND_REQUIRES_ACTION: "the refund needs a person: the channel can neither finish nor refuse it",
    EventType.CUSTOMER_BALANCE_TOPPED_UP: "a customer's stored balance has grown by a top-up",
}
"""What each type tells. The data of an event is the resource its type begins with, as it was then."""

RESOURCE_PREFIXES: Final = {"payment": "pay", "refund": "rfd", "customer": "cus"}
"""The prefix of a resource's id, by the first word of the event's type."""

EventRow: TypeAlias = tuple[Any, ...]

INSERT_EVENTS: Final = (
    "INSERT INTO events (id, merchant_id, live, type, resource_id, data, created_at) SELECT * FROM"
    " unnest($1::uuid[], $2::uuid[], $3::boolean[], $4::text[], $5::uuid[], $6::json[], $7::bigint[])"
)
"""Writes rows of ``event_row``. Only the ledger's writer may: see ``EventLog`` for the order that rests on it."""


def event_row(tenant: Tenant, type: EventType, resource_id: int, data: bytes, at_ns: int) -> EventRow:
    """Return the row of a new event, for ``Rows(INSERT_EVENTS, [row, …])`` in the unit of the transfers it tells of.

    Args:
        tenant: whose event it is.
        type: what happened.
        resource_id: the payment, refund or customer it happened to.
        data: that resource as it is now, as JSON.
        at_ns: when, in nanoseconds since 1970.
    """
    return (
        UUID(new_id().to_bytes(16)),
        UUID(tenant.merchant_id.to_bytes(16)),
        tenant.live,
        type,
        UUID(resource_id.to_bytes(16)),
        data.decode(),
        at_ns,
    )


class EventView(msgspec.Struct, frozen=True, kw_only=True):
    """An event.

    ``id`` is the same however often the event is delivered: keep it to know what you have seen. ``timestamp`` is when
    it happened. ``data`` is the payment, refund or customer ``resource_id`` names, as it was then.
    """

    id: str
    type: str
    timestamp: str
    live: bool
    resource_id: str
    data: msgspec.Raw


_ENCODER: Final = msgspec.json.Encoder()


def rfc3339(at_ns: int) -> str:
    """Return a time in nanoseconds since 1970 as RFC 3339 text in UTC, to the microsecond."""
    seconds, nanoseconds = divmod(at_ns, 10**9)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{nanoseconds // 1000:06}Z"


class Event(NamedTuple):
    """One event of the log.

    Attributes:
        sequence: its place in the log of all tenants; grows, with gaps.
        id: its own id, shown as ``evt_…``: the same however often it is delivered.
        tenant: whose it is.
        type: what happened; a name of ``EventType``, or one that a newer version wrote.
        resource_id: what it happened to.
        data: that resource as it was then, as JSON.
        created_at: nanoseconds since 1970.
    """

    sequence: int
    id: int
    tenant: Tenant
    type: str
    resource_id: int
    data: bytes
    created_at: int

    def encoded(self) -> bytes:
        """Return the event as the outside world sees it, as JSON: in lists, in streams and in webhooks alike."""
        return _ENCODER.encode(
            EventView(
                id=self.public_id,
                type=self.type,
                timestamp=rfc3339(self.created_at),
                live=self.tenant.live,
                resource_id=self.public_resource_id,
                data=msgspec.Raw(self.data),
            )
        )

    @property
    def public_id(self) -> str:
        """The id as the outside world sees it."""
        return format_typed_id(ID_PREFIX, self.id)

    @property
    def public_resource_id(self) -> str:
        """The resource's id as the outside world sees it."""
        resource = self.type.partition(".")[0]
        return format_typed_id(RESOURCE_PREFIXES.get(resource, resource), self.resource_id)
