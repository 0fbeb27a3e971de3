"""T2 with payments: the calls of one merchant's system, made in the ledger's own process."""

from __future__ import annotations

from functools import partial
from random import Random

import asyncpg

from pycore.errors import PycoreError
from pycore.ids import parse_typed_id
from pycore.ledger import Ledger
from pycore.payments import Payment, PaymentDesk, Refund, WithoutChannels
from tests.simulation.expected_payments import ExpectedPayments
from tests.simulation.payment_calls import FROM_BALANCE, Answer, Call, Operation, PaymentCalls, outcome_of
from tests.simulation.payment_shop import SETUP_TRANSFERS, Shop, fund_in, open_shop
from tests.simulation.report import Outcome


class PaymentCuts:
    """Payments of one merchant, and what its system was told of them."""

    def __init__(self, ledger: Ledger, dsn: str, shop: Shop, random: Random) -> None:
        """``dsn`` leads to the database past the proxy."""
        self._ledger = ledger
        self._dsn = dsn
        self._shop = shop
        self._desk = PaymentDesk(ledger, WithoutChannels())
        self._random = random
        self._calls = PaymentCalls(random, shop.customer_ids, "s")
        self._expected = ExpectedPayments()
        self._asked: list[Call] = []
        self._touched: set[str] = set()

    @classmethod
    async def open(cls, ledger: Ledger, dsn: str, random: Random) -> PaymentCuts:
        """Prepare the merchant."""
        async with asyncpg.create_pool(dsn, min_size=1, max_size=1) as pool:
            return cls(ledger, dsn, await open_shop(pool, partial(fund_in, ledger)), random)

    def requests(self, count: int) -> list[Call]:
        """Return about so many requests."""
        changes = self._calls.changes() if self._random.random() < 0.6 else []
        self._asked += (calls := [*changes, *self._calls.creates(max(count - len(changes), 1))])
        return calls

    async def ask(self, call: Call) -> Answer:
        """Return the final answer. Raises what leaves none."""
        outcome = await outcome_of(self._done(call))
        answer = Answer.of(outcome)
        if answer is None:
            assert isinstance(outcome, PycoreError)
            raise outcome
        return answer

    async def _done(self, call: Call) -> Payment | Refund:
        tenant, payments = self._shop.tenant, self._desk.payments
        if call.create is not None:
            (outcome,) = await payments.create(tenant, [(call.key, call.create)])
            if isinstance(outcome, PycoreError):
                raise outcome
            return outcome
        payment_id = parse_typed_id("pay", call.payment_id)
        if call.operation is Operation.CONFIRM:
            return await payments.confirm(tenant, payment_id, call.key, FROM_BALANCE)
        if call.capture is not None:
            return await payments.capture(tenant, payment_id, call.key, call.capture)
        if call.refund is not None:
            return await self._desk.refunds.create(tenant, payment_id, call.key, call.refund)
        return await payments.cancel(tenant, payment_id, call.key)

    def note(self, call: Call, answer: Answer) -> None:
        """Believe an answer. Raises WrongPaymentsError for one that no caller expects."""
        self._calls.learn(answer)
        if (touched := self._expected.take(call, answer)) is not None:
            self._touched.add(touched)

    def forgo(self, call: Call) -> None:
        """Believe that nothing was recorded, and never ask again: the counts of all rows would show it."""

    async def check(self) -> None:
        """Compare tables and books with the answers. Raises WrongPaymentsError."""
        connection = await asyncpg.connect(self._dsn)
        try:
            await self._expected.compare(self._touched, self._shop, connection, self._ledger)
            await self._expected.compare_replies(connection, self._asked)
        finally:
            await connection.close()

    @property
    def transfers(self) -> int:
        """How many transfers the journal must hold."""
        return self._expected.transfers + SETUP_TRANSFERS

    def outcome(self) -> Outcome:
        """Return what was done, for the report."""
        return {
            "payments": self._expected.payments,
            "refunds": self._expected.refunds,
            "refused_races": self._expected.refused,
            "transfers": self._expected.transfers,
        }
