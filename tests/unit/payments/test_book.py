"""Changes that meet another: the version guard behind the locks, and retries that looked a moment too early."""

from typing import Any

import pytest

from pycore.errors import PycoreError, RowsRefusedError
from pycore.ids import parse_typed_id
from pycore.payments import tables
from pycore.payments.book import PaymentBook
from pycore.payments.idempotency import Remembered, RequestMemory
from pycore.payments.payment import CaptureMethod, Payment, PaymentMethod, Refund
from pycore.payments.record import PaymentRecord
from pycore.payments.request import CapturePayment, ConfirmPayment, CreatePayment, CreateRefund
from pycore.payments.wallet import CreateWithdrawal
from tests.unit.payments.conftest import Shop

NOTHING = Remembered(None, "")
FROM_BALANCE = ConfirmPayment(method=PaymentMethod.BALANCE)
REFUND = CreateRefund(merchant_reference="R1", amount=400)


def stale(monkeypatch: pytest.MonkeyPatch, owner: type, method: str, value: Any) -> None:
    """Let the next call see what was there before, and those after it what is."""
    real = getattr(owner, method)

    async def before(*_: Any) -> Any:
        monkeypatch.setattr(owner, method, real)
        return value

    monkeypatch.setattr(owner, method, before)


async def made(shop: Shop, key: str, amount: int = 1000, **fields: Any) -> Payment:
    request = CreatePayment(
        merchant_reference=f"T-{key}",
        amount=amount,
        subject="tea",
        method=PaymentMethod.BALANCE,
        customer_id=shop.customer_id,
        **{"confirm": True, **fields},
    )
    (outcome,) = await shop.payments.create(shop.tenant, [(key, request)])
    assert not isinstance(outcome, PycoreError), outcome
    return outcome


async def record_of(shop: Shop, payment: Payment) -> PaymentRecord:
    return await shop.book.payment(parse_typed_id("pay", payment.id))


async def test_a_payment_changed_meanwhile_is_not_changed(shop: Shop) -> None:
    """The guard behind the lock: who looked before another change writes nothing."""
    await shop.fund(5000)
    before = await record_of(shop, await made(shop, "k1"))
    await shop.book.commit([tables.changed_payment(before.changed(1, amount_refunded=1))])
    with pytest.raises(RowsRefusedError):
        await shop.book.commit([tables.changed_payment(before.changed(2, amount_refunded=2))])
    assert (await shop.book.payment(before.id)).amount_refunded == 1


async def test_a_retry_that_looked_too_early_makes_no_second_payment(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection was lost at COMMIT and the caller asked again; the first try became durable when the retry had
    looked for it already, and the retry was told of a conflict as if it were another request."""
    await shop.fund(5000)
    first = await made(shop, "k1")
    stale(monkeypatch, RequestMemory, "recall", NOTHING)
    assert await made(shop, "k1") == first
    assert await shop.balances() == (4000, 0, 1000)


async def test_a_change_that_looked_too_early_is_answered_as_the_first(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same with captures, confirmations and refunds, which see an older payment, too: a refund was told of a
    conflict, and a capture that found its hold posted already failed as a defect."""
    await shop.fund(5000)
    held = await made(shop, "k1", capture_method=CaptureMethod.MANUAL)
    later = await made(shop, "k2", capture_method=CaptureMethod.MANUAL, confirm=False)
    paid = await made(shop, "k3")

    async def change(payment: Payment) -> Payment | Refund:
        number = parse_typed_id("pay", payment.id)
        if payment is held:
            return await shop.payments.capture(shop.tenant, number, "c1", CapturePayment())
        if payment is later:
            return await shop.payments.confirm(shop.tenant, number, "c2", FROM_BALANCE)
        return await shop.refunds.create(shop.tenant, number, "r1", REFUND)

    for payment in (held, later, paid):
        before = await record_of(shop, payment)
        first = await change(payment)
        shop.now_ns += 7 * 10**9
        stale(monkeypatch, PaymentBook, "payment", before)
        stale(monkeypatch, RequestMemory, "recall", NOTHING)
        assert await change(payment) == first
    assert await shop.balances() == (3400, 1000, 1600)


async def test_a_reference_of_ones_own_is_not_taken(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first try became durable between a retry's look for its reply and its look for the reference: the retry was
    told that another had the reference."""
    await shop.fund(5000)
    number = parse_typed_id("pay", (await made(shop, "k1")).id)
    refund = await shop.refunds.create(shop.tenant, number, "r1", REFUND)
    stale(monkeypatch, RequestMemory, "recall", NOTHING)
    assert await shop.refunds.create(shop.tenant, number, "r1", REFUND) == refund
    asked = CreateWithdrawal(merchant_reference="W1", amount=700, destination="savings")
    withdrawal = await shop.desk.wallet.withdraw(shop.tenant, shop.customer, "w1", asked)
    stale(monkeypatch, RequestMemory, "recall", NOTHING)
    assert await shop.desk.wallet.withdraw(shop.tenant, shop.customer, "w1", asked) == withdrawal


async def test_a_try_that_was_not_recorded_is_not_counted(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger had decided a retry before its rows were refused, and its amount stayed counted: the customer was told
    of a limit that was not reached."""
    await shop.fund(100_000)
    await made(shop, "k1", 60_000)
    stale(monkeypatch, RequestMemory, "recall", NOTHING)
    await made(shop, "k1", 60_000)
    assert (await made(shop, "k2", 40_000)).failure_code is None
