"""Connections: a pool for reads, and single ones for the writer and other long-lived work, all set up alike."""

import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import asyncpg

from pycore.config import StoreSettings, mask_dsn
from pycore.errors import ConfigurationError
from pycore.store.failure import unavailable_raised, unknown_raised

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


async def open_pool(dsn: str, settings: StoreSettings) -> Pool:
    """Return a pool whose connections are opened as they are needed. Raises as ``connect``."""
    try:
        with unavailable_raised():
            return await asyncpg.create_pool(
                dsn,
                min_size=0,
                max_size=settings.pool_connections_max,
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
