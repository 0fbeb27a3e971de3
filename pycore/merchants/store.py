"""Stores: the places a merchant sells at, and the code each has on its counter."""

from time import time_ns
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from pycore.errors import CodeNotInUseError, InvalidRequestError, NotFoundError
from pycore.ids import new_id
from pycore.merchants.page import Page, checked_limit
from pycore.merchants.text import checked_name
from pycore.store import Made, Once, Pool, changing, unavailable_raised
from pycore.tenant import Tenant

STORE_PREFIX: Final = "sto"

CODE_AMOUNT_MAX: Final = 5_000_000
"""Minor units of one payment at a store's code, where nothing else is said."""
CODE_OPEN_MAX: Final = 100
"""Payments at a store's code that nobody paid yet, where nothing else is said."""

_AMOUNT_HIGHEST: Final = 2**53 - 1
_OPEN_HIGHEST: Final = 10_000
_COLUMNS: Final = "id, merchant_id, live, name, code_id, code_enabled, code_amount_max, code_open_max, created_at"
_GET: Final = f"SELECT {_COLUMNS} FROM stores WHERE id = $1"


class StoreCode(msgspec.Struct, frozen=True):
    """The code on a store's counter.

    Attributes:
        id: what it stands for; another after each rotation.
        is_enabled: whether it can be paid at.
        amount_max: of one payment, minor units.
        open_max: payments at it that nobody paid yet.
    """

    id: int
    is_enabled: bool
    amount_max: int
    open_max: int


class MerchantStore(msgspec.Struct, frozen=True):
    """A merchant's store.

    Attributes:
        id: its id; ``sto_…`` outside.
        tenant: whose it is.
        name: for people.
        code: what its customers scan.
        created_at: nanoseconds since 1970.
    """

    id: int
    tenant: Tenant
    name: str
    code: StoreCode
    created_at: int


class StoreChanges(msgspec.Struct, frozen=True, kw_only=True):
    """What to change of a store; what is not set stays."""

    name: str | UnsetType = UNSET
    code_enabled: bool | UnsetType = UNSET
    code_amount_max: int | UnsetType = UNSET
    code_open_max: int | UnsetType = UNSET

    def checked(self) -> tuple[str | None, bool | None, int | None, int | None]:
        """Return what to write, None for what stays. Raises InvalidRequestError."""
        return (
            None if self.name is UNSET else checked_name(self.name, "name"),
            None if self.code_enabled is UNSET else self.code_enabled,
            _checked_count(self.code_amount_max, _AMOUNT_HIGHEST, "code_amount_max"),
            _checked_count(self.code_open_max, _OPEN_HIGHEST, "code_open_max"),
        )


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
                    "INSERT INTO stores"
                    " (id, merchant_id, live, name, code_id, code_amount_max, code_open_max, created_at)"
                    f" VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING {_COLUMNS}",
                    UUID(int=id),
                    UUID(int=tenant.merchant_id),
                    tenant.live,
                    checked_name(name, "name"),
                    UUID(int=new_id()),
                    CODE_AMOUNT_MAX,
                    CODE_OPEN_MAX,
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

    async def of_code(self, code_id: int) -> MerchantStore:
        """Return the store whose code it is. Raises CodeNotInUseError, LedgerUnavailableError."""
        with unavailable_raised():
            row = await self._pool.fetchrow(
                f"SELECT {_COLUMNS} FROM stores WHERE code_id = $1 AND code_enabled", UUID(int=code_id)
            )
        if row is None:
            raise CodeNotInUseError
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

    async def update(self, tenant: Tenant, store_id: int, changes: StoreChanges) -> MerchantStore:
        """Return the store, changed; a code that was disabled takes no payment from now on.

        Raises InvalidRequestError, NotFoundError, LedgerUnavailableError, OutcomeUnknownError.
        """
        return await self._change(
            tenant,
            store_id,
            "name = coalesce($4, name), code_enabled = coalesce($5, code_enabled),"
            " code_amount_max = coalesce($6, code_amount_max), code_open_max = coalesce($7, code_open_max)",
            *changes.checked(),
        )

    async def rotate_code(self, tenant: Tenant, store_id: int) -> MerchantStore:
        """Return the store with another code, enabled as the old one was; the old one is nobody's from now on.

        Raises NotFoundError, LedgerUnavailableError, OutcomeUnknownError.
        """
        return await self._change(tenant, store_id, "code_id = $4", UUID(int=new_id()))

    async def _change(self, tenant: Tenant, store_id: int, assignments: str, *values: Any) -> MerchantStore:
        async with changing(self._pool) as connection:
            row = await connection.fetchrow(
                f"UPDATE stores SET {assignments} WHERE id = $1 AND merchant_id = $2 AND live = $3"
                f" RETURNING {_COLUMNS}",
                UUID(int=store_id),
                UUID(int=tenant.merchant_id),
                tenant.live,
                *values,
            )
        if row is None:
            raise NotFoundError("there is no such store")
        return _store(row)


def _checked_count(count: int | UnsetType, highest: int, field: str) -> int | None:
    if count is UNSET:
        return None
    if not 1 <= count <= highest:
        raise InvalidRequestError(f"{field}: must be 1 to {highest}, as in 100; nothing was recorded: correct it")
    return count


def _store(row: Any) -> MerchantStore:
    return MerchantStore(
        id=row["id"].int,
        tenant=Tenant(row["merchant_id"].int, row["live"]),
        name=row["name"],
        code=StoreCode(row["code_id"].int, row["code_enabled"], row["code_amount_max"], row["code_open_max"]),
        created_at=row["created_at"],
    )
