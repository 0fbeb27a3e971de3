"""Transfers with the rows of a payment in the same transaction, against the same transfers alone."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from functools import partial
from statistics import median
from typing import NamedTuple

from bench import books
from bench.latency import summary_ms
from bench.records import TransferSource, amount_of
from bench.result import Result, compared
from bench.suite import Case, Suite, expect_created, let_settle
from pycore.ids import new_id
from pycore.ledger import Insertion, Ledger, Operation, Table

# As many as fill a batch while the one before it is being made durable.
_CALLERS = {1: 64, 100: 200}
# What is made ahead of the clock; with rows, more than any machine we know of gets through.
_RATE_MAX = {1: 40_000, 100: 100_000}
_SECONDS = 2.0
_ROUNDS = 3
_ACCOUNTS = 10_000
_MERCHANT = new_id()
_ANSWER = (
    '{"id":"pay_0192f0a1b2c3d4e5f60718293a4b5c6d","object":"payment","amount":"1000","currency":"CNY","live":true,'
    '"status":"succeeded","method":"balance","merchant_reference":"order-1","created_at":"2026-11-22T00:00:00Z"}'
)

_PAYMENTS = Table(
    "payments",
    (
        ("id", "uuid"),
        ("merchant_id", "uuid"),
        ("live", "boolean"),
        ("merchant_reference", "text"),
        ("status", "text"),
        ("purpose", "text"),
        ("amount", "bigint"),
        ("currency", "text"),
        ("amount_captured", "bigint"),
        ("amount_refunded", "bigint"),
        ("capture_method", "text"),
        ("method", "text"),
        ("customer_id", "uuid"),
        ("subject", "text"),
        ("created_at", "bigint"),
        ("expires_at", "bigint"),
        ("updated_at", "bigint"),
        ("version", "integer"),
        ("idempotency_key", "text"),
        ("fingerprint", "bytea"),
    ),
)
_EVENTS = Table(
    "events",
    (
        ("id", "uuid"),
        ("merchant_id", "uuid"),
        ("live", "boolean"),
        ("type", "text"),
        ("resource_id", "uuid"),
        ("data", "json"),
        ("created_at", "bigint"),
    ),
)


class Round(NamedTuple):
    """One stretch of measuring."""

    payments: int
    amount: int
    seconds: float
    latencies: list[float]

    @property
    def rate(self) -> float:
        """Payments per second."""
        return self.payments / self.seconds


def payment_rows(count: int) -> list[Insertion]:
    """Return two rows for each of so many payments."""
    now, purchase = time.time_ns(), (_MERCHANT, True)
    ids = [new_id() for _ in range(count)]
    payment = ("succeeded", "purchase", 1000, "CNY", 1000, 0, "automatic", "balance", None, "tea", now, now, now, 1)
    return [
        Insertion(
            _PAYMENTS, [(id, *purchase, f"order-{id:032x}", *payment, f"key-{id:032x}", bytes(16)) for id in ids]
        ),
        Insertion(_EVENTS, [(new_id(), *purchase, "payment.succeeded", id, _ANSWER, now) for id in ids]),
    ]


async def _submit(ledger: Ledger, units: list[tuple[bytes, list[Insertion]]], callers: int, seconds: float) -> Round:
    """Let callers submit, each its next unit after the answer, until the time or the supply is over."""
    waiting = iter(units)
    results: list[bytes] = []
    sent: list[bytes] = []
    latencies: list[float] = []
    started = time.perf_counter()

    async def caller() -> None:
        for batch, rows in waiting:
            before = time.perf_counter()
            if before - started >= seconds:
                return
            rows_of = partial(_always, rows) if rows else None
            results.append(await ledger.enqueue(Operation.CREATE_TRANSFERS, batch, rows_of=rows_of))
            latencies.append(time.perf_counter() - before)
            sent.append(batch)

    await asyncio.gather(*[caller() for _ in range(callers)])
    spent = time.perf_counter() - started
    return Round(expect_created(results), amount_of(sent), spent, latencies)


def _always(rows: list[Insertion], _results: bytes) -> list[Insertion]:
    return rows


async def with_rows(suite: Suite) -> AsyncIterator[Result]:
    """One payment or a hundred per request, in turn with the transfers alone."""
    seconds = suite.seconds(_SECONDS)
    source = TransferSource(_ACCOUNTS)
    for batch, callers in _CALLERS.items():
        if not suite.wants(f"ledger_with_rows_{batch}"):
            continue
        async with suite.new_ledger(accounts=_ACCOUNTS) as ledger:
            rounds: dict[bool, list[Round]] = {True: [], False: []}
            meter = suite.cpu(ledger_and_client=os.getpid())
            for _ in range(_ROUNDS):
                for has_rows, done in rounds.items():
                    batches = source.batches(batch, int(_RATE_MAX[batch] * seconds) // batch + 1)
                    units = [(each, payment_rows(batch) if has_rows else []) for each in batches]
                    await let_settle(ledger)
                    done.append(await _submit(ledger, units, callers, seconds))
            created = sum(each.payments for done in rounds.values() for each in done)
            posted = sum(each.amount for done in rounds.values() for each in done)
            paid = sum(each.payments for each in rounds[True])
            books.check(ledger, created=created, posted=posted)
            await _expect_rows(ledger, paid)
            yield compared(
                f"ledger_with_rows_{batch}",
                median(each.rate for each in rounds[True]),
                "payments/s",
                median(each.rate for each in rounds[False]),
                parameters={
                    "batch": batch,
                    "callers": callers,
                    "rows": 2,
                    "loop": "closed",
                    "rounds": [round(each.rate) for each in rounds[True]],
                    "baseline_rounds": [round(each.rate) for each in rounds[False]],
                    "latency_ms": summary_ms([latency for each in rounds[True] for latency in each.latencies]),
                    "baseline_latency_ms": summary_ms(
                        [latency for each in rounds[False] for latency in each.latencies]
                    ),
                },
                cpu=meter.read(),
            )


async def _expect_rows(ledger: Ledger, count: int) -> None:
    for table in (_PAYMENTS, _EVENTS):
        found = await ledger.store.pool.fetchval(f"SELECT count(*) FROM {table.name}")
        if found != count:
            raise books.BooksError(f"{found} rows in {table.name}, {count} acknowledged")


CASES = (Case(with_rows, tuple(f"ledger_with_rows_{batch}" for batch in _CALLERS)),)
