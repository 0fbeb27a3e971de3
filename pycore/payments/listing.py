"""Pages of payments, of refunds and of withdrawals, and what happened to one: what people and programs look through."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import Struct

from pycore.errors import InvalidRequestError, NotFoundError
from pycore.ids import ID_MAX
from pycore.merchants.page import Page, checked_limit
from pycore.moment import moment
from pycore.payments.cashier_links import Linked, without_link
from pycore.payments.payment import Payment, PaymentStatus, Refund, RefundStatus
from pycore.payments.record import payment_record, refund_record
from pycore.payments.wallet import Withdrawal, WithdrawalStatus, withdrawal_record
from pycore.store import Store, unavailable_raised
from pycore.tenant import Tenant

_OWNED: Final = {
    "payments": "SELECT 1 FROM payments WHERE id = $1 AND merchant_id = $2 AND live = $3",
    "refunds": "SELECT 1 FROM refunds WHERE id = $1 AND merchant_id = $2 AND live = $3",
    "withdrawals": "SELECT 1 FROM withdrawals WHERE id = $1 AND merchant_id = $2 AND live = $3",
}
_NAMES: Final = {"payments": "payment", "refunds": "refund", "withdrawals": "withdrawal"}
_OF_TRANSACTION: Final = "id IN (SELECT payment_id FROM payment_attempts WHERE transaction_id = {} AND live = $2)"
_OF_ORDER: Final = "id IN (SELECT payment_id FROM payment_attempts WHERE id = {} AND live = $2)"
_TIMELINE: Final = "SELECT at, kind, detail FROM payment_timeline WHERE payment_id = $1 ORDER BY sequence LIMIT 1000"
_EVENTS: Final = "SELECT created_at, type FROM events WHERE resource_id = $1 ORDER BY sequence LIMIT 1000"


class PaymentFilter(Struct, frozen=True, kw_only=True):
    """Which payments: those for which everything holds that is given.

    Attributes:
        limit: how many at most, 1 to 100.
        before_id: only those made before this one; the cursor.
        channel_transaction_id: the channel's own number, as on the payer's receipt.
        channel_order_number: our number at the channel, on the same receipt: that of one attempt.
        metadata: entries that it has, and perhaps others.
        created_from, created_before: with zone; to the millisecond.
    """

    limit: int = 20
    before_id: int | None = None
    status: PaymentStatus | None = None
    customer_id: int | None = None
    store_id: int | None = None
    merchant_reference: str | None = None
    channel_transaction_id: str | None = None
    channel_order_number: str | None = None
    metadata: Mapping[str, str] = {}
    created_from: datetime | None = None
    created_before: datetime | None = None


class RefundFilter(Struct, frozen=True, kw_only=True):
    """Which refunds: those for which everything holds that is given; as ``PaymentFilter``."""

    limit: int = 20
    before_id: int | None = None
    status: RefundStatus | None = None
    payment_id: int | None = None
    merchant_reference: str | None = None
    channel_transaction_id: str | None = None
    created_from: datetime | None = None
    created_before: datetime | None = None


class WithdrawalFilter(Struct, frozen=True, kw_only=True):
    """Which withdrawals: those for which everything holds that is given; as ``PaymentFilter``."""

    limit: int = 20
    before_id: int | None = None
    status: WithdrawalStatus | None = None
    customer_id: int | None = None
    merchant_reference: str | None = None
    created_from: datetime | None = None
    created_before: datetime | None = None


class _Conditions:
    """What rows of a tenant must be; only what is asked for is in the statement, so that its index is used."""

    def __init__(self, tenant: Tenant) -> None:
        self.values: list[Any] = [UUID(int=tenant.merchant_id), tenant.live]
        self._texts = ["merchant_id = $1", "live = $2"]

    def add(self, text: str, value: Any) -> None:
        """Demand ``text``, with the value in the place of ``{}``; nothing where the value is None."""
        if value is not None:
            self.values.append(value)
            self._texts.append(text.format(f"${len(self.values)}"))

    def query(self, table: str, limit: int) -> str:
        """Return the statement for one row more than ``limit``, newest first: it says whether there are more."""
        # An id begins with the time it was made, so ids are also the order of time.
        return f"SELECT * FROM {table} WHERE {' AND '.join(self._texts)} ORDER BY id DESC LIMIT {limit + 1}"


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

    async def page(self, tenant: Tenant, filter: PaymentFilter) -> Page[Payment]:
        """Return payments, newest first.

        Raises InvalidRequestError for a filter without sense, NotFoundError where there is no ``before_id``.
        """
        wanted = await self._conditions("payments", tenant, filter)
        wanted.add("customer_id = {}", _uuid(filter.customer_id))
        wanted.add("store_id = {}", _uuid(filter.store_id))
        wanted.add(_OF_TRANSACTION, filter.channel_transaction_id)
        if filter.channel_order_number is not None:
            number = attempt_of_order(filter.channel_order_number)
            if number is None:
                return Page([], has_more=False)
            wanted.add(_OF_ORDER, number)
        if filter.metadata:
            wanted.add("metadata::jsonb @> {}::text::jsonb", msgspec.json.encode(filter.metadata).decode())
        rows = await self._rows("payments", wanted, filter.limit)
        found = [self._linked(payment_record(row).public()) for row in rows]
        return Page(found[: filter.limit], len(found) > filter.limit)

    async def refunds(self, tenant: Tenant, filter: RefundFilter) -> Page[Refund]:
        """Return refunds, newest first.

        Raises InvalidRequestError for a filter without sense, NotFoundError where there is no ``before_id`` or no such
        payment.
        """
        wanted = await self._conditions("refunds", tenant, filter)
        if filter.payment_id is not None:
            await self._owned("payments", tenant, filter.payment_id)
            wanted.add("payment_id = {}", _uuid(filter.payment_id))
        wanted.add("transaction_id = {}", filter.channel_transaction_id)
        rows = await self._rows("refunds", wanted, filter.limit)
        found = [refund_record(row).public() for row in rows]
        return Page(found[: filter.limit], len(found) > filter.limit)

    async def withdrawals(self, tenant: Tenant, filter: WithdrawalFilter) -> Page[Withdrawal]:
        """Return withdrawals, newest first.

        Raises InvalidRequestError for a filter without sense, NotFoundError where there is no ``before_id``.
        """
        wanted = await self._conditions("withdrawals", tenant, filter)
        wanted.add("customer_id = {}", _uuid(filter.customer_id))
        rows = await self._rows("withdrawals", wanted, filter.limit)
        found = [withdrawal_record(row).public() for row in rows]
        return Page(found[: filter.limit], len(found) > filter.limit)

    async def withdrawal(self, tenant: Tenant, withdrawal_id: int) -> Withdrawal:
        """Return one withdrawal. Raises NotFoundError."""
        wanted = _Conditions(tenant)
        wanted.add("id = {}", _uuid(withdrawal_id))
        rows = await self._rows("withdrawals", wanted, 1)
        if not rows:
            raise NotFoundError("there is no such withdrawal")
        return withdrawal_record(rows[0]).public()

    async def timeline(self, tenant: Tenant, payment_id: int) -> list[TimelineEntry]:
        """Return what happened to a payment, oldest first. Raises NotFoundError."""
        await self._owned("payments", tenant, payment_id)
        pool, id = self._store.pool, UUID(int=payment_id)
        with unavailable_raised():
            steps = [(row[0], row[1], row[2].encode()) for row in await pool.fetch(_TIMELINE, id)]
            steps += [(row[0], row[1], b"{}") for row in await pool.fetch(_EVENTS, id)]
        steps.sort(key=lambda step: step[0])
        return [TimelineEntry(moment(at), kind, msgspec.Raw(detail)) for at, kind, detail in steps]

    async def _conditions(
        self, table: str, tenant: Tenant, filter: PaymentFilter | RefundFilter | WithdrawalFilter
    ) -> _Conditions:
        """Return what all kinds of lists can be asked for."""
        checked_limit(filter.limit)
        wanted = _Conditions(tenant)
        if filter.before_id is not None:
            await self._owned(table, tenant, filter.before_id)
        wanted.add("id < {}", _uuid(filter.before_id))
        wanted.add("id >= {}", _first_id(filter.created_from, "created_from"))
        wanted.add("id < {}", _first_id(filter.created_before, "created_before"))
        wanted.add("status = {}", filter.status)
        wanted.add("merchant_reference = {}", filter.merchant_reference)
        return wanted

    async def _rows(self, table: str, wanted: _Conditions, limit: int) -> list[Any]:
        with unavailable_raised():
            return list(await self._store.pool.fetch(wanted.query(table, limit), *wanted.values))

    async def _owned(self, table: str, tenant: Tenant, id: int) -> None:
        with unavailable_raised():
            found = await self._store.pool.fetchval(
                _OWNED[table], UUID(int=id), UUID(int=tenant.merchant_id), tenant.live
            )
        if found is None:
            raise NotFoundError(f"there is no such {_NAMES[table]}")


def attempt_of_order(number: str) -> UUID | None:
    """Return the id of the attempt an order was made for at a channel; None where the number is none of ours."""
    try:
        attempt = UUID(hex=number)
    except ValueError:
        return None
    return attempt if attempt.hex == number.lower() else None


def _uuid(id: int | None) -> UUID | None:
    return None if id is None else UUID(int=id)


def _first_id(at: datetime | None, field: str) -> UUID | None:
    """Return what no id made from then on is less than."""
    if at is None:
        return None
    if at.tzinfo is None:
        raise InvalidRequestError(f"{field}: the time needs a zone, as in 2027-01-01T00:00:00+08:00")
    milliseconds = int(at.timestamp() * 1000)
    return UUID(int=min(max(milliseconds, 0) << 80, ID_MAX))
