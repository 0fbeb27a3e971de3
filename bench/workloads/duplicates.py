"""B10: 5 % of the ids are sent again soon, 1 % so late that only the database still knows them."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from statistics import median

import numpy as np

from bench import books
from bench.records import Records, TransferSource
from bench.result import Result, compared
from bench.suite import Case, Suite, expect_created, let_settle
from bench.workloads.durable import submit_for
from pycore.config import LedgerSettings
from pycore.ledger import CreateTransferStatus, Operation

_BATCH = 1000
_SOON, _LATE = 50, 10
_ROUNDS = 3
_SECONDS = 2.0
_ACCOUNTS = 10_000
_PREFILLED = 400_000
_RATE_MAX = 800_000
# So that the prefilled transfers have left memory when they come again.
_CHUNK_SIZE = 1 << 16


async def duplicates(suite: Suite) -> AsyncIterator[Result]:
    """Batches with repeats in turn with batches without, both through PostgreSQL."""
    seconds = suite.seconds(_SECONDS)
    count = int(_RATE_MAX * seconds) // _BATCH
    source = TransferSource(_ACCOUNTS)
    random = np.random.default_rng(1)
    settings = LedgerSettings(chunk_size=_CHUNK_SIZE)
    async with suite.new_ledger(accounts=_ACCOUNTS, settings=settings) as ledger:
        old = source.transfers(suite.count(_PREFILLED))
        for start in range(0, len(old), 8000):
            expect_created([await ledger.submit(Operation.CREATE_TRANSFERS, old[start : start + 8000].tobytes())])
        created = len(old)
        await let_settle(ledger)
        meter = suite.cpu(ledger_and_client=os.getpid())
        plain, repeated = [], []
        for _ in range(_ROUNDS):
            await let_settle(ledger)
            plain.append(await submit_for(ledger, source.batches(_BATCH, count), seconds))
            batches = _with_repeats(source, old[: len(old) // 2], random, count)
            await let_settle(ledger)
            repeated.append(await submit_for(ledger, batches, seconds, expected=_SHARES))
        created += sum(each.transfers for each in plain)
        created += sum(each.transfers * (_BATCH - _SOON - _LATE) // _BATCH for each in repeated)
        books.check(ledger, created=created)
        yield compared(
            "duplicates",
            median(each.rate for each in repeated),
            "transfers/s",
            median(each.rate for each in plain),
            parameters={
                "batch": _BATCH,
                "repeated_soon": _SOON / _BATCH,
                "repeated_late": _LATE / _BATCH,
                "ids_asked_of_the_database": ledger.stats().writer.cold_ids,
                "loop": "closed",
            },
            cpu=meter.read(),
        )


_SHARES: dict[int, int] = {
    CreateTransferStatus.CREATED: _BATCH - _SOON - _LATE,
    CreateTransferStatus.EXISTS: _SOON + _LATE,
}


def _with_repeats(source: TransferSource, old: Records, random: np.random.Generator, count: int) -> list[bytes]:
    batches = []
    recent = old[-_BATCH:]
    for number in range(count):
        new = source.transfers(_BATCH - _SOON - _LATE)
        soon = random.choice(recent, _SOON, replace=False) if number else new[:_SOON]
        late = random.choice(old, _LATE, replace=False)
        batches.append(np.concatenate([new, soon, late]).tobytes())
        recent = new
    return batches


CASES = (Case(duplicates, ("duplicates",)),)
