"""From what PostgreSQL holds to a running engine: load the projection, replay the journal after it, check both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog

from pycore import _core
from pycore.errors import (
    JournalDamagedError,
    JournalKeyError,
    JournalVersionError,
    StateMismatchError,
)
from pycore.ledger import journal
from pycore.ledger.chunks import Chunks, table_name
from pycore.ledger.lease import SHARD
from pycore.store import Connection

_TRANSFER_COLUMNS = (
    "sequence, transfers.id, debit_account_id, credit_account_id, amount, pending_id, user_data_128, user_data_64,"
    ' user_data_32, timeout, ledger, code, flags, transfers."timestamp"'
)
_ACCOUNTS = (
    "SELECT id, debits_pending, debits_posted, credits_pending, credits_posted, user_data_128, user_data_64,"
    ' user_data_32, ledger, code, flags, "timestamp" FROM accounts ORDER BY "timestamp"'
)
_OPEN_HOLDS = """
SELECT {columns} FROM {table} AS transfers JOIN holds ON holds.id = transfers.id
WHERE holds.outcome = 1 AND holds."timestamp" BETWEEN {first} AND {last} ORDER BY sequence
"""

log = structlog.get_logger()


class Recovered:
    """A running engine and where it stands."""

    def __init__(self, engine: _core.Engine, chunks: Chunks, projected_lsn: int) -> None:
        self.engine = engine
        self.chunks = chunks
        self.projected_lsn = projected_lsn
        self.lsn = projected_lsn
        self.head = journal.GENESIS


async def is_new(connection: Connection) -> bool:
    """Return whether no key was ever recorded: the first start may make one."""
    return await connection.fetchval("SELECT 1 FROM ledger_identity WHERE shard = $1", SHARD) is None


async def identity(connection: Connection, key: bytes, *, chunk_size: int = 1 << 20) -> int:
    """Return the chunk size of this ledger, after checking that the key is the one that signed its journal.

    The first start records both: ``chunk_size`` is used then only. Raises JournalKeyError.
    """
    check = _core.key_check(key)
    await connection.execute(
        "INSERT INTO ledger_identity (shard, key_check, chunk_size) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        SHARD,
        check,
        chunk_size,
    )
    row = await journal.one(connection, "SELECT key_check, chunk_size FROM ledger_identity WHERE shard = $1", SHARD)
    if row["key_check"] != check:
        raise JournalKeyError
    recorded: int = row["chunk_size"]
    return recorded


async def recover(
    connection: Connection,
    key: bytes,
    *,
    chunk_size: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Recovered:
    """Return the engine in the state of the journal's last row.

    ``progress`` is called with the rows replayed and the rows to replay. Raises, naming row and cause:
    JournalKeyError, JournalDamagedError, JournalVersionError (a newer version wrote it), StateMismatchError (the
    projection is not what the journal says).
    """
    recovered = await load(connection, chunk_size)
    engine = recovered.engine
    last_lsn = await connection.fetchval("SELECT coalesce(max(lsn), 0) FROM ledger_journal")
    if last_lsn < recovered.projected_lsn:
        raise JournalDamagedError(
            last_lsn + 1, f"the journal ends at {last_lsn}, but the tables already follow row {recovered.projected_lsn}"
        )
    if recovered.projected_lsn:
        recovered.head = await connection.fetchval(
            "SELECT hash FROM ledger_journal WHERE lsn = $1", recovered.projected_lsn
        )
        if recovered.head is None:
            raise JournalDamagedError(recovered.projected_lsn, "it is missing")
    async for row in journal.read(connection, key, after_lsn=recovered.projected_lsn, head=recovered.head):
        replay(engine, row)
        recovered.lsn, recovered.head = row.lsn, row.hash
        progress(row.lsn - recovered.projected_lsn, last_lsn - recovered.projected_lsn)
    try:
        engine.check_invariants()
    except ValueError as error:
        raise StateMismatchError(str(error)) from error
    return recovered


def replay(engine: _core.Engine, row: journal.JournalRow) -> None:
    """Apply one journal row. Raises JournalVersionError, or JournalDamagedError where results or count differ."""
    try:
        batch = engine.replay(row.body, row.results_digest)
    except _core.BodyVersionError as error:
        raise JournalVersionError(row.lsn, str(error)) from error
    except ValueError as error:
        raise JournalDamagedError(row.lsn, str(error)) from error
    if batch.event_count != row.transfer_count:
        raise JournalDamagedError(row.lsn, f"it counts {row.transfer_count} events, but holds {batch.event_count}")


async def load(connection: Connection, chunk_size: int) -> Recovered:
    """Return an engine with the projection loaded, in one consistent read."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        position = await journal.one(
            connection,
            "SELECT projected_lsn, sequence_next, last_timestamp, last_transfer_timestamp, id_time_max_ms"
            " FROM ledger_projection WHERE shard = $1",
            SHARD,
        )
        chunks = await Chunks.load(connection, chunk_size)
        if [chunk.chunk for chunk in chunks.sealed] != list(range(len(chunks.sealed))):
            raise StateMismatchError("the sealed chunks of transfers are not complete")
        accounts = await connection.fetchval(
            "SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = 'accounts'::regclass"
        )
        engine = _core.Engine(chunk_size=chunk_size, accounts_capacity=accounts)
        try:
            await _copy_out(connection, _ACCOUNTS, engine.load_accounts)
            await _load_open_holds(connection, chunks, engine)
            for chunk in range(chunks.first_open, position["sequence_next"] // chunk_size + 1):
                if await connection.fetchval("SELECT to_regclass($1)", table_name(chunk)) is not None:
                    query = f"SELECT {_TRANSFER_COLUMNS} FROM {table_name(chunk)} AS transfers ORDER BY sequence"
                    await _copy_out(connection, query, engine.load_transfers)
            engine.finish_load(
                sequence_next=position["sequence_next"],
                last_timestamp=position["last_timestamp"],
                last_transfer_timestamp=position["last_transfer_timestamp"],
                id_time_max_ms=position["id_time_max_ms"],
            )
        except ValueError as error:
            raise StateMismatchError(str(error)) from error
    return Recovered(engine, chunks, position["projected_lsn"])


async def _load_open_holds(connection: Connection, chunks: Chunks, engine: _core.Engine) -> None:
    """Load the open holds that are older than the window (younger ones come with the window's chunks)."""
    times = [(chunk.table, chunk.first_timestamp, chunk.last_timestamp) for chunk in chunks.sealed]
    for table, first, last in times:
        waiting = await connection.fetchval(
            'SELECT 1 FROM holds WHERE outcome = 1 AND "timestamp" BETWEEN $1 AND $2 LIMIT 1', first, last
        )
        if waiting:
            query = _OPEN_HOLDS.format(columns=_TRANSFER_COLUMNS, table=table, first=first, last=last)
            await _copy_out(connection, query, engine.load_open_holds)
    first = chunks.sealed[-1].last_timestamp + 1 if chunks.sealed else 0
    query = _OPEN_HOLDS.format(columns=_TRANSFER_COLUMNS, table="transfers", first=first, last=(1 << 63) - 1)
    if await connection.fetchval('SELECT 1 FROM holds WHERE outcome = 1 AND "timestamp" >= $1 LIMIT 1', first):
        await _copy_out(
            connection,
            query.replace("WHERE", f"WHERE sequence >= {chunks.first_open * chunks.chunk_size} AND"),
            engine.load_open_holds,
        )


async def _copy_out(connection: Connection, query: str, load: Callable[[bytes], Any]) -> None:
    refused: ValueError | None = None

    async def output(data: bytes) -> None:
        nonlocal refused
        if refused is None:
            try:
                load(data)
            except ValueError as error:
                # Raised only when the stream has ended: breaking off a COPY can leave asyncpg waiting for ever.
                refused = error

    await connection.copy_from_query(query, output=output, format="binary")
    if refused is not None:
        raise refused
