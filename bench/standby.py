"""A second PostgreSQL server that every commit waits for."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from bench.database import DatabaseServer
from pycore.store import launch
from pycore.store.binaries import find_binaries
from pycore.store.layout import USER, Layout
from pycore.store.owner import owner_of

_SECONDS_MAX = 60.0
_STATE = "SELECT sync_state FROM pg_stat_replication"


@asynccontextmanager
async def synchronous_standby(primary: DatabaseServer, folder: Path) -> AsyncIterator[None]:
    """Copy the primary and let its commits wait for the copy until the end of the block."""
    cluster = folder / "cluster"
    password = Layout(primary.folder).password.read_text()
    await _copy(primary.socket.parent, cluster, password.strip().rpartition(":")[2])
    owner = owner_of(cluster, None)
    owner.own_all(folder)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", launch.__file__, str(os.getpid()), str(folder / "lock")),
        *(str(owner.user), str(owner.group), find_binaries().program("postgres"), "-D", str(cluster)),
        *("-c", "listen_addresses=", "-c", f"unix_socket_directories={folder}"),
        cwd=cluster,
        stderr=DEVNULL,
    )
    try:
        await _wait_for(primary, "'*'", "sync")
        try:
            yield
        finally:
            await _wait_for(primary, "''", "async")
    finally:
        process.send_signal(signal.SIGINT)
        await process.wait()


async def _copy(socket_folder: Path, cluster: Path, password: str) -> None:
    process = await asyncio.create_subprocess_exec(
        find_binaries().program("pg_basebackup"),
        *("--host", str(socket_folder), "--username", USER, "--pgdata", str(cluster)),
        *("--write-recovery-conf", "--wal-method", "stream", "--checkpoint", "fast"),
        # Written into the standby's own configuration: it connects with it later.
        env=os.environ | {"PGPASSWORD": password},
    )
    if await process.wait():
        raise RuntimeError("the primary could not be copied")


async def _wait_for(primary: DatabaseServer, names: str, state: str) -> None:
    """Set which standbys a commit waits for, and return when the server sees it so."""
    connection = await asyncpg.connect(primary.dsn)
    try:
        await connection.execute(f"ALTER SYSTEM SET synchronous_standby_names = {names}")
        await connection.execute("SELECT pg_reload_conf()")
        async with asyncio.timeout(_SECONDS_MAX):
            while await connection.fetchval(_STATE) != state:
                await asyncio.sleep(0.05)
    finally:
        await connection.close()
