"""The database as the rest of the library uses it."""

import asyncio
from collections.abc import Awaitable, Callable, Generator
from pathlib import Path
from types import TracebackType

import asyncpg

from pycore.config import StoreSettings
from pycore.errors import ConfigurationError
from pycore.store.binaries import VERSION_MIN
from pycore.store.embedded import EmbeddedServer
from pycore.store.failure import unavailable_raised
from pycore.store.leftover import Progress
from pycore.store.migrations import FOLDER, migrate
from pycore.store.pool import Connection, Pool, connect, open_pool

_READY_SECONDS = 0.8
_CLOSE_SECONDS = 5.0


class Store:
    """A database whose schema is up to date: the pool for reads, connections for everything else.

    ``async with Store.open(StoreSettings(data="./data")) as store`` runs the embedded server for as long as the block
    lasts; with ``dsn`` set it uses yours. ``await Store.open(…)`` does the same, and ``close`` ends it.
    """

    def __init__(self, dsn: str, settings: StoreSettings, pool: Pool, server: EmbeddedServer | None) -> None:
        """Use ``Store.open``."""
        self.dsn = dsn
        """How to connect."""
        self.pool = pool
        """Connections for reads; they reconnect by themselves."""
        self.server = server
        """The embedded server, or None where you run your own."""
        self._settings = settings
        self._asking: asyncio.Task[bool] | None = None
        self._watches: list[asyncio.Task[None]] = []
        if server is not None:
            self._watches = [
                asyncio.create_task(server.supervise(), name="embedded-database"),
                asyncio.create_task(server.space.watch(), name="disk-space"),
            ]

    @classmethod
    def open(
        cls, settings: StoreSettings | None = None, *, progress: Progress | None = None, migrations: Path = FOLDER
    ) -> "OpenStore":
        """Start the embedded server if there is no ``dsn``, connect, check the version, migrate.

        Args:
            settings: where the database is.
            progress: is told what goes on, a line at a time; None: the log is.
            migrations: folder of the schema's files.

        Raises:
            DataFolderInUseError: another process uses the data folder.
            DatabaseStartError: the embedded server does not start.
            LedgerUnavailableError: the database is away.
            ConfigurationError: the dsn is wrong, or the server too old.
            MigrationError: the schema cannot be brought up to date.
        """
        return OpenStore(lambda: _open(settings or StoreSettings(), progress, migrations))

    async def connect(self) -> Connection:
        """Return a new connection that the caller closes. Raises LedgerUnavailableError or ConfigurationError."""
        return await connect(self.dsn, self._settings)

    async def ready(self) -> bool:
        """Return whether the database answers now and can be written to: it is no standby and its disk is not full."""
        if self.server is not None and self.server.space.is_full:
            return False
        if self._asking is None:
            self._asking = asyncio.create_task(self._is_writable(), name="database-ready")
            self._asking.add_done_callback(self._asked)
        # Not cancelled where it takes too long: the driver would wait for the server to hear of it.
        done, _ = await asyncio.wait([self._asking], timeout=_READY_SECONDS)
        return bool(done) and next(iter(done)).result()

    async def _is_writable(self) -> bool:
        try:
            return not await self.pool.fetchval("SELECT pg_is_in_recovery()")
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError):
            return False

    def refuse_when_full(self) -> None:
        """Raise LedgerUnavailableError where the embedded server's disk has no room for writes."""
        if self.server is not None:
            self.server.space.refuse_when_full()

    def _asked(self, _: asyncio.Task[bool]) -> None:
        self._asking = None

    async def close(self) -> None:
        """Close the pool and stop the embedded server."""
        for watch in self._watches:
            watch.cancel()
        if self._watches:
            await asyncio.wait(self._watches)
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self.pool.close()
        except TimeoutError:
            self.pool.terminate()
        if self.server is not None:
            await self.server.stop()


class OpenStore:
    """What ``Store.open`` returns: await it, or use it in ``async with``."""

    def __init__(self, start: Callable[[], Awaitable[Store]]) -> None:
        self._start = start
        self._store: Store | None = None

    def __await__(self) -> Generator[None, None, Store]:
        return self._start().__await__()

    async def __aenter__(self) -> Store:
        self._store = await self._start()
        return self._store

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._store is not None:
            await self._store.close()


async def _open(settings: StoreSettings, progress: Progress | None, migrations: Path) -> Store:
    server = None
    if settings.dsn is None:
        server = EmbeddedServer(settings, progress)
        await server.start()
    dsn = settings.dsn if server is None else server.dsn
    try:
        await _bring_up_to_date(dsn or "", settings, migrations)
        pool = await open_pool(dsn or "", settings, None if server is None else server.space)
    except BaseException:
        if server is not None:
            await server.stop()
        raise
    return Store(dsn or "", settings, pool, server)


async def _bring_up_to_date(dsn: str, settings: StoreSettings, migrations: Path) -> None:
    connection = await connect(dsn, settings)
    try:
        version = connection.get_server_version().major
        if version < VERSION_MIN:
            raise ConfigurationError(
                f"the server is PostgreSQL {version}, and {VERSION_MIN} or newer is needed; nothing was changed"
            )
        with unavailable_raised():
            await migrate(connection, migrations)
    finally:
        await connection.close(timeout=5)
