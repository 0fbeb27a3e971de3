"""Whether customers and stores a payment names are the tenant's."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from pycore.errors import NotFoundError
from pycore.store import Store, unavailable_raised
from pycore.tenant import Tenant

_KNOWN_MAX: Final = 1 << 18
_CUSTOMER: Final = "SELECT 1 FROM customers WHERE id = $1 AND merchant_id = $2 AND live = $3"
_STORE: Final = "SELECT 1 FROM stores WHERE id = $1 AND merchant_id = $2 AND live = $3"


class Parties:
    """Remembers who belongs to whom: neither customers nor stores ever change hands."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: set[tuple[Tenant, int]] = set()

    async def check(self, tenant: Tenant, customer_id: int | None, store_id: int | None) -> None:
        """Raise NotFoundError where one of them is not the tenant's, and LedgerUnavailableError."""
        if customer_id is not None and (tenant, customer_id) not in self._known:
            await self._look_up(_CUSTOMER, tenant, customer_id, "customer_id: there is no such customer")
        if store_id is not None and (tenant, store_id) not in self._known:
            await self._look_up(_STORE, tenant, store_id, "store_id: there is no such store")

    async def _look_up(self, query: str, tenant: Tenant, id: int, missing: str) -> None:
        with unavailable_raised():
            found = await self._store.pool.fetchval(query, UUID(int=id), UUID(int=tenant.merchant_id), tenant.live)
        if found is None:
            raise NotFoundError(f"{missing}; nothing was recorded")
        if len(self._known) >= _KNOWN_MAX:
            self._known.clear()
        self._known.add((tenant, id))
