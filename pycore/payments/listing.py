"""Pages of payments, and what happened to one: what people and programs look through."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec
from msgspec import Struct

from pycore.errors import InvalidRequestError, NotFoundError
from pycore.ids import ID_MAX
from pycore.moment import moment
from pycore.payments.cashier_links import Linked, without_link
from pycore.payments.payment import Payment, PaymentStatus
from pycore.payments.record import payment_record
from pycore.store import Store, unavailable_raised
from pycore.tenant import Tenant

LIMIT_MAX: Final = 100

# A payment's id begins with the time it was made, so ids are also the order of time.
_PAGE: Final = """
SELECT * FROM payments
WHERE merchant_id = $1 AND live = $2 AND id >= $3 AND id < $4
    AND ($5::text IS NULL OR status = $5) AND ($6::uuid IS NULL OR customer_id = $6)
ORDER BY id DESC LIMIT $7
"""
_OWNED: Final = "SELECT 1 FROM payments WHERE id = $1 AND merchant_id = $2 AND live = $3"
_TIMELINE: Final = "SELECT at, kind, detail FROM payment_timeline WHERE payment_id = $1 ORDER BY sequence LIMIT 1000"
_EVENTS: Final = "SELECT created_at, type FROM events WHERE resource_id = $1 ORDER BY sequence LIMIT 1000"


class PaymentFilter(Struct, frozen=True, kw_only=True):
    """Which payments.

    Attributes:
        limit: how many at most, 1 to 100.
        before_id: only those made before this one; the cursor.
        created_from, created_before: with zone; to the millisecond.
    """

    limit: int = 20
    before_id: int | None = None
    status: PaymentStatus | None = None
    customer_id: int | None = None
    created_from: datetime | None = None
    created_before: datetime | None = None


class TimelineEntry(Struct, frozen=True):
    """One thing that happened to a payment: when, what, and the details."""

    at: datetime
    kind: str
    detail: msgspec.Raw


class PaymentLists:
    """Reads many payments at a time. All raise LedgerUnavailableError where the database is away."""

    def __init__(self, store: Store, linked: Linked = without_link) -> None:
        self._store = store
        self._linked = linked

    async def page(self, tenant: Tenant, filter: PaymentFilter) -> list[Payment]:
        """Return payments, newest first. Raises InvalidRequestError, NotFoundError for a filter without sense."""
        if not 1 <= filter.limit <= LIMIT_MAX:
            raise InvalidRequestError(f"limit: must be 1 to {LIMIT_MAX}")
        first = 0 if filter.created_from is None else _first_id(filter.created_from)
        end = ID_MAX if filter.created_before is None else _first_id(filter.created_before)
        if filter.before_id is not None:
            await self._owned(tenant, filter.before_id)
            end = min(end, filter.before_id)
        with unavailable_raised():
            rows = await self._store.pool.fetch(
                _PAGE,
                UUID(int=tenant.merchant_id),
                tenant.live,
                UUID(int=first),
                UUID(int=end),
                filter.status,
                None if filter.customer_id is None else UUID(int=filter.customer_id),
                filter.limit,
            )
        return [self._linked(payment_record(row).public()) for row in rows]

    async def timeline(self, tenant: Tenant, payment_id: int) -> list[TimelineEntry]:
        """Return what happened to a payment, oldest first. Raises NotFoundError."""
        await self._owned(tenant, payment_id)
        pool, id = self._store.pool, UUID(int=payment_id)
        with unavailable_raised():
            steps = [(row[0], row[1], row[2].encode()) for row in await pool.fetch(_TIMELINE, id)]
            steps += [(row[0], row[1], b"{}") for row in await pool.fetch(_EVENTS, id)]
        steps.sort(key=lambda step: step[0])
        return [TimelineEntry(moment(at), kind, msgspec.Raw(detail)) for at, kind, detail in steps]

    async def _owned(self, tenant: Tenant, payment_id: int) -> None:
        with unavailable_raised():
            found = await self._store.pool.fetchval(
                _OWNED, UUID(int=payment_id), UUID(int=tenant.merchant_id), tenant.live
            )
        if found is None:
            raise NotFoundError("there is no such payment")


def _first_id(at: datetime) -> int:
    """Return what no id made from then on is less than."""
    if at.tzinfo is None:
        raise InvalidRequestError("created_from, created_before: a time needs a zone")
    milliseconds = int(at.timestamp() * 1000)
    return min(max(milliseconds, 0) << 80, ID_MAX)
