"""Merchants on a real PostgreSQL."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from pycore.config import StoreSettings
from pycore.merchants import ApiKeys, Authenticator, KeyTerms, Merchants, Scope
from pycore.store import Store
from pycore.tenant import Tenant

ALL = KeyTerms(name="all", scopes=tuple(Scope))


class Clock:
    """A time of day and an age, both set by hand."""

    def __init__(self) -> None:
        self.seconds = 1_000_000.0

    def age(self) -> float:
        return self.seconds

    def time_ns(self) -> int:
        return int(self.seconds * 10**9)


class CountedPool:
    """A pool that counts its reads, and fails them where it is told to."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self.reads: list[Sequence[bytes]] = []
        self.error: BaseException | None = None

    async def fetch(self, query: str, digests: Sequence[bytes]) -> Any:
        self.reads.append(digests)
        if self.error is not None:
            raise self.error
        return await self._pool.fetch(query, digests)


@pytest.fixture
async def store(database_dsn: str) -> AsyncIterator[Store]:
    async with Store.open(StoreSettings(dsn=database_dsn)) as store:
        yield store


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pool(store: Store) -> CountedPool:
    return CountedPool(store.pool)


@pytest.fixture
def authenticator(pool: Any, clock: Clock) -> Authenticator:
    return Authenticator(pool, clock_ns=clock.time_ns, clock_seconds=clock.age)


@pytest.fixture
def keys(store: Store, authenticator: Authenticator, clock: Clock) -> ApiKeys:
    return ApiKeys(store.pool, authenticator.forget, clock_ns=clock.time_ns)


@pytest.fixture
async def tenant(store: Store) -> Tenant:
    merchant = await Merchants(store.pool).create("Blue Teapot")
    return Tenant(merchant.id, live=True)
