"""T8: payments through channels that lose replies, lie, repeat themselves and come back from the dead.

The story: a payer pays, and the reply is lost. Another pays an order that was closed. A callback comes twice, a day
late, in the wrong order, or from somebody who is not the channel at all; one names another amount. Whatever happens,
every order's money must be in our books once, every second payment must go back, and nothing may be believed that the
channel did not say. The simulators are the other party: their own memory is read at the end, and it is the truth.

Time is simulated here and there: it jumps from one thing that is due to the next.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import tempfile
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any, NamedTuple
from urllib.parse import urlencode

from bench.database import DatabaseServer
from pycore.channels import HttpNotification
from pycore.errors import PycoreError
from pycore.payments import Payment
from tests.api.sandbox.payments.paying import AUTH_CODES, Till, open_till
from tests.api.sandbox.simulated import Sandbox
from tests.simulation.report import Arguments, Outcome, main

CHANNELS = ("wechat", "alipay", "unionpay")
REFUND_SECONDS_MAX = 3600
_PER_ROUND = 60
_AT_ONCE = 12
_STEP_SECONDS_MAX = 1800
_DRAIN_DAYS_MAX = 4
_SHOWN_MAX = 10
_HOLD_MS = 20  # how long a reply that never comes is waited for, in real time
_SECOND_NS = 10**9

_CALLS = ("create", "charge", "query", "close", "reverse", "refund", "query_refund")
_FAULTS: tuple[dict[str, Any], ...] = (
    *(
        {"kind": "timeout_hidden_success", "operation": call, "probability": 0.2, "hold_ms": _HOLD_MS}
        for call in _CALLS
    ),
    {"kind": "timeout_failure", "probability": 0.03, "hold_ms": _HOLD_MS},
    {"kind": "server_error_hidden_success", "probability": 0.02},
    {"kind": "bad_signature", "probability": 0.02},
    {"kind": "notice_duplicated", "probability": 0.3},
    {"kind": "notice_reordered", "probability": 0.2},
    {"kind": "notice_late", "probability": 0.05},
    {"kind": "notice_lost", "probability": 0.05},
    {"kind": "success_after_failure", "probability": 0.3, "delay_s": 120},
    {"kind": "wrong_amount", "probability": 0.01},
    {"kind": "payer_is_asked", "probability": 0.3},
    {"kind": "payer_pays", "probability": 0.7, "median_ms": 15_000, "p99_ms": 1_800_000},
    {"kind": "payer_refuses", "probability": 0.1, "median_ms": 5_000, "p99_ms": 60_000},
)

_OURS = """
SELECT replace(a.id::text, '-', '') AS reference, a.channel, a.status, a.amount, a.is_double, a.is_reversing,
    p.id AS payment_id, p.status AS payment_status, p.amount_captured, p.amount_refunded,
    EXISTS (SELECT 1 FROM payment_timeline t WHERE t.payment_id = p.id AND (t.kind = 'alert'
        OR t.kind = 'called' AND t.detail->>'code' = 'other_amount')) AS is_noticed,
    (SELECT coalesce(sum(r.amount), 0) FROM refunds r WHERE r.attempt_id = a.id AND r.status = 'succeeded') AS refunded
FROM payment_attempts a JOIN payments p ON p.id = a.payment_id
"""
_OPEN = "('created', 'submitted', 'unknown')"
_NEXT_DUE = f"""
SELECT min(at) FROM (
    SELECT min(next_check_at) AS at FROM payment_attempts WHERE next_check_at IS NOT NULL AND status IN {_OPEN}
    UNION ALL SELECT min(next_check_at) FROM refunds WHERE next_check_at IS NOT NULL
    UNION ALL SELECT min(expires_at) FROM payments
        WHERE status IN ('created', 'requires_action', 'processing', 'authorized') AND NOT EXISTS (
            SELECT 1 FROM payment_attempts a WHERE a.payment_id = payments.id AND a.status IN {_OPEN})) AS due
"""
_SUCCESSES_WRONG = """
SELECT p.id, p.status, count(a.id) FROM payments p
LEFT JOIN payment_attempts a ON a.payment_id = p.id AND a.status = 'succeeded' AND NOT a.is_double
GROUP BY p.id HAVING count(a.id) <> (p.status = 'succeeded')::int
"""
_ENDED_TWICE = """
SELECT resource_id, array_agg(type) FROM events
WHERE type IN ('payment.succeeded', 'payment.failed', 'payment.canceled', 'payment.expired')
GROUP BY resource_id HAVING count(*) > 1
"""
_SLOWEST_REFUND = "SELECT coalesce(max(updated_at - created_at), 0) FROM refunds WHERE status = 'succeeded'"


class ChannelChaosError(AssertionError):
    """Our books and the channels' do not agree."""


class Order(NamedTuple):
    """An order as the simulated channel has it."""

    reference: str
    channel: str
    state: str
    amount: int
    told_amount: int
    refunded: int
    was_told: bool

    @property
    def is_planted(self) -> bool:
        """Whether the channel names another amount than it was asked for."""
        return self.told_amount != self.amount

    @property
    def is_paid(self) -> bool:
        """Whether the channel has the payer's money, or had it and gave it back on our request."""
        return self.state == "paid"

    def is_paid_at(self, channel: str) -> bool:
        """Whether this channel has it."""
        return self.is_paid and self.channel == channel


class ChannelChaos:
    """A till whose channels misbehave, and what it was told."""

    def __init__(self, till: Till, random: Random) -> None:
        self._till = till
        self._random = random
        self._room = asyncio.Semaphore(_AT_ONCE)
        self._rounds = 0
        self._made: list[Payment] = []
        self._asked_again = 0
        self._differences: list[str] = []
        self.forged = 0
        self.downs = 0
        self.refused = 0

    async def round(self, count: int) -> None:
        """Make payments, let some time pass, change one's mind about some of them."""
        self._rounds += 1
        down = self._channel_down() if self._random.random() < 0.1 else None
        made = await asyncio.gather(*[self._pay(f"{self._rounds}-{number}") for number in range(count)])
        payments = [each for each in made if each is not None]
        await self._pass(self._random.randint(5, 40))
        if down is not None:
            await self._pass(self._random.randint(60, 180))
            self._till.sandbox.control("DELETE", f"/faults/{down}")
        changing = self._random.sample(payments, len(payments) // 3)
        await asyncio.gather(*[self._change(each) for each in changing])
        self._made += payments
        older = self._random.sample(self._made, min(len(self._made), count // 3))
        await asyncio.gather(*[self._refund(each) for each in older])
        await self._forge()
        await self._pass(self._random.randint(5, 120))

    def _channel_down(self) -> int:
        self.downs += 1
        rule = {"kind": "channel_down", "protocol": self._random.choice(CHANNELS), "hold_ms": _HOLD_MS}
        id: int = self._till.sandbox.control("POST", "/faults", rule)["id"]
        return id

    async def _pay(self, name: str) -> Payment | None:
        channel = self._random.choice((*CHANNELS, None))
        method = "bar_code" if self._random.random() < 0.35 else "qr_code"
        code = AUTH_CODES[channel or self._random.choice(CHANNELS)]
        arguments: dict[str, Any] = {
            "minor": self._random.randint(1, 50_000),
            "key": f"key-{name}",
            "reference": f"order-{name}",
        }
        if method == "bar_code":
            arguments["code"] = code
        async with self._room:
            try:
                paid = await self._till.pay(channel, method, expires_in_seconds=600, **arguments)
                if self._random.random() < 0.2:
                    self._asked_again += 1
                    again = await self._till.pay(channel, method, expires_in_seconds=600, **arguments)
                    if again.id != paid.id:
                        raise ChannelChaosError(f"the same request made {paid.id} and {again.id}")
            except PycoreError:
                self.refused += 1
                return None
            return paid

    async def _change(self, payment: Payment) -> None:
        """Call it off, or let the payer pay another way meanwhile."""
        async with self._room:
            try:
                if self._random.random() < 0.5:
                    await self._till.cancel(payment)
                else:
                    await self._till.confirm(payment, self._random.choice(CHANNELS))
            except PycoreError:
                self.refused += 1  # it is paid, or over, already

    async def _refund(self, payment: Payment) -> None:
        async with self._room:
            try:
                share = self._random.choice((None, 1, 2, 5))
                await self._till.refund(payment, None if share is None else max(1, payment.amount // share))
            except PycoreError:
                self.refused += 1

    async def _forge(self) -> None:
        """Tell the till of an order nobody paid, as somebody would who knows all but the key."""
        till = self._till
        rows = await till.ledger.store.pool.fetch(
            f"SELECT id, amount FROM payment_attempts WHERE channel = 'alipay' AND status IN {_OPEN} LIMIT 3"
        )
        own = till.sandbox.description["alipay"]
        for row in rows:
            self.forged += 1
            yuan, fen = divmod(row["amount"], 100)
            fields = {
                "notify_id": f"forged{self.forged}",
                "app_id": own["app_id"],
                "seller_id": own["seller_id"],
                "out_trade_no": row["id"].hex,
                "trade_no": f"2026{self.forged:024d}",
                "trade_status": "TRADE_SUCCESS",
                "total_amount": f"{yuan}.{fen:02d}",
                "sign_type": "RSA2",
                "sign": "Zm9yZ2Vk",
            }
            headers = {"content-type": "application/x-www-form-urlencoded"}
            letter = HttpNotification(headers=headers, body=urlencode(fields).encode())
            await till.desk.notifications.take("alipay", letter, live=False)

    async def _pass(self, seconds: int) -> None:
        """Let time go by everywhere, let what is told arrive, and do what is due."""
        self._till.pass_time(seconds)
        await self._till.sweep()
        await self._quiet()

    async def _quiet(self) -> None:
        """Wait, in real time, until no more callbacks come."""
        mailbox, seen = self._till.mailbox, -1
        while seen != len(mailbox.answers):
            seen = len(mailbox.answers)
            await asyncio.sleep(0.05)
        mailbox.letters.clear()

    async def drain(self) -> None:
        """Go from one thing that is due to the next until nothing is."""
        pool, spent = self._till.ledger.store.pool, 0
        while spent < _DRAIN_DAYS_MAX * 86_400:
            at = await pool.fetchval(_NEXT_DUE)
            seconds = _STEP_SECONDS_MAX if at is None else (at - self._till.now_ns()) // _SECOND_NS + 1
            if at is None and spent > 2 * 86_400:
                return  # callbacks that came a day late came as well
            seconds = min(max(seconds, 1), _STEP_SECONDS_MAX)
            await self._pass(seconds)
            spent += seconds
        raise ChannelChaosError("something is still open after days")

    async def compare(self) -> Outcome:
        """Compare our books with the channels'. Raises ChannelChaosError."""
        pool = self._till.ledger.store.pool
        orders = {order.reference: order for order in _orders(self._till.sandbox.folder)}
        ours = {row["reference"]: row for row in await pool.fetch(_OURS)}
        if strangers := orders.keys() - ours.keys():
            self._differences.append(f"the channels have orders nobody knows: {strangers}")
        held = dict.fromkeys(CHANNELS, 0)
        found: Counter[str] = Counter()
        for reference, row in ours.items():
            found[f"attempts_{row['status']}"] += 1
            order = orders.get(reference)
            if order is not None and _is_left_to_the_bill(order, row):
                found["left_to_reconciliation"] += 1
                held[order.channel] += order.amount - order.refunded
            elif order is not None and order.is_planted and order.is_paid:
                self._differences += _held_differences(order, row)
                found["wrong_amounts_found"] += 1
                held[order.channel] += order.amount - order.refunded
            else:
                self._differences += _differences(order, row)
            found["double_payments_given_back"] += row["is_double"]
        await self._compare_payments()
        await self._compare_books(orders, held)
        slowest = await pool.fetchval(_SLOWEST_REFUND) / _SECOND_NS
        if slowest > REFUND_SECONDS_MAX:
            self._differences.append(f"a refund took {slowest:.0f} s")
        if self._differences:
            shown = "\n".join(self._differences[:_SHOWN_MAX])
            raise ChannelChaosError(f"{len(self._differences)} differences:\n{shown}\n")
        return {
            **found,
            "refunds": await pool.fetchval("SELECT count(*) FROM refunds WHERE status = 'succeeded'"),
            "refund_seconds_max": int(slowest),
            "forged": self.forged,
            "channels_down": self.downs,
            "asked_again": self._asked_again,
            "double_effects": 0,
            "unknown_beyond_policy": 0,
        }

    async def _compare_payments(self) -> None:
        """One success for each payment that succeeded, none for the others; no refund without an end."""
        pool = self._till.ledger.store.pool
        for row in await pool.fetch(_SUCCESSES_WRONG):
            self._differences.append(f"a payment and its successes: {dict(row)}")
        for row in await pool.fetch(_ENDED_TWICE):
            self._differences.append(f"a payment that ended twice: {dict(row)}")
        for row in await pool.fetch("SELECT id, status, failure_code FROM refunds WHERE status <> 'succeeded'"):
            self._differences.append(f"a refund without a good end: {dict(row)}")

    async def _compare_books(self, orders: dict[str, Order], held: dict[str, int]) -> None:
        owed, books = 0, dict[str, int]()
        for channel in CHANNELS:
            books = await self._till.books(channel)
            kept = sum(each.amount - each.refunded for each in orders.values() if each.is_paid_at(channel))
            if books.get("receivable", 0) + held[channel] != kept:
                self._differences.append(f"{channel} has {kept}, our books are {books}, and {held[channel]} is held")
            if books.get("suspense") or books.get("refunding"):
                self._differences.append(f"{channel}: money that belongs nowhere: {books}")
            owed += books.get("receivable", 0)
        if books.get("merchant", 0) != owed:
            self._differences.append(f"the channels owe {owed}, and the merchant is owed {books}")


def _differences(order: Order | None, row: Any) -> list[str]:
    """Return in what an attempt did not end as its order did."""
    found = []
    is_paid = order is not None and order.is_paid
    if row["status"] not in {"succeeded", "failed", "closed"}:
        found.append("still open after days")
    elif (row["status"] == "succeeded") != is_paid:
        found.append("another end than at the channel")
    if order is not None and is_paid and order.refunded != row["refunded"]:
        found.append("another sum given back")
    if row["is_double"] and row["refunded"] != row["amount"]:
        found.append("paid twice and not given back")
    return [f"{each}: {order}, {dict(row)}" for each in found]


def _held_differences(order: Order, row: Any) -> list[str]:
    """Return what is wrong where another amount was named: it must be noticed, and nothing booked.

    Of what was taken after the end and told to nobody only the bill knows.
    """
    if not order.was_told and row["status"] in {"failed", "closed"}:
        return []
    if row["is_noticed"] and row["status"] != "succeeded":
        return []
    return [f"another amount was not noticed: {order}, {dict(row)}"]


def _is_left_to_the_bill(order: Order, row: Any) -> bool:
    """Return whether only the channel's bill can tell that money came.

    The channel said that nothing is paid and took the money later; it told nobody, or after a reversal, and then what
    it tells cannot be told from an old letter about what the reversal gave back.
    """
    return order.is_paid and row["status"] in {"failed", "closed"} and (not order.was_told or row["is_reversing"])


def _orders(folder: Path) -> list[Order]:
    connection = sqlite3.connect(folder / "sandbox.sqlite3")
    try:
        return [
            Order(*row)
            for row in connection.execute(
                "SELECT reference, protocol, state, amount, told_amount, refunded, EXISTS (SELECT 1 FROM notices"
                " WHERE order_id = orders.id AND refund_id = 0 AND delivered_at > 0) FROM orders"
            )
        ]
    finally:
        connection.close()


async def simulate(arguments: Arguments) -> Outcome:
    """Make ``count`` payments. Raises ChannelChaosError where our books and the channels' differ; the data is kept."""
    folder = Path(tempfile.mkdtemp(prefix="channel-chaos-"))
    sandbox = await asyncio.to_thread(Sandbox, folder / "channels")
    try:
        async with DatabaseServer(folder / "postgres") as server:
            dsn = await server.create("chaos")
            async with open_till(dsn, folder / "ledger", sandbox) as till:
                outcome = await _chaos(till, arguments)
    except Exception as error:
        raise ChannelChaosError(f"{error} (kept: {folder})") from error
    finally:
        sandbox.end()
    shutil.rmtree(folder)
    return {"payments": arguments.count, **outcome}


async def _chaos(till: Till, arguments: Arguments) -> Outcome:
    till.sandbox.control("PUT", "/seed", {"seed": arguments.seed})
    for fault in _FAULTS:
        till.sandbox.control("POST", "/faults", fault)
    chaos = ChannelChaos(till, Random(arguments.seed))
    for first in arguments.progress(range(0, arguments.count, _PER_ROUND)):
        await chaos.round(min(_PER_ROUND, arguments.count - first))
    await chaos.drain()
    return await chaos.compare()


def run(arguments: Arguments) -> Outcome:
    """Run on an event loop of its own."""
    return asyncio.run(simulate(arguments))


if __name__ == "__main__":
    main("channel_chaos", run, count=100_000, option="payments")
