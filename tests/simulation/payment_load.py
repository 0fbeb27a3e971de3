"""T1 with payments: the merchant, the witness's command, and the comparison after every kill."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import asyncpg

from pycore.client import PaymentClient
from pycore.errors import PycoreError
from pycore.payments import Payment, Refund
from pycore.store.failure import is_unavailable
from pycore.store.layout import running_dsn
from tests.simulation import payment_calls
from tests.simulation.crew import read_log
from tests.simulation.expected_payments import ExpectedPayments, WrongPaymentsError
from tests.simulation.operator import operator
from tests.simulation.payment_calls import Answer, Call, ask, outcome_of
from tests.simulation.payment_shop import SETUP_TRANSFERS, Shop, fund_at, open_shop
from tests.simulation.report import Outcome

_SUBMIT = 1000
_SETTLED_SECONDS = 180
_RETRY_SECONDS = 0.05


class PaymentLoad:
    """Payments of one merchant, and what its systems were told of them."""

    def __init__(self) -> None:
        self._books = ExpectedPayments()
        self._shop: Shop | None = None
        self._asked_again = 0

    async def open(self, address: str, http: str, data: Path, seed: int) -> list[str]:
        """Prepare the server's data; return the witness's command."""
        dsn = running_dsn(data)
        async with asyncpg.create_pool(dsn, min_size=1, max_size=1) as pool:
            self._shop = await open_shop(pool, partial(fund_at, http))
        command = ["tests.simulation.payment_witness", address, "--seed", str(seed), "--key", self._shop.api_key]
        return [*command, "--customers", *self._shop.customer_ids]

    async def compare(self, address: str, data: Path, log: Path) -> None:
        """Compare server, tables and books with the log of one cycle. Raises WrongPaymentsError."""
        answered = _answered(log)
        touched = {id for call, answer in answered if (id := self._books.take(call, answer))}
        deadline = time.monotonic() + _SETTLED_SECONDS
        while True:
            try:
                await self._compare(address, data, touched, answered)
            except Exception as error:
                # Where nothing was under way nobody has waited for the database yet.
                if not is_unavailable(error) or time.monotonic() > deadline:
                    raise
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                return

    async def _compare(self, address: str, data: Path, touched: set[str], answered: list[tuple[Call, Answer]]) -> None:
        shop, dsn = self._shop, running_dsn(data)
        assert shop is not None
        if dsn is None:
            raise ConnectionError("PostgreSQL does not run yet")
        connection = await asyncpg.connect(dsn)
        try:
            async with operator(address, data, timeout_seconds=_SETTLED_SECONDS) as ledger:
                await self._books.compare(touched, shop, connection, ledger)
                await self._books.compare_replies(connection, (call for call, _ in answered))
                await self._ask_again(address, shop, [each for each in answered if each[1].told is not None])
                # Asking again did nothing.
                await self._books.compare(touched, shop, connection, ledger)
        finally:
            await connection.close()

    async def _ask_again(self, address: str, shop: Shop, told: list[tuple[Call, Answer]]) -> None:
        """Send every request of the cycle once more: each is answered to the letter as it was."""
        async with PaymentClient(address, api_key=shop.api_key, timeout_seconds=_SETTLED_SECONDS) as client:
            creates = [(call, answer) for call, answer in told if call.create is not None]
            for start in range(0, len(creates), _SUBMIT):
                page = creates[start : start + _SUBMIT]
                outcomes = await client.submit([(call.key, call.create) for call, _ in page if call.create])
                _unchanged(page, outcomes)
            others = [(call, answer) for call, answer in told if call.create is None]
            _unchanged(others, await asyncio.gather(*(outcome_of(ask(client, call)) for call, _ in others)))
        self._asked_again += len(told)

    @property
    def transfers(self) -> int:
        """How many transfers the journal must hold."""
        return self._books.transfers + SETUP_TRANSFERS

    def outcome(self) -> Outcome:
        """Return what was done, for the report."""
        return {
            "payments": self._books.payments,
            "refunds": self._books.refunds,
            "refused_races": self._books.refused,
            "asked_again": self._asked_again,
            "transfers": self._books.transfers,
        }


def _answered(log: Path) -> list[tuple[Call, Answer]]:
    calls: dict[int, Call] = {}
    answered = []
    for entry in read_log(log):
        if entry.intention:
            calls[entry.number] = payment_calls.decode_call(entry.payload)
        else:
            answered.append((calls.pop(entry.number), payment_calls.decode_answer(entry.payload)))
    if calls:
        raise WrongPaymentsError(f"{len(calls)} calls have no answer")
    return answered


def _unchanged(told: Iterable[tuple[Call, Answer]], outcomes: Iterable[Payment | Refund | PycoreError]) -> None:
    for (call, answer), outcome in zip(told, outcomes, strict=True):
        if outcome != answer.told:
            raise WrongPaymentsError(f"{call.key} was answered {answer.told} first, then {outcome!r}")
