"""Watching one payment: woken by what happens to it and to nobody else, also when the log was empty before."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from pycore.events import EventTail
from pycore.events.watch import ResourceWatch
from pycore.ids import new_id
from pycore.store import Pool
from pycore.tenant import Tenant
from tests.unit.events.conftest import Happen


@pytest.fixture
async def watch(pool: Pool, tail: EventTail) -> AsyncIterator[ResourceWatch]:
    watch = ResourceWatch(pool, tail)
    yield watch
    await watch.close()


async def test_who_watches_is_woken(watch: ResourceWatch, happen: Happen, tenant: Tenant) -> None:
    ours, theirs = new_id(), new_id()
    with watch.watching(ours) as woken, watch.watching(ours) as too, watch.watching(theirs) as not_woken:
        for _ in range(2):
            woken.clear()
            too.clear()
            await happen(tenant, resources=[ours])
            await asyncio.wait_for(asyncio.gather(woken.wait(), too.wait()), 10)
        assert not not_woken.is_set()
        await happen(tenant, resources=[theirs])
        await asyncio.wait_for(not_woken.wait(), 10)
    assert not watch._watched
