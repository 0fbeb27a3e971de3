"""A database that does not answer: nobody waits for it longer than a few seconds, and then nobody waits at all.

A stopped PostgreSQL held every read, and the driver's own time-out as well: it waits for the server to hear of it.
"""

import asyncio
import time
from contextlib import suppress

import pytest

from pycore.config import StoreSettings
from pycore.errors import LedgerUnavailableError
from pycore.store import pool as pools
from pycore.store import unavailable_raised
from pycore.store.pool import BoundedPool, open_pool


async def test_s6_a_statement_without_an_answer_ends_and_the_next_ones_are_refused_at_once(
    database_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "STATEMENT_SECONDS_MAX", 0.2)
    monkeypatch.setattr(pools, "_ASK_AGAIN_SECONDS", 0.5)
    pool = await open_pool(database_dsn, StoreSettings(dsn=database_dsn))
    with pytest.raises(LedgerUnavailableError), unavailable_raised():
        await pool.fetchval("SELECT pg_sleep(60)")
    with pytest.raises(LedgerUnavailableError), unavailable_raised():
        await pool.fetchval("SELECT 1")
    assert isinstance(pool, BoundedPool)
    while pool._asking is not None:
        await asyncio.sleep(0.01)
    assert await pool.fetchval("SELECT 1") == 1, "it answers again"
    await pool.close()


async def test_s6_a_server_that_takes_connections_and_is_silent_is_waited_for_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pools, "_CONNECT_SECONDS_MAX", 0.2)
    silent: list[asyncio.StreamWriter] = []

    async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        silent.append(writer)
        await reader.read()

    server = await asyncio.start_server(silence, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    dsn = f"postgresql://nobody@127.0.0.1:{port}/none"
    pool = await open_pool(dsn, StoreSettings(dsn=dsn))
    with pytest.raises(LedgerUnavailableError), unavailable_raised():
        await pool.fetchval("SELECT 1")
    seconds = []
    for _ in range(21):
        started = time.perf_counter()
        with pytest.raises(LedgerUnavailableError), unavailable_raised():
            await pool.fetchval("SELECT 1")
        seconds.append(time.perf_counter() - started)
    assert min(seconds) < 0.05, "those that come later do not wait"
    pool.terminate()
    for writer in silent:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
    server.close()
    await server.wait_closed()
