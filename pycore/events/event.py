"""What happened, as others are told: a numbered record, written in the transaction of the money it is about."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from pycore.errors import InvalidRequestError
from pycore.ids import format_typed_id, new_id, parse_typed_id
from pycore.ledger import Table
from pycore.moment import moment
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
    PAYMENT_UPDATED = "payment.updated"
    REFUND_CREATED = "refund.created"
    REFUND_SUCCEEDED = "refund.succeeded"
    REFUND_FAILED = "refund.failed"
    REFUND_REQUIRES_ACTION = "refund.requires_action"
    WITHDRAWAL_REQUESTED = "withdrawal.requested"
    WITHDRAWAL_CANCELED = "withdrawal.canceled"


MEANINGS: Final[dict[EventType, str]] = {
    EventType.PAYMENT_CREATED: "a payment was asked for; nobody has paid yet",
    EventType.PAYMENT_REQUIRES_ACTION: "the payer has to act; without a next_action a try failed: try again",
    EventType.PAYMENT_PROCESSING: "a channel works on it, or its outcome is not known yet",
    EventType.PAYMENT_AUTHORIZED: "the amount is held and may be captured",
    EventType.PAYMENT_PARTIALLY_CAPTURED: "a part of the held amount was taken, and more may be",
    EventType.PAYMENT_SUCCEEDED: "the money is there: deliver; with the purpose top_up, the customer's balance has it",
    EventType.PAYMENT_FAILED: "it is certain that nothing was paid; see its failure_code",
    EventType.PAYMENT_CANCELED: "it was called off; nothing was taken",
    EventType.PAYMENT_EXPIRED: "its time ran out unpaid",
    EventType.PAYMENT_DOUBLE_PAID: "it was paid a second time; the second one is refunded without being asked",
    EventType.PAYMENT_UPDATED: "its metadata was changed, nothing else",
    EventType.REFUND_CREATED: "a refund was accepted and is under way",
    EventType.REFUND_SUCCEEDED: "the payer has the money back",
    EventType.REFUND_FAILED: "the refund was refused for good, and its money is the merchant's again",
    EventType.REFUND_REQUIRES_ACTION: "the refund needs a person: the channel can neither finish nor refuse it",
    EventType.WITHDRAWAL_REQUESTED: "a customer takes stored value out; the amount is held",
    EventType.WITHDRAWAL_CANCELED: "the withdrawal was called off; the customer has the amount again",
}
"""What each type tells. The data of an event is the resource its type begins with, as it was then."""

RESOURCE_PREFIXES: Final = {"payment": "pay", "refund": "rfd", "withdrawal": "wdr"}
"""The prefix of a resource's id, by the first word of the event's type."""


_TYPES: Final = frozenset(EventType)


def checked_types(types: Collection[str], field: str) -> tuple[str, ...]:
    """Return a filter by types, each once. Raises InvalidRequestError naming ``field`` where there is no such type."""
    unknown = next((place for place, each in enumerate(types) if each not in _TYPES), None)
    if unknown is not None:
        raise InvalidRequestError(f"{field}[{unknown}]: there is no such event type")
    return tuple(sorted(set(types)))


def parse_resource_id(text: str) -> int:
    """Return the id of what an event can be about. Raises InvalidRequestError."""
    try:
        prefix = text.partition("_")[0]
        if prefix not in RESOURCE_PREFIXES.values():
            raise ValueError
        return parse_typed_id(prefix, text)
    except ValueError:
        raise InvalidRequestError(
            "resource_id: must be the id of a payment (pay_…), refund (rfd_…) or withdrawal (wdr_…)"
        ) from None


EventRow: TypeAlias = tuple[Any, ...]

EVENTS: Final = Table(
    "events",
    (
        ("id", "uuid"),
        ("merchant_id", "uuid"),
        ("live", "boolean"),
        ("type", "text"),
        ("resource_id", "uuid"),
        ("data", "json"),
        ("created_at", "bigint"),
    ),
)
"""Takes rows of ``event_row``, and only the ledger's writer writes it: the order in ``EventLog`` rests on that."""


def event_row(tenant: Tenant, type: EventType, resource_id: int, data: bytes, at_ns: int) -> EventRow:
    """Return the row of a new event, for ``Insertion(EVENTS, [row, …])`` in the unit of the transfers it tells of.

    Args:
        tenant: whose event it is.
        type: what happened.
        resource_id: the payment, refund or withdrawal it happened to.
        data: that resource as it is now, as JSON.
        at_ns: when, in nanoseconds since 1970.
    """
    return new_id(), tenant.merchant_id, tenant.live, type, resource_id, data, at_ns


class EventView(msgspec.Struct, frozen=True, kw_only=True):
    """An event.

    ``id`` is the same however often the event is delivered: keep it to know what you have seen. ``timestamp`` is when
    it happened. ``data`` is the payment, refund or withdrawal ``resource_id`` names, as it was then.
    """

    id: str
    type: str
    timestamp: datetime
    live: bool
    resource_id: str
    data: msgspec.Raw

    def encoded(self) -> bytes:
        """Return it as JSON: the body of a webhook."""
        return _ENCODER.encode(self)


_ENCODER: Final = msgspec.json.Encoder()


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

    def view(self) -> EventView:
        """Return the event as the outside world sees it: in lists, in streams and in webhooks alike."""
        return EventView(
            id=self.public_id,
            type=self.type,
            timestamp=moment(self.created_at),
            live=self.tenant.live,
            resource_id=self.public_resource_id,
            data=msgspec.Raw(self.data),
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
