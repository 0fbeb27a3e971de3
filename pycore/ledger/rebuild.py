"""The projection made anew from the journal, for when its tables were damaged or lost. The journal is only read."""

from __future__ import annotations

from collections.abc import Callable

from pycore import _core
from pycore.ledger import journal, recovery
from pycore.ledger.chunks import Chunks
from pycore.ledger.key import JournalKey
from pycore.ledger.lease import Lease
from pycore.ledger.projector import Projector
from pycore.store import Store

_FLUSH_EVERY_ROWS = 256

_FORGET = """
DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'transfers'::regclass LOOP
        EXECUTE 'DROP TABLE ' || name;
    END LOOP;
END $$;
TRUNCATE accounts, holds, transfer_failures, account_balances, ledger_chunk;
UPDATE ledger_projection SET projected_lsn = 0, sequence_next = 0, last_timestamp = 0,
    last_transfer_timestamp = 0, id_time_max_ms = 0;
"""


async def rebuild(
    store: Store, key: JournalKey, *, progress: Callable[[int, int], None] = lambda done, total: None
) -> int:
    """Empty the projected tables, fill them from the journal, and return how many journal rows that took.

    Interrupted, the next start (or rebuild) goes on from where it was. ``progress`` is called with rows done and rows
    in all. Raises LedgerInUseError where a writer is alive, and JournalKeyError, JournalDamagedError or
    JournalVersionError before a row that cannot be trusted.
    """
    lease = Lease(store)
    await lease.take()
    try:
        return await _rebuild(store, lease, key, progress)
    finally:
        await lease.release()


async def _rebuild(store: Store, lease: Lease, key: JournalKey, progress: Callable[[int, int], None]) -> int:
    chunk_size = await recovery.identity(lease.connection, key.secret)
    total = await lease.connection.fetchval("SELECT coalesce(max(lsn), 0) FROM ledger_journal")
    async for _ in journal.read(lease.connection, key.secret, after_lsn=0, head=journal.GENESIS):
        pass  # The tables are emptied only for a journal that is whole.
    async with lease.connection.transaction():
        await lease.connection.execute(_FORGET)
    engine = _core.Engine(chunk_size=chunk_size)
    lsn = 0
    projector = Projector(store, lease, engine, Chunks(chunk_size), lambda: lsn, lsn=0)
    try:
        async for row in journal.read(lease.connection, key.secret, after_lsn=0, head=journal.GENESIS):
            recovery.replay(engine, row)
            lsn = row.lsn
            if lsn % _FLUSH_EVERY_ROWS == 0:
                await projector.flush()
                await projector.seal()
            progress(lsn, total)
        engine.check_invariants()
        await projector.flush()
        await projector.seal()
    finally:
        await projector.close()
    return lsn
