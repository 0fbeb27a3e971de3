"""Connections: a pool for reads, and single ones for the writer and other long-lived work, all set up alike."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeVar

import asyncpg
import structlog

from pycore.config import StoreSettings, mask_dsn
from pycore.errors import ConfigurationError
from pycore.store.failure import reason_of, unavailable_raised, unknown_raised
from pycore.store.space import DiskSpace

log = structlog.get_logger()

Answer = TypeVar("Answer")

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]
    Pool = asyncpg.Pool[asyncpg.Record]
    PoolConnection = asyncpg.pool.PoolConnectionProxy[asyncpg.Record]
else:
    Connection, Pool = asyncpg.Connection, asyncpg.Pool

# Mistakes in the connection string: waiting does not heal them.
_WRONG_DSN = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidPasswordError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.ClientConfigurationError,
    ValueError,
)

# An acknowledged batch is on disk, whatever the server's default; a stricter setting of the operator stays.
_ON_DISK = (
    "SELECT set_config('synchronous_commit', 'on', false)"
    " WHERE current_setting('synchronous_commit') NOT IN ('on', 'remote_apply')"
)

_SERVER_SETTINGS = {
    "application_name": "pycore",
    "timezone": "UTC",
    "jit": "off",
    # A statement that was planned while its table was small would go on reading all of it.
    "enable_seqscan": "off",
    "statement_timeout": "0",  # must never fall on a COMMIT: its outcome would be unknown
    "search_path": "public",
}

# A plan made while a table was small knows no difference between its indexes, and would be kept when it is large: a
# merchant's reference was looked for among all payments of the merchant. Planning takes a tenth of a millisecond.
_POOL = {"plan_cache_mode": "force_custom_plan"}

# A peer that vanishes without a word (a dead host, a cut cable) is noticed after this long, not after two hours.
_PEER_LOST_SECONDS = 20

STATEMENT_SECONDS_MAX: Final = 3.5
"""Seconds a statement of the pool may take: then its connection is cut, and the database counts as away."""
_CONNECT_SECONDS_MAX: Final = 3.0
_QUERIES_MAX: Final = 50_000
_IDLE_SECONDS_MAX: Final = 300.0
_ASK_AGAIN_SECONDS: Final = 0.25


class BoundedConnection(Connection):
    """A connection that is cut where a statement gets no answer.

    The driver's own time-out asks the server to cancel the statement and waits for that: for ever, where the server is
    stopped.
    """

    __slots__ = ("silent",)
    silent: Callable[[], None]
    """Is told when it is cut."""

    async def fetch(self, *arguments: Any, **options: Any) -> Any:
        """Return rows."""
        return await self._bounded(super().fetch(*arguments, **options))

    async def fetchrow(self, *arguments: Any, **options: Any) -> Any:
        """Return a row."""
        return await self._bounded(super().fetchrow(*arguments, **options))

    async def fetchval(self, *arguments: Any, **options: Any) -> Any:
        """Return a value."""
        return await self._bounded(super().fetchval(*arguments, **options))

    async def execute(self, *arguments: Any, **options: Any) -> Any:
        """Execute a statement."""
        return await self._bounded(super().execute(*arguments, **options))

    async def _bounded(self, statement: Awaitable[Answer]) -> Answer:
        timer = asyncio.get_running_loop().call_later(STATEMENT_SECONDS_MAX, self._cut)
        try:
            return await statement
        finally:
            timer.cancel()

    def _cut(self) -> None:
        self.silent()
        self.terminate()


class BoundedPool(Pool):
    """A pool that lets nobody wait for a server that does not answer.

    Once a statement or a connection got no answer in time, callers are refused at once, and one background task asks
    until the server answers again.
    """

    def __init__(self, dsn: str, space: DiskSpace | None, **options: Any) -> None:
        """``space`` is the room on the database's disk, where we know it."""
        super().__init__(dsn, connect=self._connect, **options)
        self.space = space
        self._asking: asyncio.Task[None] | None = None

    def acquire(self, *, timeout: float | None = None) -> Any:
        """Give a connection. Raises ConnectionRefusedError while the server is known not to answer."""
        self._refuse_silence()
        return super().acquire(timeout=timeout)

    async def _connect(self, *arguments: Any, **options: Any) -> Connection:
        self._refuse_silence()

        def silent() -> None:
            if self._asking is None:
                self._asking = asyncio.create_task(self._ask(arguments, options), name="database-silent")

        try:
            async with asyncio.timeout(_CONNECT_SECONDS_MAX):
                connection: BoundedConnection = await asyncpg.connect(*arguments, **options)
        except TimeoutError:
            silent()
            raise
        connection.silent = silent
        return connection

    def _refuse_silence(self) -> None:
        if self._asking is not None:
            raise ConnectionRefusedError("the server does not answer")

    async def _ask(self, arguments: tuple[Any, ...], options: dict[str, Any]) -> None:
        """Ask until the server answers, or refuses: then callers find out for themselves."""
        try:
            while True:
                await asyncio.sleep(_ASK_AGAIN_SECONDS)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_CONNECT_SECONDS_MAX):
                        connection = await asyncpg.connect(*arguments, **options)
                    connection.terminate()
                    break
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            log.info("the server refuses to be asked", reason=reason_of(error))
        finally:
            self._asking = None

    async def close(self) -> None:
        """Close the pool."""
        if self._asking is not None:
            self._asking.cancel()
        await super().close()

    def terminate(self) -> None:
        """Cut every connection."""
        if self._asking is not None:
            self._asking.cancel()
        super().terminate()


async def connect(dsn: str, settings: StoreSettings) -> Connection:
    """Return a new connection; the caller closes it.

    Raises:
        LedgerUnavailableError: the database is away.
        ConfigurationError: the connection string is wrong, or the database refuses that user.
    """
    try:
        with unavailable_raised():
            connection: Connection = await asyncpg.connect(dsn, **_arguments(settings))
            await _set_up(connection)
            return connection
    except _WRONG_DSN as error:
        raise _configuration_error(dsn, error) from error


async def open_pool(dsn: str, settings: StoreSettings, space: DiskSpace | None = None) -> Pool:
    """Return a pool whose connections are opened as they are needed. Raises as ``connect``.

    ``space`` is the room on the database's disk, where we know it.
    """
    try:
        with unavailable_raised():
            return await BoundedPool(
                dsn,
                space,
                min_size=0,
                max_size=settings.pool_connections_max,
                max_queries=_QUERIES_MAX,
                max_inactive_connection_lifetime=_IDLE_SECONDS_MAX,
                loop=None,
                connection_class=BoundedConnection,
                record_class=asyncpg.Record,
                init=_set_up,
                reset=_leave,
                **_arguments(settings, _POOL),
            )
    except _WRONG_DSN as error:
        raise _configuration_error(dsn, error) from error


@asynccontextmanager
async def changing(pool: Pool) -> AsyncIterator["PoolConnection"]:
    """Give a transaction to change rows in that the ledger's writer does not write.

    Raises LedgerUnavailableError where nothing was recorded, OutcomeUnknownError where that cannot be known.
    """
    if isinstance(pool, BoundedPool) and pool.space is not None:
        pool.space.refuse_when_full()
    with unavailable_raised():
        connection = await pool.acquire()
    try:
        with unknown_raised():
            async with connection.transaction():
                yield connection
    finally:
        await pool.release(connection)


def _arguments(settings: StoreSettings, more: Mapping[str, str] = MappingProxyType({})) -> dict[str, Any]:
    return {"timeout": settings.connect_timeout_ms / 1000, "server_settings": {**_SERVER_SETTINGS, **more}}


async def _leave(_connection: Connection) -> None:
    """Give a connection back as it is: nobody changes a session, and putting it right costs a round trip."""


async def _set_up(connection: Connection) -> None:
    _notice_a_lost_peer(connection)
    await connection.execute(_ON_DISK)


def _notice_a_lost_peer(connection: Connection) -> None:
    """Bound the silence of a TCP connection. The driver has no setting for it, so its socket is asked for."""
    transport = getattr(connection, "_transport", None)
    peer = transport.get_extra_info("socket") if transport is not None else None
    if peer is None or peer.family == socket.AF_UNIX:
        return
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (
        ("TCP_KEEPIDLE", _PEER_LOST_SECONDS // 2),
        ("TCP_KEEPINTVL", _PEER_LOST_SECONDS // 4),
        ("TCP_KEEPCNT", 2),
        ("TCP_USER_TIMEOUT", _PEER_LOST_SECONDS * 1000),
    ):
        if hasattr(socket, option):
            peer.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


def _configuration_error(dsn: str, error: Exception) -> ConfigurationError:
    return ConfigurationError(f"cannot connect to {mask_dsn(dsn)}: {error}; nothing was changed: correct the dsn")
