"""Everything goes wrong at once, and in the end our books and the channels' agree to the last fen."""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest

from pycore.errors import PycoreError
from pycore.payments import Payment, PaymentStatus, RefundStatus
from tests.api.sandbox.payments.paying import Till

PAYMENTS = 48
WAYS = [
    ("wechat", "qr_code"),
    ("wechat", "bar_code"),
    ("wechat", "h5"),
    ("alipay", "qr_code"),
    ("alipay", "bar_code"),
    ("unionpay", "qr_code"),
    ("unionpay", "bar_code"),
    (None, "qr_code"),
]
FAULTS = [
    {"kind": "timeout_hidden_success", "probability": 0.1, "hold_ms": 1200},
    {"kind": "timeout_failure", "probability": 0.05, "hold_ms": 1200},
    {"kind": "server_error_hidden_success", "probability": 0.1},
    {"kind": "bad_signature", "probability": 0.1},
    {"kind": "channel_down", "probability": 0.05},
    {"kind": "rate_limit", "probability": 0.05},
    {"kind": "success_after_failure", "probability": 0.3, "delay_s": 900},
    {"kind": "notice_duplicated", "probability": 0.3},
    {"kind": "notice_reordered", "probability": 0.2},
    {"kind": "notice_late", "probability": 0.1},
    {"kind": "notice_lost", "probability": 0.2},
    {"kind": "payer_is_asked", "probability": 0.3},
    {"kind": "payer_pays", "probability": 0.6, "median_ms": 60_000, "p99_ms": 1_500_000},
]


@pytest.mark.parametrize("seed", [20261122])
async def test_the_books_tie_whatever_happens(till: Till, seed: int) -> None:
    chance = random.Random(seed)
    till.sandbox.control("PUT", "/seed", {"seed": seed})
    for fault in FAULTS:
        till.sandbox.control("POST", "/faults", fault)
    payments: list[Payment] = []
    refusals: list[str] = []

    async def begin(way: tuple[str | None, str]) -> None:
        try:
            payments.append(await till.pay(way[0], way[1], expires_in_seconds=chance.choice([60, 600, 1800])))
        except PycoreError as refused:
            refusals.append(str(refused))

    await asyncio.gather(*(begin(WAYS[number % len(WAYS)]) for number in range(PAYMENTS)))
    assert all("nothing was recorded" in each for each in refusals)
    for round_number, seconds in enumerate((16, 31, 61, 181, 601, 1801, 3601, 3601, 3601, 86_400, 16, 61, 601, 3601)):
        await asyncio.gather(*(meddle(till, payment, chance) for payment in payments if chance.random() < 0.15))
        if round_number == 8:
            till.sandbox.control("DELETE", "/faults")
        if round_number % 4 == 3:
            await till.desk.rest()
            till.reopen()
        till.pass_time(seconds)
        await asyncio.sleep(0.05)
        await till.sweep()
    await reconcile(till)
    for _ in range(3):
        till.pass_time(61)
        await till.sweep()
    await agree(till)


async def reconcile(till: Till) -> None:
    """What comparing with the bill will do: some late successes nobody is ever told of."""
    for row in await till.ledger.store.pool.fetch(
        "SELECT id FROM payment_attempts WHERE status IN ('failed', 'closed')"
    ):
        found = till.sandbox.control("GET", f"/orders?reference={row['id'].hex}")["orders"]
        attempt = await till.desk.attempts.get(row["id"].int)
        assert attempt is not None
        if found and found[0]["paid_at"] and found[0]["state"] == "paid":
            await till.ask_again(attempt)


async def meddle(till: Till, payment: Payment, chance: random.Random) -> None:
    """What a merchant does in the middle of it all."""
    acts: list[Callable[[Payment], Awaitable[object]]] = [till.cancel, till.refund, till.confirm_elsewhere]
    with contextlib.suppress(PycoreError):  # too late, too early, or the channel does not answer: all of it is said
        await chance.choice(acts)(payment)


async def agree(till: Till) -> None:
    """Every attempt is decided; what channels keep is what they owe us; what they keep belongs to a payment."""
    pool = till.ledger.store.pool
    attempts = await pool.fetch("SELECT * FROM payment_attempts")
    assert {row["status"] for row in attempts} <= {"succeeded", "failed", "closed"}
    statuses = Counter([row["status"] for row in await pool.fetch("SELECT status FROM payments")])
    assert set(statuses) <= {
        PaymentStatus.SUCCEEDED,
        PaymentStatus.FAILED,
        PaymentStatus.CANCELED,
        PaymentStatus.EXPIRED,
    }
    refunds = await pool.fetch("SELECT * FROM refunds")
    assert {row["status"] for row in refunds} <= {RefundStatus.SUCCEEDED}
    kept: Counter[str] = Counter()
    for row in attempts:
        found = till.sandbox.control("GET", f"/orders?reference={row['id'].hex}")["orders"]
        order = found[0] if found else {"paid_at": 0, "amount": 0, "refunded": 0}
        taken = order["amount"] - order["refunded"] if order["paid_at"] else 0
        kept[row["channel"]] += taken
        given_back = sum(each["amount"] for each in refunds if each["attempt_id"] == row["id"])
        booked = row["amount"] - given_back if row["status"] == "succeeded" else 0
        assert booked == taken, (dict(row), order)
    won = sum(kept.values())
    for channel in ("wechat", "alipay", "unionpay"):
        books = await till.books(channel)
        assert books.get("receivable", 0) == kept[channel]
        assert (books.get("suspense", 0), books.get("refunding", 0), books.get("merchant", 0)) == (0, 0, won)
    captured = await pool.fetchval("SELECT sum(amount_captured - amount_refunded) FROM payments")
    assert captured == won
    events = Counter([row[0] for row in await pool.fetch("SELECT type FROM events")])
    assert events["payment.succeeded"] == statuses[PaymentStatus.SUCCEEDED]
    assert events["payment.double_paid"] == sum(row["is_double"] for row in attempts)
