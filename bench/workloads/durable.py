"""B7: durable posting through ``pycore`` into PostgreSQL, by one caller that waits for each answer."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Mapping
from statistics import median
from typing import NamedTuple

from bench import bare_journal, books
from bench.latency import summary_ms
from bench.records import TransferSource, amount_of
from bench.result import Result, compared
from bench.suite import Case, Suite, expect, expect_created, let_settle
from pycore.ledger import Ledger, Operation

_BATCHES = (1, 10, 100, 1000, 8190)
_SECONDS = 2.0
_ROUNDS = 3
_ACCOUNTS = 10_000
# What is made ahead of the clock; more than any machine we know of gets through.
_RATE_MAX = {1: 12_000, 10: 100_000, 100: 800_000, 1000: 1_600_000, 8190: 1_600_000}


class Round(NamedTuple):
    """One stretch of measuring."""

    transfers: int
    amount: int
    seconds: float
    latencies: list[float]

    @property
    def rate(self) -> float:
        """Transfers per second."""
        return self.transfers / self.seconds


async def submit_for(
    ledger: Ledger, batches: list[bytes], seconds: float, expected: Mapping[int, int] | None = None
) -> Round:
    """Submit batches one after the other until the time or the supply is over.

    Every result must say ``created``, or each batch's results must be as ``expected`` by status. Raises BooksError.
    """
    results: list[bytes] = []
    latencies: list[float] = []
    submit, clock = ledger.submit, time.perf_counter
    started = before = clock()
    for batch in batches:
        results.append(await submit(Operation.CREATE_TRANSFERS, batch))
        now = clock()
        latencies.append(now - before)
        before = now
        if now - started >= seconds:
            break
    spent = before - started
    transfers = expect_created(results) if expected is None else expect(results, expected)
    return Round(transfers, amount_of(batches[: len(results)]), spent, latencies)


def supply(source: TransferSource, batch: int, seconds: float) -> list[bytes]:
    """Return more batches than can be submitted in so many seconds."""
    return source.batches(batch, int(_RATE_MAX[batch] * seconds) // batch + 1)


async def durable(suite: Suite) -> AsyncIterator[Result]:
    """Every batch size in turn with the bare loops, the middle one of several rounds.

    The baseline inserts rows of the same transfers as they are, 128 bytes each. The ledger compresses its rows, so a
    second bare loop inserts those: bytes somebody else has compressed, which is what no program could do faster.
    """
    seconds = suite.seconds(_SECONDS)
    created = posted = 0
    source = TransferSource(_ACCOUNTS)
    async with suite.new_database() as bare, suite.new_ledger(accounts=_ACCOUNTS) as ledger:
        for batch in _BATCHES:
            if not suite.wants(f"ledger_durable_{batch}"):
                continue
            plain, compressed = bare_journal.bodies(batch, _ACCOUNTS)
            rounds: list[Round] = []
            plain_rates: list[float] = []
            compressed_rates: list[float] = []
            meter = suite.cpu(ledger_and_client=os.getpid())
            for _ in range(_ROUNDS):
                batches = supply(source, batch, seconds)
                await let_settle(ledger)
                rounds.append(await submit_for(ledger, batches, seconds))
                await let_settle(ledger)
                plain_rates.append(await bare_journal.insert(bare, batch, plain, seconds))
                compressed_rates.append(await bare_journal.insert(bare, batch, compressed, seconds))
            created += sum(each.transfers for each in rounds)
            posted += sum(each.amount for each in rounds)
            books.check(ledger, created=created, posted=posted)
            rate = median(each.rate for each in rounds)
            yield compared(
                f"ledger_durable_{batch}",
                rate,
                "transfers/s",
                median(plain_rates),
                parameters={
                    "batch": batch,
                    "accounts": _ACCOUNTS,
                    "loop": "closed",
                    "baseline_body_bytes": len(plain[0]),
                    "body_bytes": len(compressed[0]),
                    "baseline_of_compressed_bodies": round(median(compressed_rates)),
                    "ratio_to_compressed_bodies": round(rate / median(compressed_rates), 3),
                    "rounds": [round(each.rate) for each in rounds],
                    "baseline_rounds": [round(each) for each in plain_rates],
                    "latency_ms": summary_ms([latency for each in rounds for latency in each.latencies]),
                },
                cpu=meter.read(),
            )


CASES = (Case(durable, tuple(f"ledger_durable_{batch}" for batch in _BATCHES)),)
