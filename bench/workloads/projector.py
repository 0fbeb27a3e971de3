"""Durable and projected, all indexes, the backlog not growing: the rate at which everything becomes queryable."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator

from bench import books
from bench.records import TransferSource, amount_of
from bench.result import Result
from bench.suite import Case, Suite, expect_created, let_settle
from pycore.ledger import Operation

_TRANSFERS = 4 << 20
_BATCH = 8190
_ACCOUNTS = 10_000


async def sustained(suite: Suite) -> AsyncIterator[Result]:
    """Post four chunks as fast as the ledger takes them; the clock stops when the last row and index are there."""
    count = suite.count(_TRANSFERS)
    batches = TransferSource(_ACCOUNTS).batches(_BATCH, -(-count // _BATCH))
    async with suite.new_ledger(accounts=_ACCOUNTS) as ledger:
        meter = suite.cpu(ledger_and_client=os.getpid())
        started = time.perf_counter()
        results = [await ledger.submit(Operation.CREATE_TRANSFERS, batch) for batch in batches]
        durable = time.perf_counter() - started
        await let_settle(ledger)
        seconds = time.perf_counter() - started
        created = expect_created(results)
        books.check(ledger, created=created, posted=amount_of(batches))
        yield Result(
            name="projector_sustained",
            value=created / seconds,
            unit="transfers/s",
            parameters={
                "transfers": created,
                "batch": _BATCH,
                "accounts": _ACCOUNTS,
                "durable_seconds": round(durable, 2),
                "durable_and_projected_seconds": round(seconds, 2),
            },
            cpu=meter.read(),
        )


CASES = (Case(sustained, ("projector_sustained",)),)
