"""B6: reads beside 2,000 writes a second. Open loop: both leave on schedule, latencies count from the schedule."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator

import numpy as np

from bench import books
from bench.arrivals import schedule
from bench.latency import summary_ms
from bench.records import TransferSource, amount_of
from bench.result import Result
from bench.suite import Case, Suite, expect_created, let_settle
from pycore.ledger import AccountFilter, Ledger, Operation

_WRITES_PER_SECOND = 2_000
_SHARES = (50, 90)
_SECONDS = 6.0
_ACCOUNTS = 10_000
_PREFILLED = 200_000
_PAGE = 10
_HISTORY_SHARE = 0.2


class Mix:
    """The writes and reads of one run, and how late each was answered."""

    def __init__(self, ledger: Ledger, seed: int) -> None:
        self._ledger = ledger
        self._random = np.random.default_rng(seed)
        self.writes: list[float] = []
        self.reads: list[float] = []
        self.results: list[bytes] = []

    async def run(self, batches: list[bytes], reads_per_write: int, seconds: float) -> None:
        """Send everything when it is due and return when all of it is answered."""
        writes = schedule("poisson", len(batches) / seconds, seconds, seed=1)
        reads = schedule("poisson", len(batches) * reads_per_write / seconds, seconds, seed=2)
        started = time.perf_counter()
        await asyncio.gather(self._write(batches, writes + started), self._read(reads + started))

    async def _write(self, batches: list[bytes], due: np.typing.NDArray[np.float64]) -> None:
        async with asyncio.TaskGroup() as group:
            for batch, moment in zip(batches, due.tolist(), strict=True):
                await _until(moment)
                group.create_task(self._write_one(batch, moment))

    async def _write_one(self, batch: bytes, due: float) -> None:
        self.results.append(await self._ledger.submit(Operation.CREATE_TRANSFERS, batch))
        self.writes.append(time.perf_counter() - due)

    async def _read(self, due: np.typing.NDArray[np.float64]) -> None:
        accounts = self._random.integers(1, _ACCOUNTS + 1, len(due)).tolist()
        histories = (self._random.random(len(due)) < _HISTORY_SHARE).tolist()
        for account, history, moment in zip(accounts, histories, due.tolist(), strict=True):
            await _until(moment)
            if history:
                await self._ledger.account_transfers(AccountFilter(account_id=account, limit=_PAGE, reversed=True))
            else:
                await self._ledger.lookup_accounts([account])
            self.reads.append(time.perf_counter() - moment)


async def _until(moment: float) -> None:
    delay = moment - time.perf_counter()
    # A timer is no finer than a millisecond; what is already due must not wait for one.
    await asyncio.sleep(max(0.0, delay))


async def reads(suite: Suite) -> AsyncIterator[Result]:
    """Single writes at a steady rate, with as many or nine times as many reads beside them."""
    seconds = suite.seconds(_SECONDS)
    source = TransferSource(_ACCOUNTS)
    async with suite.new_ledger(accounts=_ACCOUNTS) as ledger:
        prefilled = source.batches(8000, suite.count(_PREFILLED) // 8000)
        created = expect_created([await ledger.submit(Operation.CREATE_TRANSFERS, batch) for batch in prefilled])
        posted = amount_of(prefilled)
        for share in _SHARES:
            await let_settle(ledger)
            batches = source.batches(1, int(_WRITES_PER_SECOND * seconds))
            mix = Mix(ledger, seed=share)
            meter = suite.cpu(ledger_and_client=os.getpid())
            await mix.run(batches, share // (100 - share), seconds)
            created += expect_created(mix.results)
            posted += amount_of(batches)
            books.check(ledger, created=created, posted=posted)
            writes = summary_ms(mix.writes)
            yield Result(
                name=f"reads_{share}",
                value=writes["p99"],
                unit="ms, p99 of a write",
                parameters={
                    "loop": "open, Poisson",
                    "writes_per_second": _WRITES_PER_SECOND,
                    "reads_per_second": _WRITES_PER_SECOND * share // (100 - share),
                    "history_share": _HISTORY_SHARE,
                    "write_latency_ms": writes,
                    "read_latency_ms": summary_ms(mix.reads),
                },
                cpu=meter.read(),
            )


CASES = (Case(reads, tuple(f"reads_{share}" for share in _SHARES)),)
