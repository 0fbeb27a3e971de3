"""What the tables and the books must say of payments, counted from nothing but calls and their answers.

Every answer has its reply and its event, word for word and once; every payment the amounts of its last answer; every
step its transfers; and there is nothing else.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import msgspec

from pycore.ids import format_typed_id, parse_typed_id
from pycore.ledger import Transfer, TransferFlags
from pycore.ledger.chart import TransferCode
from pycore.payments import Payment, PaymentStatus
from tests.simulation.payment_calls import REFUSALS, Answer, Call, Operation
from tests.simulation.payment_shop import Books, Shop

_SHOWN = 2
_PAYMENTS = """
SELECT id, merchant_reference, status, amount, amount_captured, amount_refunded FROM payments WHERE id = ANY($1)
"""
_REFUNDS = "SELECT id, payment_id, merchant_reference, status, amount FROM refunds WHERE payment_id = ANY($1)"
_EVENTS = "SELECT type, data FROM events WHERE resource_id = ANY($1)"
_REPLIES = """
SELECT operation, key, reply FROM idempotency_keys WHERE key = ANY($1)
UNION ALL
SELECT 'payments.create', idempotency_key, (
    SELECT data FROM events WHERE resource_id = payments.id ORDER BY sequence LIMIT 1)
FROM payments WHERE idempotency_key = ANY($1)
"""
_COUNTS = """
SELECT count(*), (SELECT count(*) FROM refunds WHERE merchant_id = $1),
    count(*) + (SELECT count(*) FROM idempotency_keys WHERE merchant_id = $1 AND operation <> 'wallet.fund'),
    (SELECT count(*) FROM events WHERE merchant_id = $1)
FROM payments WHERE merchant_id = $1
"""

_decode = msgspec.json.decode


class WrongPaymentsError(AssertionError):
    """Tables, books and answers do not agree."""


class Move(NamedTuple):
    """A transfer of a payment: its kind and amount (0 for what ends a hold)."""

    kind: str
    amount: int


class Step(NamedTuple):
    """What a payment was after an operation."""

    operation: Operation
    payment: Payment


class ExpectedPayments:
    """All that follows from the answers so far."""

    def __init__(self) -> None:
        self._steps: defaultdict[str, list[Step]] = defaultdict(list)
        self._refunds: defaultdict[str, dict[str, tuple[Any, ...]]] = defaultdict(dict)
        self._events: defaultdict[str, list[tuple[str, Any]]] = defaultdict(list)
        self._replies: dict[tuple[str, str], Any] = {}
        self._moves: defaultdict[str, Counter[Move]] = defaultdict(Counter)
        self._looked_until = 0
        self.transfers = 0
        self.refused = 0

    @property
    def payments(self) -> int:
        """How many payments were made."""
        return len(self._steps)

    @property
    def refunds(self) -> int:
        """How many refunds were made."""
        return sum(map(len, self._refunds.values()))

    def take(self, call: Call, answer: Answer) -> str | None:
        """Take in an answer; return the payment it concerns, None for a refusal.

        Raises WrongPaymentsError for a refusal that no caller should meet.
        """
        if answer.told is None:
            if call.operation is Operation.CREATE or answer.refused not in REFUSALS:
                raise WrongPaymentsError(f"{call.operation} {call.key} was answered {answer.refused}")
            self.refused += 1
            return None
        told = msgspec.to_builtins(answer.told)
        # The doors add the payer's link; it is in no table.
        told.pop("cashier_url", None)
        self._replies[call.operation, call.key] = told
        if (refund := answer.refund) is not None:
            row = (refund.payment_id, refund.merchant_reference, refund.status.value, refund.amount)
            self._refunds[refund.payment_id][refund.id] = row
            self._events[refund.payment_id].append(("refund.succeeded", told))
            return refund.payment_id
        assert answer.payment is not None
        payment = answer.payment
        self._steps[payment.id].append(Step(call.operation, payment))
        is_part = call.operation is Operation.CAPTURE and payment.status is PaymentStatus.AUTHORIZED
        kind = "partially_captured" if is_part else payment.status.value
        self._events[payment.id].append((f"payment.{kind}", told))
        return payment.id

    async def compare(
        self, payment_ids: Iterable[str], shop: Shop, connection: asyncpg.Connection, books: Books
    ) -> None:
        """Compare what is known of these payments, and the sums of all. Raises WrongPaymentsError."""
        ids = sorted(set(payment_ids))
        uuids = [UUID(int=parse_typed_id("pay", id)) for id in ids]
        refund_uuids = [UUID(int=parse_typed_id("rfd", refund)) for id in ids for refund in self._refunds[id]]
        _same("payments", map(self._row, ids), map(_payment_row, await connection.fetch(_PAYMENTS, uuids)))
        refunds = [(refund, *row) for id in ids for refund, row in self._refunds[id].items()]
        _same("refunds", refunds, map(_refund_row, await connection.fetch(_REFUNDS, uuids)))
        events = [event for id in ids for event in self._events[id]]
        found = await connection.fetch(_EVENTS, uuids + refund_uuids)
        _same("events", map(_comparable, events), (_comparable((row[0], _decode(row[1]))) for row in found))
        await self._compare_moves(ids, shop, books)
        await self._compare_balances(shop, books)
        await self._compare_counts(shop, connection)

    async def compare_replies(self, connection: asyncpg.Connection, calls: Iterable[Call]) -> None:
        """Compare the replies kept for these calls with the answers; what was refused has none."""
        asked = {(call.operation.value, call.key) for call in calls}
        expected = [(*each, self._replies[each]) for each in asked if each in self._replies]
        found = await connection.fetch(_REPLIES, [key for _, key in asked])
        _same("replies", map(_comparable, expected), (_comparable((*row[:2], _decode(row[2]))) for row in found))

    def _row(self, id: str) -> tuple[Any, ...]:
        last = self._last(id)
        refunded = sum(row[-1] for row in self._refunds[id].values())
        return (id, last.merchant_reference, last.status.value, last.amount, last.amount_captured, refunded)

    def _last(self, id: str) -> Payment:
        return self._ordered(id)[-1].payment

    def _ordered(self, id: str) -> list[Step]:
        return sorted(self._steps[id], key=lambda step: step.payment.updated_at)

    def _expected_moves(self, id: str) -> Iterator[Move]:
        held = captured = 0
        for operation, payment in self._ordered(id):
            is_held = payment.status is PaymentStatus.AUTHORIZED
            if operation is Operation.CAPTURE:
                yield Move("post", payment.amount_captured - captured)
            elif operation is Operation.CANCEL and held:
                yield Move("void", 0)
            elif payment.status is PaymentStatus.SUCCEEDED:
                yield Move("payment", payment.amount)
            captured = payment.amount_captured
            held = payment.amount - captured if is_held else 0
            if is_held:
                yield Move("hold", held)
        yield from (Move("refund", row[-1]) for row in self._refunds[id].values())

    async def _compare_moves(self, ids: Sequence[str], shop: Shop, books: Books) -> None:
        for transfer in await shop.transfers_since(books, self._looked_until):
            self._moves[format_typed_id("pay", transfer.user_data_128)][_move(transfer)] += 1
            self._looked_until = transfer.timestamp
            self.transfers += 1
        for id in ids:
            expected = Counter(self._expected_moves(id))
            if expected != self._moves[id]:
                raise WrongPaymentsError(f"transfers of {self._ordered(id)}: {self._moves[id]}, not {expected}")
        if unknown := self._moves.keys() - self._steps.keys():
            raise WrongPaymentsError(f"transfers of payments that nobody was told of: {list(unknown)[:_SHOWN]}")

    async def _compare_balances(self, shop: Shop, books: Books) -> None:
        """Σ customers' balances and the merchant's, with what is held: they tie to what was given and answered."""
        left, held = dict(zip(shop.customer_ids, shop.given.values(), strict=True)), Counter[str]()
        for id in self._steps:
            _, _, status, amount, captured, refunded = self._row(id)
            customer = self._last(id).customer_id or ""
            left[customer] -= captured - refunded
            held[customer] += amount - captured if status == PaymentStatus.AUTHORIZED else 0
        expected = [(balance, held[customer]) for customer, balance in left.items()]
        accounts = await books.lookup_accounts([shop.balance(customer).account_id for customer in shop.given])
        found = [(each.credits_posted - each.debits_posted, each.debits_pending) for each in accounts]
        _same("customers' balances", expected, found)
        merchant = await books.lookup_accounts([shop.merchant_account])
        got = [(each.credits_posted - each.debits_posted, each.credits_pending) for each in merchant]
        total = (sum(shop.given.values()) - sum(left.values()), held.total())
        _same("the merchant's balance", [total], got or [(0, 0)])

    async def _compare_counts(self, shop: Shop, connection: asyncpg.Connection) -> None:
        events = sum(map(len, self._events.values()))
        expected = (self.payments, self.refunds, len(self._replies), events)
        found = await connection.fetch(_COUNTS, UUID(int=shop.tenant.merchant_id))
        _same("rows in all", [expected], map(tuple, found))


def _same(what: str, expected: Iterable[tuple[Any, ...]], found: Iterable[tuple[Any, ...]]) -> None:
    wanted, there = Counter(expected), Counter(found)
    if wanted != there:
        lost, more = list((wanted - there).items())[:_SHOWN], list((there - wanted).items())[:_SHOWN]
        raise WrongPaymentsError(f"{what}: answered but not there {lost}; there but not answered {more}")


def _comparable(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a row whose last value, a JSON object, can be counted; moments are told by the microsecond."""
    return (*row[:-1], msgspec.json.encode(row[-1], order="deterministic"))


def _payment_row(row: asyncpg.Record) -> tuple[Any, ...]:
    return (format_typed_id("pay", row[0].int), *row[1:])


def _refund_row(row: asyncpg.Record) -> tuple[Any, ...]:
    return (format_typed_id("rfd", row[0].int), format_typed_id("pay", row[1].int), *row[2:])


def _move(transfer: Transfer) -> Move:
    if transfer.flags & TransferFlags.VOID_PENDING_TRANSFER:
        return Move("void", 0)
    if transfer.flags & TransferFlags.POST_PENDING_TRANSFER:
        return Move("post", transfer.amount)
    if transfer.flags & TransferFlags.PENDING:
        return Move("hold", transfer.amount)
    return Move("refund" if transfer.code == TransferCode.REFUND else "payment", transfer.amount)
