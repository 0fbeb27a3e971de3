"""A ledger on a fresh database, whose writer records the events, and merchants who want to know them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from uuid import UUID

import pytest

from pycore.events import (
    EVENTS,
    Deliveries,
    EventLog,
    EventTail,
    EventType,
    TargetGuard,
    WebhookEndpoints,
    event_row,
)
from pycore.ids import new_id
from pycore.ledger import Insertion, Ledger
from pycore.store import Pool
from pycore.tenant import Tenant
from pycore.vault import GivenKeySource, Vault

Happen = Callable[..., "asyncio.Future[None]"]
"""Writes so many events of a tenant, each of a resource of its own unless one is given."""


@pytest.fixture
async def ledger(database_dsn: str, tmp_path: Path) -> AsyncIterator[Ledger]:
    async with Ledger.open(dsn=database_dsn, data=tmp_path) as ledger:
        yield ledger


@pytest.fixture
def pool(ledger: Ledger) -> Pool:
    return ledger.store.pool


@pytest.fixture
async def tenant(pool: Pool) -> Tenant:
    return await merchant(pool)


async def merchant(pool: Pool, *, live: bool = False) -> Tenant:
    id = new_id()
    await pool.execute(
        "INSERT INTO merchants (id, name, status, requests_per_second, requests_burst, created_at)"
        " VALUES ($1, 'A shop', 'active', 1, 1, 1)",
        UUID(int=id),
    )
    return Tenant(id, live)


@pytest.fixture
def happen(ledger: Ledger, tail: EventTail) -> Happen:
    async def write(
        tenant: Tenant,
        count: int = 1,
        type: EventType = EventType.PAYMENT_SUCCEEDED,
        resources: Sequence[int] = (),
    ) -> None:
        chosen = resources or [new_id() for _ in range(count)]
        rows = [event_row(tenant, type, resource, b'{"amount":"%d"}' % at, at) for at, resource in enumerate(chosen)]
        await ledger.record([Insertion(EVENTS, rows)])
        tail.tell()

    return lambda *values, **named: asyncio.ensure_future(write(*values, **named))


@pytest.fixture
async def tail(pool: Pool) -> AsyncIterator[EventTail]:
    tail = EventTail(pool)
    tail.start()
    yield tail
    await tail.close()


@pytest.fixture
def log(pool: Pool, tail: EventTail) -> EventLog:
    return EventLog(pool, tail)


@pytest.fixture
def vault() -> Vault:
    source = GivenKeySource("11" * 32)
    return Vault.open(source, Vault.first_keys(source))


@pytest.fixture
def guard() -> TargetGuard:
    return TargetGuard(allow_loopback=True)


@pytest.fixture
def endpoints(pool: Pool, vault: Vault, guard: TargetGuard) -> WebhookEndpoints:
    return WebhookEndpoints(pool, vault, guard)


@pytest.fixture
def deliveries(pool: Pool) -> Deliveries:
    return Deliveries(pool)
