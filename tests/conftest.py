"""What all tests share: one embedded PostgreSQL per run, a fresh database per test."""

import asyncio
import os
import re
import sys
import threading
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from pycore.config import StoreSettings
from pycore.cores import share_one_core, use_all_cores
from pycore.store import EmbeddedServer
from pycore.store.layout import DATABASE


@pytest.fixture(scope="session")
def embedded_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """The server itself; tests that kill servers make their own."""
    folder: Path = tmp_path_factory.mktemp("embedded")
    server = EmbeddedServer(StoreSettings(data=str(folder), shared_buffers_mib=64))
    asyncio.run(server.start())
    yield server
    asyncio.run(server.stop())


@pytest.fixture
async def database_dsn(embedded_server: EmbeddedServer) -> AsyncIterator[str]:
    """The address of a new, empty database, dropped after the test."""
    name = f"test_{uuid.uuid4().hex}"
    connection = await asyncpg.connect(embedded_server.dsn)
    await connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    yield re.sub(rf"/{DATABASE}\?", f"/{name}?", embedded_server.dsn)
    await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await connection.close()


@pytest.fixture
def all_cores() -> Iterator[set[int]]:
    """The cores we may use, while Python's threads are kept on one of them."""
    if sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2:
        pytest.skip("needs Linux and two cores")
    cores = os.sched_getaffinity(0)
    share_one_core()
    yield cores
    for thread in threading.enumerate():
        use_all_cores(thread.native_id or 0)
