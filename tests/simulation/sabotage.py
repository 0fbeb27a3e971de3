"""The protections, removed one at a time: what the harness test runs the suite against.

``python -m tests.simulation.sabotage NAME [options of python -m api]`` serves a ledger without that protection.
Nothing of this is in the product: each sabotage replaces a piece of it in this process only.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from api.__main__ import command
from pycore.ledger import journal, lease, unit
from pycore.ledger.history import History
from pycore.ledger.journal import Journal
from pycore.ledger.writer import Writer

_EARLY_SECONDS = 0.05


@contextmanager
def acknowledge_before_commit() -> Iterator[None]:
    """Callers are answered while the batch is still on its way to the disk."""
    make_durable = Writer._make_durable

    async def answer_first(self: Writer, batch: Any, units: Any, written: Any) -> None:
        unit.answer(units, batch.results)
        await asyncio.sleep(_EARLY_SECONDS)
        await make_durable(self, batch, units, written)

    with mock.patch.object(Writer, "_make_durable", answer_first):
        yield


@contextmanager
def skip_the_epoch_check() -> Iterator[None]:
    """An append does not look whether another writer took over."""
    append = journal._APPEND.replace(
        "FROM ledger_lease WHERE shard = $1 AND epoch = $2 FOR SHARE", "WHERE $1::integer = 0"
    )
    held = lease._STILL_HELD.replace("holder = $2", "$2::text IS NOT NULL")
    with mock.patch.object(journal, "_APPEND", append), mock.patch.object(lease, "_STILL_HELD", held):
        yield


@contextmanager
def forget_old_ids() -> Iterator[None]:
    """Ids that have left memory are taken for new ones."""

    async def nothing(self: History, ids: Any) -> list[Any]:
        return []

    with mock.patch.object(History, "cold_records", nothing):
        yield


@contextmanager
def guess_that_nothing_was_recorded() -> Iterator[None]:
    """After a lost connection nobody looks whether the batch is in the journal."""
    settle = Journal.settle

    async def guess(self: Journal) -> bool:
        await settle(self)
        return False

    with mock.patch.object(Journal, "settle", guess):
        yield


@contextmanager
def guess_that_all_was_recorded() -> Iterator[None]:
    """After a lost connection the batch is taken for durable."""
    settle = Journal.settle

    async def guess(self: Journal) -> bool:
        if not await settle(self):
            self._advance()
        return True

    with mock.patch.object(Journal, "settle", guess):
        yield


@contextmanager
def skip_the_hash_chain() -> Iterator[None]:
    """Journal rows are read without looking at their hashes."""
    read_rows = "SELECT lsn, epoch, transfer_count, prev_hash, hash, results_digest, body"

    async def read(connection: Any, key: bytes, *, after_lsn: int, head: bytes) -> Any:
        rows = await connection.fetch(f"{read_rows} FROM ledger_journal WHERE lsn > $1 ORDER BY lsn", after_lsn)
        for row in rows:
            yield journal.JournalRow(*(value for name, value in row.items() if name != "prev_hash"))

    with mock.patch.object(journal, "read", read):
        yield


SABOTAGES: dict[str, Callable[[], Any]] = {
    each.__name__: each
    for each in (
        acknowledge_before_commit,
        skip_the_epoch_check,
        forget_old_ids,
        guess_that_nothing_was_recorded,
        guess_that_all_was_recorded,
        skip_the_hash_chain,
    )
}


if __name__ == "__main__":
    with SABOTAGES[sys.argv.pop(1)]():
        command()
