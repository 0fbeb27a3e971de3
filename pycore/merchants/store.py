"""Stores: the places a merchant sells at."""

from time import time_ns
from typing import Any, Final
from uuid import UUID

import msgspec

from pycore.errors import NotFoundError
from pycore.ids import new_id
from pycore.merchants.page import Page, checked_limit
from pycore.merchants.text import checked_name
from pycore.store import Made, Once, Pool, changing, unavailable_raised
from pycore.tenant import Tenant

STORE_PREFIX: Final = "sto"

_COLUMNS: Final = "id, merchant_id, live, name, created_at"
_GET: Final = f"SELECT {_COLUMNS} FROM stores WHERE id = $1"


class MerchantStore(msgspec.Struct, frozen=True):
    """A merchant's store.

    Attributes:
        id: its id; ``sto_…`` outside.
        tenant: whose it is.
        name: for people.
        created_at: nanoseconds since 1970.
    """

    id: int
    tenant: Tenant
    name: str
    created_at: int


class MerchantStores:
    """The stores of all merchants, in the platform's database."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def create(self, tenant: Tenant, name: str, once: Once | None = None) -> MerchantStore:
        """Return a new store; with ``once``, the one that the same request made before.

        Raises InvalidRequestError, IdempotencyMismatchError, LedgerUnavailableError, OutcomeUnknownError.
        """
        id = new_id()
        async with changing(self._pool) as connection:
            if once is not None and (earlier := await once.first(connection, Made(id))):
                row = await connection.fetchrow(_GET, UUID(int=earlier.id))
            else:
                row = await connection.fetchrow(
                    f"INSERT INTO stores ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5) RETURNING {_COLUMNS}",
                    UUID(int=id),
                    UUID(int=tenant.merchant_id),
                    tenant.live,
                    checked_name(name, "name"),
                    time_ns(),
                )
        return _store(row)

    async def get(self, tenant: Tenant | None, store_id: int) -> MerchantStore:
        """Return a store.

        Args:
            tenant: whose it must be; None: the platform itself asks.
            store_id: which.

        Raises LedgerUnavailableError, and NotFoundError also where it is another tenant's.
        """
        with unavailable_raised():
            row = await self._pool.fetchrow(_GET, UUID(int=store_id))
        if row is None or tenant not in {None, _store(row).tenant}:
            raise NotFoundError("there is no such store")
        return _store(row)

    async def list(self, tenant: Tenant, limit: int = 20, starting_after: int | None = None) -> Page[MerchantStore]:
        """Return stores, newest first.

        Raises InvalidRequestError, LedgerUnavailableError, and NotFoundError where there is no ``starting_after``.
        """
        if starting_after is not None:
            await self.get(tenant, starting_after)
        with unavailable_raised():
            rows = await self._pool.fetch(
                f"SELECT {_COLUMNS} FROM stores WHERE merchant_id = $1 AND live = $2"
                " AND ($3::uuid IS NULL OR id < $3) ORDER BY id DESC LIMIT $4",
                UUID(int=tenant.merchant_id),
                tenant.live,
                None if starting_after is None else UUID(int=starting_after),
                checked_limit(limit) + 1,
            )
        return Page([_store(row) for row in rows[:limit]], len(rows) > limit)


def _store(row: Any) -> MerchantStore:
    return MerchantStore(
        id=row["id"].int,
        tenant=Tenant(row["merchant_id"].int, row["live"]),
        name=row["name"],
        created_at=row["created_at"],
    )
