"""The log of events: what happened to a tenant, in the order it became durable."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection
from typing import TYPE_CHECKING, Final
from uuid import UUID

from pycore.errors import NotFoundError
from pycore.events.event import Event
from pycore.events.tail import EventTail
from pycore.store import Pool, unavailable_raised
from pycore.tenant import Tenant

if TYPE_CHECKING:
    import asyncpg

PAGE: Final = 500
"""Events read at once by ``follow``."""

_SEQUENCE_MAX: Final = 2**63 - 1
_COLUMNS: Final = "sequence, id, merchant_id, live, type, resource_id, data, created_at"
_LIST: Final = f"""
SELECT {_COLUMNS} FROM events
WHERE merchant_id = $1 AND live = $2 AND sequence > $3
    AND ($4::text[] IS NULL OR type = ANY ($4)) AND ($5::uuid IS NULL OR resource_id = $5)
ORDER BY sequence LIMIT $6
"""
_LIST_REVERSED: Final = _LIST.replace("sequence > $3", "sequence < $3").replace(
    "ORDER BY sequence", "ORDER BY sequence DESC"
)
_GET: Final = f"SELECT {_COLUMNS} FROM events WHERE id = $1 AND merchant_id = $2 AND live = $3"
_LAST: Final = f"SELECT {_COLUMNS} FROM events WHERE merchant_id = $1 AND live = $2 ORDER BY sequence DESC LIMIT 1"


class EventLog:
    """Reads events; they are written by the ledger's writer, in the transactions of what they tell of.

    A reader that has seen an event never misses one before it. A sequence is handed out inside the transaction that
    writes the event; there is one writer, and it ends one transaction before it begins the next; a writer that takes
    over draws its first sequence after the last COMMIT of the one before (whose transactions hold the lease's row
    until they end). So the order of sequences is the order of COMMITs. Gaps are what was rolled back.
    """

    def __init__(self, pool: Pool, tail: EventTail) -> None:
        self._pool = pool
        self._tail = tail

    async def read(
        self,
        tenant: Tenant,
        *,
        after: int = 0,
        types: Collection[str] = (),
        resource_id: int | None = None,
        limit: int = 100,
        reversed: bool = False,
    ) -> list[Event]:
        """Return events in order, or the newest first.

        Args:
            tenant: whose.
            after: the sequence of the last one seen; 0: from the beginning of that order.
            reversed: the newest first.
            types: only these; none: all.
            resource_id: only what happened to this payment, refund or withdrawal.
            limit: at most so many.

        Raises:
            LedgerUnavailableError: the database is away.
        """
        resource = None if resource_id is None else UUID(int=resource_id)
        place = after or (_SEQUENCE_MAX if reversed else 0)
        with unavailable_raised():
            rows = await self._pool.fetch(
                _LIST_REVERSED if reversed else _LIST,
                UUID(int=tenant.merchant_id),
                tenant.live,
                place,
                list_of(types),
                resource,
                limit,
            )
        return [event_of(row) for row in rows]

    async def get(self, tenant: Tenant, id: int) -> Event:
        """Return one event. Raises NotFoundError, also for another tenant's, and LedgerUnavailableError."""
        with unavailable_raised():
            row = await self._pool.fetchrow(_GET, UUID(int=id), UUID(int=tenant.merchant_id), tenant.live)
        if row is None:
            raise NotFoundError("there is no such event")
        return event_of(row)

    async def follow(self, tenant: Tenant, *, after: int, types: Collection[str] = ()) -> AsyncGenerator[Event, None]:
        """Yield events as they become durable, each once and in order, for as long as the caller asks.

        Raises LedgerUnavailableError: the database is away; begin again after the last event seen.
        """
        while True:
            # Asked for first: what becomes durable while the database answers is noticed too.
            arrival, seen = self._tail.arrival(tenant), self._tail.head
            events = await self.read(tenant, after=after, types=types, limit=PAGE)
            for event in events:
                yield event
                after = event.sequence
            if len(events) < PAGE:
                # What other types there are up to here need not be passed over again.
                after = max(after, seen)
                await arrival.wait()

    async def last(self, tenant: Tenant) -> Event | None:
        """Return the last event there is, None where there is none. Raises LedgerUnavailableError."""
        with unavailable_raised():
            row = await self._pool.fetchrow(_LAST, UUID(int=tenant.merchant_id), tenant.live)
        return None if row is None else event_of(row)


def list_of(types: Collection[str]) -> list[str] | None:
    """Return what a query takes for a filter by types: NULL for none."""
    return [str(type) for type in types] or None


def event_of(row: asyncpg.Record) -> Event:
    """Return the event in a row that has all columns of the table."""
    return Event(
        sequence=row["sequence"],
        id=row["id"].int,
        tenant=Tenant(row["merchant_id"].int, row["live"]),
        type=row["type"],
        resource_id=row["resource_id"].int,
        data=row["data"].encode(),
        created_at=row["created_at"],
    )
