"""Whether customers and stores that payments name are the tenant's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple
from uuid import UUID

from pycore.errors import NotFoundError
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

    @classmethod
    def customer(cls, tenant: Tenant, id: int | None) -> Party:
        """Return a customer."""
        return cls("customers", tenant, id or 0)

    def not_found(self) -> NotFoundError:
        """Return what the caller is told where it is not so."""
        what = self.table.removesuffix("s")
        return NotFoundError(f"{what}_id: there is no such {what}; nothing was recorded")


class Parties:
    """Remembers who belongs to whom: neither customers nor stores ever change hands."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: set[Party] = set()

    async def check(self, tenant: Tenant, customer_id: int | None, store_id: int | None) -> None:
        """Raise NotFoundError where one of them is not the tenant's, and LedgerUnavailableError."""
        for party in await self.unknown(parties(tenant, customer_id, store_id)):
            raise party.not_found()

    async def unknown(self, named: Iterable[Party]) -> set[Party]:
        """Return those that are not their tenants'. Raises LedgerUnavailableError."""
        missing = set(named) - self._known
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


def parties(tenant: Tenant, customer_id: int | None, store_id: int | None) -> list[Party]:
    """Return those that are named."""
    named = (("customers", customer_id), ("stores", store_id))
    return [Party(table, tenant, id) for table, id in named if id is not None]
