"""B7 with a synchronous standby: what it costs that a second server has every batch before it is acknowledged."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from statistics import median

from bench import books
from bench.latency import summary_ms
from bench.records import TransferSource
from bench.result import Result, compared
from bench.standby import synchronous_standby
from bench.suite import Case, Suite, let_settle
from bench.workloads.durable import Round, submit_for, supply

_BATCHES = (1, 100, 8190)
_SECONDS = 2.0
_ROUNDS = 2
_ACCOUNTS = 10_000


async def standby(suite: Suite) -> AsyncIterator[Result]:
    """Every batch size without and then with a standby, on the same ledger."""
    seconds = suite.seconds(_SECONDS)
    source = TransferSource(_ACCOUNTS)
    alone: dict[int, list[Round]] = {}
    paired: dict[int, list[Round]] = {}
    async with suite.new_ledger(accounts=_ACCOUNTS) as ledger:

        async def measure(rounds: dict[int, list[Round]]) -> None:
            for batch in _BATCHES:
                for _ in range(_ROUNDS):
                    batches = supply(source, batch, seconds)
                    await let_settle(ledger)
                    rounds.setdefault(batch, []).append(await submit_for(ledger, batches, seconds))

        await measure(alone)
        async with synchronous_standby(suite.database, suite.folder / "standby"):
            meter = suite.cpu(ledger_and_client=os.getpid())
            await measure(paired)
            cpu = meter.read()
        every = [each for rounds in (*alone.values(), *paired.values()) for each in rounds]
        books.check(ledger, created=sum(each.transfers for each in every), posted=sum(each.amount for each in every))
    for batch in _BATCHES:
        yield compared(
            f"standby_durable_{batch}",
            median(each.rate for each in paired[batch]),
            "transfers/s",
            median(each.rate for each in alone[batch]),
            parameters={
                "batch": batch,
                "loop": "closed",
                "standby": "same machine, synchronous_commit = on",
                "latency_ms": summary_ms([latency for each in paired[batch] for latency in each.latencies]),
            },
            cpu=cpu,
        )


CASES = (Case(standby, tuple(f"standby_durable_{batch}" for batch in _BATCHES)),)
