"""B4: holds, of which 70 % are posted, 20 % voided and 10 % expire, durable, beside many that stay open."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import AsyncIterator
from statistics import median
from typing import NamedTuple

import numpy as np

from bench import books
from bench.records import PENDING, POST, VOID, Records, TransferSource
from bench.result import Result, compared
from bench.suite import Case, Suite, expect_created, let_settle
from bench.workloads.durable import submit_for
from pycore.ledger import Ledger, Operation

_BATCH = 1000
# So many of a batch are new holds and the rest ends old ones; a tenth of the new ones is left to expire.
_NEW = _BATCH * 10 // 19
_EXPIRING = _NEW // 10
_ROUNDS = 3
_SECONDS = 2.0
_ACCOUNTS = 10_000
_RATE_MAX = 800_000
_TIMEOUT_SECONDS = 1
_OPEN_HOLDS = {"two_phase": 10_000, "two_phase_1m": 1_000_000}


class Turn(NamedTuple):
    """A batch, the holds it opens that somebody will end, and those it ends."""

    batch: bytes
    opened: Records
    ended: Records


class Holds:
    """Batches that turn over holds: as many new ones as old ones end."""

    def __init__(self, source: TransferSource, seed: int) -> None:
        self._source = source
        self._random = np.random.default_rng(seed)
        self._open: deque[Records] = deque()

    def opening(self, count: int) -> bytes:
        """Return holds that stay until they are posted or voided."""
        records = self._source.transfers(count, flags=PENDING)
        self._open.append(records)
        return records.tobytes()

    def turn(self) -> Turn:
        """Return new holds, a tenth of which will expire, and posts and voids for the oldest ones."""
        holds = self._source.transfers(_NEW, flags=PENDING)
        holds["timeout"][:_EXPIRING] = _TIMEOUT_SECONDS
        oldest = self._take(_BATCH - _NEW)
        # Of those that do not expire 7 in 9 are posted.
        flags = np.where(self._random.random(len(oldest)) * 9 < 7, POST, VOID).astype(np.uint16)
        self._open.append(holds[_EXPIRING:])
        batch = holds.tobytes() + self._source.resolutions(oldest, flags).tobytes()
        return Turn(batch, holds[_EXPIRING:], oldest)

    def forget(self, unsent: list[Turn]) -> None:
        """Take back the last turns: sent much later, their ids would be those of late retries."""
        for turn in reversed(unsent):
            self._drop(len(turn.opened))
            self._open.appendleft(turn.ended)

    def _drop(self, count: int) -> None:
        while count:
            last = self._open.pop()
            if len(last) > count:
                self._open.append(last[:-count])
            count -= min(count, len(last))

    def _take(self, count: int) -> Records:
        taken: list[Records] = []
        while count:
            first = self._open.popleft()
            if len(first) > count:
                self._open.appendleft(first[count:])
                first = first[:count]
            taken.append(first)
            count -= len(first)
        return np.concatenate(taken)


async def two_phase(suite: Suite) -> AsyncIterator[Result]:
    """Two-phase batches in turn with batches of simple transfers, both through PostgreSQL."""
    seconds = suite.seconds(_SECONDS)
    count = int(_RATE_MAX * seconds) // _BATCH
    for name, open_holds in _OPEN_HOLDS.items():
        if not suite.wants(name):
            continue
        source = TransferSource(_ACCOUNTS)
        holds = Holds(source, seed=1)
        async with suite.new_ledger(accounts=_ACCOUNTS) as ledger:
            created = await _open_holds(ledger, holds, suite.count(open_holds))
            double, single = [], []
            meter = suite.cpu(ledger_and_client=os.getpid())
            for _ in range(_ROUNDS):
                turns = [holds.turn() for _ in range(count)]
                await let_settle(ledger)
                double.append(await submit_for(ledger, [turn.batch for turn in turns], seconds))
                holds.forget(turns[len(double[-1].latencies) :])
                await let_settle(ledger)
                single.append(await submit_for(ledger, source.batches(_BATCH, count), seconds))
            created += sum(each.transfers for each in [*double, *single])
            await _all_expired(ledger, sum(len(each.latencies) for each in double) * _EXPIRING)
            books.check(ledger, created=created)
            yield compared(
                name,
                median(each.rate for each in double),
                "transfers/s",
                median(each.rate for each in single),
                parameters={
                    "batch": _BATCH,
                    "open_holds": open_holds,
                    "posted_voided_expired": "70/20/10",
                    "expired": ledger.stats().writer.holds_expired,
                    "loop": "closed",
                },
                cpu=meter.read(),
            )


async def _open_holds(ledger: Ledger, holds: Holds, count: int) -> int:
    results = [
        await ledger.submit(Operation.CREATE_TRANSFERS, holds.opening(min(8190, count - start)))
        for start in range(0, count, 8190)
    ]
    return expect_created(results)


async def _all_expired(ledger: Ledger, expected: int) -> None:
    """Return when the holds that nobody ended have expired. Raises BooksError when it is another number of them."""
    while ledger.stats().writer.holds_expired < expected:
        await asyncio.sleep(0.05)
    if ledger.stats().writer.holds_expired != expected:
        raise books.BooksError(f"{ledger.stats().writer.holds_expired} holds expired, not {expected}")


CASES = (Case(two_phase, tuple(_OPEN_HOLDS)),)
