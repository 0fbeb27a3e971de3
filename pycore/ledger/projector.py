"""The task that follows the journal: confirmed batches become rows that people can query.

One step writes everything committed since the last one, in one transaction with its own position, so the projection is
also the snapshot a start begins from. Steps are spaced: the more a step holds, the less each transfer costs, and
nobody waits for it (recent history is read from memory).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import NamedTuple

import asyncpg
import structlog

from pycore import _core
from pycore.errors import LedgerFencedError, PycoreError
from pycore.ledger.chunks import Chunks
from pycore.ledger.lease import SHARD, Lease
from pycore.store import Connection, Store, copy_rows, reason_of, unavailable_raised

# A step costs a row per account touched, however many transfers touched it: seldom is cheap. What has not been
# projected yet is read from memory, and replayed at the next start.
_INTERVAL_SECONDS = 1.0
_RETRY_SECONDS = 0.5
# Few enough that the event loop is not held up while they are encoded: a fraction of a millisecond.
_TRANSFERS_PER_COPY = 2048

TRANSFER_COLUMNS = (
    "sequence", "id", "debit_account_id", "credit_account_id", "amount", "pending_id", "user_data_128",
    "user_data_64", "user_data_32", "timeout", "ledger", "code", "flags", "timestamp",
)  # fmt: skip
ACCOUNT_COLUMNS = (
    "id", "debits_pending", "debits_posted", "credits_pending", "credits_posted", "user_data_128",
    "user_data_64", "user_data_32", "ledger", "code", "flags", "timestamp",
)  # fmt: skip
HOLD_COLUMNS = ("id", "timestamp", "expires_at")
CLOSED_COLUMNS = ("id", "outcome", "closed_at")
FAILURE_COLUMNS = ("id", "timestamp")
BALANCE_COLUMNS = (
    "account_id", "timestamp", "debits_pending", "debits_posted", "credits_pending", "credits_posted",
)  # fmt: skip

_STAGING = """
CREATE TEMP TABLE accounts_staging (LIKE accounts) ON COMMIT DELETE ROWS;
CREATE TEMP TABLE holds_closed_staging (id uuid, outcome smallint, closed_at bigint) ON COMMIT DELETE ROWS;
"""
_MERGE_ACCOUNTS = """
INSERT INTO accounts SELECT * FROM accounts_staging
ON CONFLICT (id) DO UPDATE SET
    debits_pending = EXCLUDED.debits_pending, debits_posted = EXCLUDED.debits_posted,
    credits_pending = EXCLUDED.credits_pending, credits_posted = EXCLUDED.credits_posted, flags = EXCLUDED.flags
"""
_CLOSE_HOLDS = """
UPDATE holds SET outcome = closed.outcome, closed_at = closed.closed_at
FROM holds_closed_staging AS closed WHERE holds.id = closed.id AND holds.outcome = 1
"""
_ADVANCE = """
UPDATE ledger_projection SET projected_lsn = $3, sequence_next = $4, last_timestamp = $5,
    last_transfer_timestamp = $6, id_time_max_ms = $7
WHERE shard = $1 AND projected_lsn = $2
"""

log = structlog.get_logger()


class _Step(NamedTuple):
    """What one transaction writes, kept until it is known to be durable."""

    lsn: int
    projection: _core.Projection


class Projector:
    """Writes the projection, seals full chunks, and tells how far it is."""

    def __init__(
        self, store: Store, lease: Lease, engine: _core.Engine, chunks: Chunks, head_lsn: Callable[[], int], *, lsn: int
    ) -> None:
        """``head_lsn`` gives the last committed lsn; ``lsn`` is what the tables hold already."""
        self._store = store
        self._lease = lease
        self._engine = engine
        self._chunks = chunks
        self._head_lsn = head_lsn
        self._connection: Connection | None = None
        self._pending: _Step | None = None
        self._stepping = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._sealing: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._progress = asyncio.Event()
        self.lsn = lsn
        self.sequence_next = engine.sequence_next
        self.steps = 0

    def start(self) -> None:
        """Begin to follow the journal."""
        self._task = asyncio.create_task(self._run(), name="ledger-projector")

    async def close(self) -> None:
        """Project what is committed, then stop. What cannot be written now is written after the next start."""
        self._stopping.set()
        if self._task is not None:
            await self._task
        if self._sealing is not None:
            await self._sealing
        if self._connection is not None and not self._connection.is_closed():
            await self._connection.close(timeout=5)

    async def flush(self) -> None:
        """Return when everything committed before the call is in the tables. Raises LedgerUnavailableError."""
        target = self._head_lsn()
        while self.lsn < target:
            with unavailable_raised():
                await self._step()

    async def seal(self) -> None:
        """Return when every full chunk that is projected was tried to be indexed and let go."""
        for _ in range(self._chunks.first_open, self.sequence_next // self._chunks.chunk_size):
            self._seal_full_chunks()
            if self._sealing is not None:
                await self._sealing

    async def progressed(self) -> None:
        """Return after the next step. Raises LedgerFencedError when there will be none."""
        if self._task is None or self._task.done():
            raise LedgerFencedError
        self._progress.clear()
        await self._progress.wait()

    async def _run(self) -> None:
        while not self._stopping.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), _INTERVAL_SECONDS)
            try:
                await self._step()
                self._seal_full_chunks()
            except LedgerFencedError:
                log.warning("projection stopped", reason="another writer took over; the books are safe with it")
                self._progress.set()
                return
            except (OSError, PycoreError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                if self._stopping.is_set():
                    return
                log.warning("projection delayed", reason=reason_of(error), projected_lsn=self.lsn)
                await asyncio.sleep(_RETRY_SECONDS)

    async def _step(self) -> None:
        async with self._stepping:
            if self._pending is None:
                lsn = self._head_lsn()
                projection = self._engine.take_projection() if lsn > self.lsn else None
                if projection is None:
                    return
                self._pending = _Step(lsn, projection)
            step = self._pending
            connection = await self._connected()
            if await self._position(connection) != step.lsn:  # else: an attempt whose answer was lost
                await self._write(connection, step)
            self._chunks.tables_created(step.projection.first_sequence, step.projection.sequence_next)
            self._pending = None
            self.lsn, self.sequence_next = step.lsn, step.projection.sequence_next
            self.steps += 1
            self._progress.set()

    async def _position(self, connection: Connection) -> int:
        position: int = await connection.fetchval("SELECT projected_lsn FROM ledger_projection WHERE shard = $1", SHARD)
        return position

    async def _write(self, connection: Connection, step: _Step) -> None:
        projection = step.projection
        async with connection.transaction():
            await self._lease.hold(connection)
            await self._chunks.create_tables(connection, projection.first_sequence, projection.sequence_next)
            await _copy(connection, "accounts_staging", ACCOUNT_COLUMNS, projection.accounts)
            if projection.accounts:
                await connection.execute(_MERGE_ACCOUNTS)
            table = self._chunks.table_of(projection.first_sequence, projection.sequence_next)
            for first in range(projection.first_sequence, projection.sequence_next, _TRANSFERS_PER_COPY):
                end = min(first + _TRANSFERS_PER_COPY, projection.sequence_next)
                await _copy(connection, table, TRANSFER_COLUMNS, self._engine.transfer_rows(first, end))
            await _copy(connection, "holds", HOLD_COLUMNS, projection.holds_opened)
            await _copy(connection, "holds_closed_staging", CLOSED_COLUMNS, projection.holds_closed)
            if projection.holds_closed:
                await connection.execute(_CLOSE_HOLDS)
            await _copy(connection, "transfer_failures", FAILURE_COLUMNS, projection.failures)
            await _copy(connection, "account_balances", BALANCE_COLUMNS, projection.balances)
            advanced = await connection.execute(
                _ADVANCE,
                SHARD,
                self.lsn,
                step.lsn,
                projection.sequence_next,
                projection.last_timestamp,
                projection.last_transfer_timestamp,
                projection.id_time_max_ms,
            )
            if advanced != "UPDATE 1":
                raise LedgerFencedError

    async def _connected(self) -> Connection:
        if self._connection is None or self._connection.is_closed():
            self._connection = await self._store.connect()
            await self._connection.execute(_STAGING)
        return self._connection

    def _seal_full_chunks(self) -> None:
        """Begin to index the oldest full chunk beside the stream of rows, one at a time."""
        idle = self._sealing is None or self._sealing.done()
        if idle and (self._chunks.first_open + 1) * self._chunks.chunk_size <= self.sequence_next:
            self._sealing = asyncio.create_task(self._seal(self._chunks.first_open), name="ledger-seal")

    async def _seal(self, chunk: int) -> None:
        """Index a full chunk, record it, and only then let the engine forget it."""
        try:
            connection = await self._store.connect()
        except (OSError, PycoreError, asyncpg.PostgresError):
            return  # tried again after the next step
        try:
            async with connection.transaction():
                await self._lease.hold(connection)
                await connection.execute("SET LOCAL maintenance_work_mem = '256MB'")
                sealed = await self._chunks.seal(connection, chunk, self._engine.seal_chunk(chunk))
        except (OSError, LedgerFencedError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            log.warning("chunk not sealed", chunk=chunk, reason=reason_of(error))
            return
        finally:
            connection.terminate()
        self._chunks.sealed.append(sealed)
        self._engine.evict_chunk(chunk)
        self._progress.set()


async def _copy(connection: Connection, table: str, columns: tuple[str, ...], buffer: bytes) -> None:
    if buffer:
        await copy_rows(connection, table, columns, buffer)
