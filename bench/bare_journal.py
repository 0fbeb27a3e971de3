"""The bare loop durable posting is compared with: the same connection, the same rows, nothing else."""

from __future__ import annotations

import time

import asyncpg

from bench.records import Records, TransferSource, accounts
from pycore import _core
from pycore.ledger import Operation

_TABLE = """
CREATE TABLE IF NOT EXISTS bare_journal (
    lsn bigint PRIMARY KEY, epoch bigint NOT NULL, transfer_count integer NOT NULL, prev_hash bytea NOT NULL,
    hash bytea NOT NULL, results_digest bytea NOT NULL, body bytea NOT NULL
);
ALTER TABLE bare_journal ALTER COLUMN body SET STORAGE EXTERNAL;
TRUNCATE bare_journal;
"""
_INSERT = "INSERT INTO bare_journal VALUES ($1, 1, $2, $3, $3, $3, $4) RETURNING lsn"
_HASH = bytes(32)
_BODIES = 8


def bodies(batch: int, account_count: int) -> tuple[list[bytes], list[bytes]]:
    """Return some batches of that size as they are, 128 bytes per transfer, and as the engine compresses them."""
    engine = _core.Engine()
    source = TransferSource(account_count)
    _applied(engine, Operation.CREATE_ACCOUNTS, accounts(min(account_count, 8190)))
    batches = [source.transfers(batch) for _ in range(_BODIES)]
    compressed = [_applied(engine, Operation.CREATE_TRANSFERS, records) for records in batches]
    return [records.tobytes() for records in batches], compressed


def _applied(engine: _core.Engine, operation: Operation, records: Records) -> bytes:
    body = engine.apply([(operation, records.tobytes())], time.time_ns()).body
    engine.commit()
    return body


async def insert(dsn: str, batch: int, made: list[bytes], seconds: float) -> float:
    """Insert rows one after the other for so long; return transfers per second."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(_TABLE)
        statement = await connection.prepare(_INSERT)
        lsn = 0
        started = time.perf_counter()
        while time.perf_counter() - started < seconds:
            lsn += 1
            await statement.fetchval(lsn, batch, _HASH, made[lsn % len(made)])
        return lsn * batch / (time.perf_counter() - started)
    finally:
        await connection.close()
