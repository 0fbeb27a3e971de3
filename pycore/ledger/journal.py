"""The journal: one row per batch, gap-free, each hash keyed over the one before it.

``hash = keyed BLAKE3(prev_hash, lsn, epoch, body)``: an edited, missing, moved or cut row does not fit.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

import asyncpg

from pycore import _core
from pycore.errors import JournalDamagedError, LedgerFencedError, StateMismatchError
from pycore.ledger.lease import SHARD, Lease
from pycore.ledger.rows import BatchRows
from pycore.store import Connection

GENESIS = bytes(32)
"""The hash before the first row."""

# The lease row is locked in the statement that appends, so that a takeover waits for the append or the append
# finds the epoch changed. One statement, one round trip, one transaction.
_APPEND = """
WITH lease AS (SELECT 1 FROM ledger_lease WHERE shard = $1 AND epoch = $2 FOR SHARE){beside}
INSERT INTO ledger_journal (lsn, epoch, transfer_count, prev_hash, hash, results_digest, body)
SELECT $3::bigint, $2, $4::integer, $5::bytea, $6::bytea, $7::bytea, $8::bytea FROM lease
RETURNING lsn
"""
_READ = (
    "SELECT lsn, epoch, transfer_count, prev_hash, hash, results_digest, body"
    " FROM ledger_journal WHERE lsn > $1 ORDER BY lsn LIMIT $2"
)


class JournalRow(NamedTuple):
    """A row whose place in the chain has been checked."""

    lsn: int
    epoch: int
    transfer_count: int
    hash: bytes
    results_digest: bytes
    body: bytes


class Journal:
    """The chain's head, and the only code that appends to it."""

    def __init__(self, lease: Lease, key: bytes, *, lsn: int = 0, head: bytes = GENESIS) -> None:
        self._lease = lease
        self._key = key
        self._head = head
        self._unsettled: tuple[int, bytes] = (0, GENESIS)
        self.lsn = lsn

    async def append(self, batch: _core.Batch, rows: BatchRows, under_way: Callable[[], None]) -> None:
        """Make a batch and its rows durable in one transaction.

        ``under_way`` is called at the moment from which on PostgreSQL is at work.

        Raises LedgerFencedError where another writer took over, a PostgreSQL error where the server refused (nothing
        was recorded), and a connection error where the outcome is unknown until ``settle``.
        """
        lease = self._lease
        lsn = self.lsn + 1
        digest = _core.chain_hash(self._key, self._head, lsn, lease.epoch, batch.body)
        self._unsettled = (lsn, digest)
        values = (SHARD, lease.epoch, lsn, batch.event_count, self._head, digest, batch.results_digest, batch.body)
        beside, documents = rows.beside_append(len(values) + 1)
        sql = _APPEND.format(beside=beside)
        if not rows.is_copied:
            under_way()
        if rows.needs_transaction:
            async with lease.connection.transaction():
                await rows.write(lease.connection, under_way)
                appended = await lease.connection.fetchval(sql, *values, *documents)
                if appended is None:
                    raise LedgerFencedError
        else:
            appended = await lease.connection.fetchval(sql, *values, *documents)
        if appended is None:
            raise LedgerFencedError
        lease.refuse_warning()
        self._advance()

    async def settle(self) -> bool:
        """Return whether the last append is in the journal, after the connection broke under it.

        Raises LedgerFencedError where another writer holds the lease by now and the append is not there.
        """
        overtaken: LedgerFencedError | None = None
        try:
            await self._lease.retake()
        except LedgerFencedError as error:
            overtaken = error
        lsn, digest = self._unsettled
        found = await self._lease.connection.fetchval("SELECT hash FROM ledger_journal WHERE lsn = $1", lsn)
        if found == digest:
            self._advance()
            return True
        if overtaken is not None or found is not None:
            raise overtaken or LedgerFencedError
        return False

    def _advance(self) -> None:
        self.lsn, self._head = self._unsettled


async def read(connection: Connection, key: bytes, *, after_lsn: int, head: bytes) -> AsyncIterator[JournalRow]:
    """Yield the rows after ``after_lsn`` in order, each checked against the one before it.

    Raises JournalDamagedError naming the first row that is missing or does not fit.
    """
    lsn, batch_rows = after_lsn, 64
    while True:
        found = await connection.fetch(_READ, lsn, batch_rows)
        for row in found:
            lsn += 1
            if row["lsn"] != lsn:
                raise JournalDamagedError(lsn, f"row {lsn} is missing, the next one is {row['lsn']}")
            if row["prev_hash"] != head:
                raise JournalDamagedError(lsn, "it does not continue the row before it")
            if row["hash"] != _core.chain_hash(key, head, lsn, row["epoch"], row["body"]):
                raise JournalDamagedError(lsn, "its hash does not match its content (or the key is another one)")
            head = row["hash"]
            yield JournalRow(lsn, row["epoch"], row["transfer_count"], head, row["results_digest"], row["body"])
        if len(found) < batch_rows:
            return


async def one(connection: Connection, query: str, *values: object) -> asyncpg.Record:
    """Return the one row of a table that always has one. Raises StateMismatchError where it was deleted."""
    row = await connection.fetchrow(query, *values)
    if row is None:
        raise StateMismatchError(f"a row that is always there was deleted: {query}")
    return row
