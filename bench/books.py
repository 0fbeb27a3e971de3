"""After every run the books are checked: a figure made by losing transfers is no figure."""

from __future__ import annotations

import asyncpg

from pycore import _core
from pycore.ledger import JournalKey, Ledger
from pycore.ledger import journal as ledger_journal

KEY = JournalKey(bytes(range(32)))
"""Every ledger of a measurement is signed with the same key."""

_CHUNK_SIZE = 1 << 20


class BooksError(AssertionError):
    """The ledger does not hold what it acknowledged."""


def check(ledger: Ledger, *, created: int, posted: int | None = None) -> None:
    """Compare counts, totals and invariants with what was acknowledged. Raises BooksError.

    ``created`` is the number of transfers in all, ``posted`` what they moved.
    """
    found = ledger.stats().transfers
    if found != created:
        raise BooksError(f"{found} transfers in the ledger, {created} acknowledged")
    totals = ledger.trial_balance()
    if not all(each.balanced for each in totals):
        raise BooksError(f"the trial balance does not balance: {totals}")
    if posted is not None and sum(each.debits_posted for each in totals) != posted:
        raise BooksError(f"{totals} in the ledger, {posted} acknowledged")
    ledger.check_invariants()


async def check_rebuild(dsn: str, state_hash: bytes) -> None:
    """Replay the whole journal into an empty engine; it must end in the same state. Raises BooksError."""
    connection = await asyncpg.connect(dsn)
    engine = _core.Engine(chunk_size=_CHUNK_SIZE)
    try:
        async for row in ledger_journal.read(connection, KEY.secret, after_lsn=0, head=ledger_journal.GENESIS):
            engine.replay(row.body, row.results_digest)
            if engine.sequence_next - engine.window_first_sequence >= 2 * _CHUNK_SIZE:
                # Only an engine that was projected may forget.
                engine.take_projection()
                engine.evict_chunk(engine.window_first_sequence // _CHUNK_SIZE)
    finally:
        await connection.close()
    if engine.state_hash() != state_hash:
        raise BooksError("the state rebuilt from the journal is another one")
