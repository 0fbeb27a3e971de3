"""Whether customers and stores that payments name are the tenant's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple
from uuid import UUID

from pycore.payments.record import PaymentRecord
from pycore.store import Store, unavailable_raised
from pycore.tenant import Tenant

_KNOWN_MAX: Final = 1 << 18
_FIND: Final = {
    table: f"SELECT merchant_id, live, id FROM {table} WHERE id = ANY($1::uuid[])" for table in ("customers", "stores")
}


class Party(NamedTuple):
    """A customer or store, and whose it is said to be."""

    table: str
    tenant: Tenant
    id: int


class Parties:
    """Remembers who belongs to whom: neither customers nor stores ever change hands."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: set[Party] = set()

    async def unknown(self, records: Iterable[PaymentRecord]) -> set[Party]:
        """Return those named by the payments that are not their tenants'. Raises LedgerUnavailableError."""
        missing = {party for record in records for party in parties(record)} - self._known
        for table in {party.table for party in missing}:
            ids = [UUID(int=party.id) for party in missing if party.table == table]
            with unavailable_raised():
                rows = await self._store.pool.fetch(_FIND[table], ids)
            found = {Party(table, Tenant(row[0].int, row[1]), row[2].int) for row in rows} & missing
            missing -= found
            if len(self._known) >= _KNOWN_MAX:
                self._known.clear()
            self._known |= found
        return missing


def parties(record: PaymentRecord) -> list[Party]:
    """Return whom a payment names."""
    named = (("customers", record.customer_id), ("stores", record.store_id))
    return [Party(table, record.tenant, id) for table, id in named if id is not None]
