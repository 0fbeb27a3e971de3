"""A PostgreSQL server of the measurement's own, with as many databases as it needs."""

from __future__ import annotations

from pathlib import Path
from typing import Self
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import asyncpg

from pycore.config import StoreSettings
from pycore.store.embedded import EmbeddedServer
from pycore.store.layout import PORT


class DatabaseServer:
    """``async with DatabaseServer(folder) as server``: runs from a fresh data folder, stops at the end."""

    def __init__(self, folder: Path, *, shared_buffers_mib: int = 256) -> None:
        self.folder = folder
        settings = StoreSettings(data=str(folder), shared_buffers_mib=shared_buffers_mib)
        self._server = EmbeddedServer(settings, progress=lambda _line: None)

    async def __aenter__(self) -> Self:
        await self._server.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.stop()

    @property
    def pid(self) -> int:
        """The server's first process."""
        assert self._server.pid is not None
        return self._server.pid

    @property
    def dsn(self) -> str:
        """How to connect to the database a ledger uses when this is its own data folder."""
        return self._server.dsn

    @property
    def socket(self) -> Path:
        """The Unix socket it listens on."""
        return Path(_parameters(self._server.dsn)["host"]) / f".s.PGSQL.{PORT}"

    async def create(self, name: str) -> str:
        """Make an empty database and return how to connect to it."""
        await self._execute(f"CREATE DATABASE {name}")
        return urlunsplit(urlsplit(self._server.dsn)._replace(path=f"/{name}"))

    async def drop(self, name: str) -> None:
        """Drop a database, whoever is connected."""
        await self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    def through(self, dsn: str, socket_folder: Path) -> str:
        """Return the same database behind another socket."""
        query = urlencode(_parameters(dsn) | {"host": str(socket_folder)}, safe="/")
        return urlunsplit(urlsplit(dsn)._replace(query=query))

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self._server.dsn)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


def _parameters(dsn: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(dsn).query))
