"""The right to append: one row in PostgreSQL, raised by one whenever it changes hands.

An advisory lock keeps a second process from taking a ledger whose writer is alive; the epoch is what makes
that safe: every append checks it in its own transaction, so a writer that was overtaken can never commit.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket

import asyncpg

from pycore.errors import LedgerFencedError, LedgerInUseError
from pycore.store import Connection, Store, unavailable_raised

SHARD = 0
_ADVISORY_KEY = 0x7079_636F_7265  # "pycore", so that other users of the database do not meet it by chance

_LOCK_TIMEOUT_MS = 2000

_STILL_HELD = "SELECT 1 FROM ledger_lease WHERE shard = $1 AND holder = $2 FOR SHARE"


class Lease:
    """The writer's own connection and the epoch it may append under."""

    def __init__(self, store: Store) -> None:
        self._store = store
        # Unique, so that a raise of ours whose answer was lost is not taken for another writer's.
        self._holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._backend_pid = 0
        self._warning: tuple[object, str] | None = None
        self.epoch = 0
        self._connection: Connection | None = None

    @property
    def connection(self) -> Connection:
        """The writer's connection. Raises LookupError before the lease was taken."""
        if self._connection is None:
            raise LookupError("the lease was not taken")
        return self._connection

    async def take(self, *, by_force: bool = False) -> None:
        """Take the lease from whoever had it.

        ``by_force`` takes it from a writer that is alive as well: that writer can commit nothing from then on.
        Raises LedgerInUseError where another writer is alive, and LedgerUnavailableError where no database answers.
        """
        connection = await self._store.connect()
        try:
            with unavailable_raised():
                if not await self._lock(connection) and not by_force:
                    holder = await connection.fetchval("SELECT holder FROM ledger_lease WHERE shard = $1", SHARD)
                    raise LedgerInUseError(holder)
                self.epoch = await connection.fetchval(
                    "UPDATE ledger_lease SET epoch = epoch + 1, holder = $2, acquired_at = now()"
                    " WHERE shard = $1 RETURNING epoch",
                    SHARD,
                    self._holder,
                )
        except BaseException:
            await connection.close()
            raise
        self._adopt(connection)

    async def retake(self) -> None:
        """Continue on a new connection after the old one broke.

        Raising the epoch waits for whatever the broken connection had still under way: when this returns, it has
        either committed or never will. Raises LedgerFencedError where another writer took over meanwhile (the new
        connection is there all the same, to look what became of the last append).
        """
        self.connection.terminate()
        connection = await self._store.connect()
        connection.add_log_listener(self._heed)
        try:
            await connection.execute(
                "SELECT pg_terminate_backend($1) FROM pg_stat_activity WHERE pid = $1"
                " AND application_name = 'pycore-writer'",
                self._backend_pid,
            )
            epoch = await connection.fetchval(
                "UPDATE ledger_lease SET epoch = epoch + 1, acquired_at = now()"
                " WHERE shard = $1 AND holder = $2 RETURNING epoch",
                SHARD,
                self._holder,
            )
            self._refuse_warning(connection)
            if epoch is not None:
                self.epoch = epoch
                await self._lock_soon(connection)
        except BaseException:
            connection.terminate()
            raise
        self._adopt(connection)
        if epoch is None:
            raise LedgerFencedError

    async def hold(self, connection: Connection) -> None:
        """Keep the lease from changing hands until the transaction of ``connection`` ends.

        Raises LedgerFencedError where it has changed hands. Our own raises of the epoch do not count.
        """
        if await connection.fetchval(_STILL_HELD, SHARD, self._holder) is None:
            raise LedgerFencedError

    def refuse_warning(self) -> None:
        """Raise ConnectionResetError where PostgreSQL answered the last statement with a warning.

        A COMMIT whose wait for a synchronous standby was cancelled returns like any other, with a warning only: it is
        durable here, and lost should this machine die. Its outcome is unknown, as if the connection had broken.
        """
        self._refuse_warning(self._connection)

    async def release(self) -> None:
        """Give the advisory lock back by closing the connection."""
        if self._connection is not None and not self._connection.is_closed():
            await self._connection.close(timeout=5)

    async def _lock(self, connection: Connection) -> bool:
        await connection.execute("SET application_name = 'pycore-writer'")
        return bool(await connection.fetchval("SELECT pg_try_advisory_lock($1)", _ADVISORY_KEY))

    async def _lock_soon(self, connection: Connection) -> None:
        """Take the advisory lock once the broken connection's backend is gone; till then the epoch protects us."""
        await connection.execute("SET application_name = 'pycore-writer'")
        await connection.execute(f"SET lock_timeout = '{_LOCK_TIMEOUT_MS}ms'")
        with contextlib.suppress(asyncpg.LockNotAvailableError):
            await connection.execute("SELECT pg_advisory_lock($1)", _ADVISORY_KEY)
        await connection.execute("RESET lock_timeout")

    def _heed(self, connection: object, message: asyncpg.PostgresLogMessage) -> None:
        # The message itself is translated by the server, its severity is not to us: any warning is one too many.
        if message.severity_en == "WARNING":
            self._warning = (connection, message.message)

    def _refuse_warning(self, connection: object) -> None:
        # What a connection said that is gone by now (that its server crashed, say) tells nothing of this one.
        warning, self._warning = self._warning, None
        if warning is not None and warning[0] is connection:
            raise ConnectionResetError(f"COMMIT returned with a warning: {warning[1]}")

    def _adopt(self, connection: Connection) -> None:
        connection.add_log_listener(self._heed)
        self._connection = connection
        self._backend_pid = connection.get_server_pid()
