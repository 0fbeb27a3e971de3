"""Payments from stored value: paid once, held, captured, released, given back; the books say the same."""

import asyncio
from collections.abc import Sequence

import pytest

from pycore._core import NewPayment
from pycore.errors import (
    AlreadyExistsError,
    IdempotencyMismatchError,
    InvalidRequestError,
    InvalidStateError,
    NotFoundError,
    PycoreError,
    RequestInProgressError,
)
from pycore.ids import format_typed_id, new_id, parse_typed_id
from pycore.merchants import Page
from pycore.payments import RefundFilter
from pycore.payments.balance_limits import Authentication
from pycore.payments.creation import PaymentCreation
from pycore.payments.desk import PaymentDesk
from pycore.payments.payment import CaptureMethod, Payment, PaymentMethod, PaymentStatus, Purpose, RefundStatus
from pycore.payments.request import CapturePayment, ConfirmPayment, CreatePayment, CreateRefund
from pycore.tenant import Tenant
from tests.unit.payments.conftest import NoChannels, Shop


def from_balance(shop: Shop, reference: str, amount: int = 1000, **fields: object) -> CreatePayment:
    defaults = {"method": PaymentMethod.BALANCE, "customer_id": shop.customer_id, "confirm": True}
    return CreatePayment(merchant_reference=reference, amount=amount, subject="tea", **{**defaults, **fields})  # type: ignore[arg-type]


async def created(shop: Shop, key: str, request: CreatePayment) -> Payment:
    (outcome,) = await shop.payments.create(shop.tenant, [(key, request)])
    if isinstance(outcome, PycoreError):
        raise outcome
    return outcome


def number(payment: Payment) -> int:
    return parse_typed_id("pay", payment.id)


async def test_a_payment_from_a_balance_is_paid_at_once(shop: Shop) -> None:
    await shop.fund(5000)
    payment = await created(shop, "k1", from_balance(shop, "T1", 1999, metadata={"table": "7"}))
    assert (payment.status, payment.amount_captured, payment.channel) == (PaymentStatus.SUCCEEDED, 1999, "balance")
    assert await shop.balances() == (3001, 0, 1999)
    assert await shop.payments.get(shop.tenant, number(payment)) == payment
    assert await shop.payments.get_by_reference(shop.tenant, "T1") == payment
    assert await shop.events() == ["payment.succeeded"]


async def test_too_little_money_fails_the_payment_and_moves_nothing(shop: Shop) -> None:
    await shop.fund(500)
    payment = await created(shop, "k1", from_balance(shop, "T1", 501))
    assert (payment.status, payment.failure_code) == (PaymentStatus.FAILED, "insufficient_balance")
    assert await shop.balances() == (500, 0, 0)
    assert await shop.events() == ["payment.failed"]


async def test_a_customer_who_never_had_money_cannot_pay(shop: Shop) -> None:
    payment = await created(shop, "k1", from_balance(shop, "T1"))
    assert (payment.status, payment.failure_code) == (PaymentStatus.FAILED, "insufficient_balance")


async def test_the_same_request_is_answered_the_same(shop: Shop) -> None:
    await shop.fund(5000)
    first = await created(shop, "k1", from_balance(shop, "T1"))
    assert await created(shop, "k1", from_balance(shop, "T1")) == first
    assert await shop.balances() == (4000, 0, 1000)


async def test_a_key_belongs_to_one_request_and_a_reference_to_one_payment(shop: Shop) -> None:
    await shop.fund(5000)
    await created(shop, "k1", from_balance(shop, "T1"))
    with pytest.raises(IdempotencyMismatchError):
        await created(shop, "k1", from_balance(shop, "T1", 1001))
    with pytest.raises(AlreadyExistsError):
        await created(shop, "k2", from_balance(shop, "T1"))
    assert await shop.balances() == (4000, 0, 1000)


async def test_a_hundred_at_once_make_one_payment(shop: Shop) -> None:
    await shop.fund(500_000)
    request = from_balance(shop, "T1")
    outcomes = await asyncio.gather(*(shop.payments.create(shop.tenant, [("k1", request)]) for _ in range(100)))
    kinds = {type(outcome[0]) for outcome in outcomes}
    assert kinds <= {Payment, RequestInProgressError}
    assert await shop.balances() == (499_000, 0, 1000)


async def test_one_call_makes_many_and_each_has_its_own_outcome(shop: Shop) -> None:
    await shop.fund(2500)
    asked = [
        ("k1", from_balance(shop, "T1")),
        ("k2", from_balance(shop, "T2", 0)),
        ("k3", from_balance(shop, "T1")),
        ("k4", from_balance(shop, "T4", 1500)),
        ("k5", from_balance(shop, "T5", 1)),
        ("k6", from_balance(shop, "T6", confirm=False)),
    ]
    outcomes = await shop.payments.create(shop.tenant, asked)
    shown = [outcome.status if isinstance(outcome, Payment) else type(outcome) for outcome in outcomes]
    assert shown == [
        PaymentStatus.SUCCEEDED,
        InvalidRequestError,
        RequestInProgressError,
        PaymentStatus.SUCCEEDED,
        PaymentStatus.FAILED,
        PaymentStatus.CREATED,
    ]
    assert await shop.balances() == (0, 0, 2500)


async def test_another_tenant_sees_nothing(shop: Shop) -> None:
    await shop.fund(5000)
    payment = await created(shop, "k1", from_balance(shop, "T1"))
    for stranger in (Tenant(new_id(), live=False), Tenant(shop.tenant.merchant_id, live=True)):
        with pytest.raises(NotFoundError):
            await shop.payments.get(stranger, number(payment))
        with pytest.raises(NotFoundError):
            await shop.refunds.create(stranger, number(payment), "k9", CreateRefund(merchant_reference="R1"))
        (outcome,) = await shop.payments.create(stranger, [("k1", from_balance(shop, "T1"))])
        assert isinstance(outcome, NotFoundError)
    assert await shop.balances() == (4000, 0, 1000)


async def test_created_then_confirmed(shop: Shop) -> None:
    await shop.fund(5000)
    payment = await created(shop, "k1", from_balance(shop, "T1", confirm=False, method=None))
    assert (payment.status, payment.allowed_actions) == (PaymentStatus.CREATED, ["confirm", "cancel"])
    request = ConfirmPayment(method=PaymentMethod.BALANCE)
    paid = await shop.payments.confirm(shop.tenant, number(payment), "k2", request)
    assert paid.status is PaymentStatus.SUCCEEDED
    assert await shop.payments.confirm(shop.tenant, number(payment), "k2", request) == paid
    with pytest.raises(InvalidStateError):
        await shop.payments.confirm(shop.tenant, number(payment), "k3", request)
    assert await shop.balances() == (4000, 0, 1000)


async def test_held_captured_in_parts_and_released(shop: Shop) -> None:
    await shop.fund(5000)
    manual = from_balance(shop, "T1", capture_method=CaptureMethod.MANUAL)
    payment = await created(shop, "k1", manual)
    assert payment.status is PaymentStatus.AUTHORIZED
    assert await shop.balances() == (5000, 1000, 0)
    part = CapturePayment(amount=300)
    captured = await shop.payments.capture(shop.tenant, number(payment), "k2", part)
    assert (captured.status, captured.amount_captured) == (PaymentStatus.AUTHORIZED, 300)
    assert await shop.balances() == (4700, 700, 300)
    with pytest.raises(InvalidRequestError, match="at most 700"):
        await shop.payments.capture(shop.tenant, number(payment), "k3", CapturePayment(amount=701))
    last = await shop.payments.capture(shop.tenant, number(payment), "k4", CapturePayment(amount=200, final=True))
    assert (last.status, last.amount_captured) == (PaymentStatus.SUCCEEDED, 500)
    assert await shop.balances() == (4500, 0, 500)
    assert await shop.events() == ["payment.authorized", "payment.partially_captured", "payment.succeeded"]


async def test_canceling_releases_what_is_held(shop: Shop) -> None:
    await shop.fund(5000)
    payment = await created(shop, "k1", from_balance(shop, "T1", capture_method=CaptureMethod.MANUAL))
    canceled = await shop.payments.cancel(shop.tenant, number(payment), "k2")
    assert canceled.status is PaymentStatus.CANCELED
    assert await shop.balances() == (5000, 0, 0)
    with pytest.raises(InvalidStateError):
        await shop.payments.capture(shop.tenant, number(payment), "k3", CapturePayment())


async def test_an_authorization_ends_with_its_time(shop: Shop) -> None:
    await shop.fund(5000)
    payment = await created(
        shop, "k1", from_balance(shop, "T1", capture_method=CaptureMethod.MANUAL, expires_in_seconds=10)
    )
    await shop.payments.expire(number(payment))
    assert (await shop.payments.get(shop.tenant, number(payment))).status is PaymentStatus.AUTHORIZED
    shop.now_ns += 10 * 10**9
    await shop.payments.expire(number(payment))
    assert (await shop.payments.get(shop.tenant, number(payment))).status is PaymentStatus.EXPIRED
    assert await shop.balances() == (5000, 0, 0)


async def test_refunds_never_exceed_what_was_captured(shop: Shop) -> None:
    await shop.fund(5000)
    payment = await created(shop, "k1", from_balance(shop, "T1"))
    part = await shop.refunds.create(
        shop.tenant, number(payment), "r1", CreateRefund(merchant_reference="R1", amount=400, reason="缺货")
    )
    assert (part.status, part.amount, part.is_automatic) == (RefundStatus.SUCCEEDED, 400, False)
    assert await shop.balances() == (4400, 0, 600)
    with pytest.raises(InvalidRequestError, match="600 of 1000"):
        await shop.refunds.create(shop.tenant, number(payment), "r2", CreateRefund(merchant_reference="R2", amount=601))
    with pytest.raises(AlreadyExistsError):
        await shop.refunds.create(shop.tenant, number(payment), "r3", CreateRefund(merchant_reference="R1", amount=1))
    rest = await shop.refunds.create(shop.tenant, number(payment), "r4", CreateRefund(merchant_reference="R4"))
    assert rest.amount == 600
    assert await shop.balances() == (5000, 0, 0)
    after = await shop.payments.get(shop.tenant, number(payment))
    assert (after.amount_refunded, after.allowed_actions) == (1000, [])
    of_payment = RefundFilter(payment_id=number(payment))
    assert await shop.desk.lists.refunds(shop.tenant, of_payment) == Page([rest, part], has_more=False)
    assert await shop.refunds.get(shop.tenant, parse_typed_id("rfd", rest.id)) == rest


async def test_a_hundred_refunds_at_once_give_back_what_there_is(shop: Shop) -> None:
    await shop.fund(5000)
    payment = await created(shop, "k1", from_balance(shop, "T1"))

    async def refund(place: int) -> bool:
        try:
            await shop.refunds.create(
                shop.tenant, number(payment), f"r{place}", CreateRefund(merchant_reference=f"R{place}", amount=30)
            )
        except InvalidRequestError:
            return False
        return True

    given = await asyncio.gather(*map(refund, range(100)))
    assert sum(given) == 33
    assert await shop.balances() == (4990, 0, 10)
    shop.ledger.check_invariants()


async def test_only_a_succeeded_payment_is_refunded(shop: Shop) -> None:
    payment = await created(shop, "k1", from_balance(shop, "T1", confirm=False, method=None))
    with pytest.raises(InvalidStateError):
        await shop.refunds.create(shop.tenant, number(payment), "r1", CreateRefund(merchant_reference="R1"))


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"amount": 0}, "amount"),
        ({"amount": -1}, "amount"),
        ({"amount": 2**53}, "amount"),
        ({"currency": "ABC"}, "currency"),
        ({"subject": ""}, "subject"),
        ({"subject": "a\nb"}, "subject"),
        ({"subject": "a" * 128}, "subject"),
        ({"merchant_reference": ""}, "merchant_reference"),
        ({"merchant_reference": "a b"}, "merchant_reference"),
        ({"merchant_reference": "１"}, "merchant_reference"),
        ({"expires_in_seconds": 9}, "expires_in_seconds"),
        ({"customer_id": "cus_1"}, "customer_id"),
        ({"customer_id": None}, "customer_id"),
        ({"metadata": {"": "x"}}, "metadata"),
        ({"metadata": {"x": "\0"}}, "metadata"),
        ({"return_url": "ftp://x"}, "return_url"),
        ({"purpose": Purpose.TOP_UP}, "method"),
    ],
)
async def test_bad_input_is_refused_by_name(shop: Shop, fields: dict[str, object], named: str) -> None:
    values = {"merchant_reference": "T1", "amount": 1, "subject": "tea", "confirm": True}
    values |= {"customer_id": shop.customer_id, "method": PaymentMethod.BALANCE}
    values |= fields
    request = CreatePayment(**values)  # type: ignore[arg-type]
    (outcome,) = await shop.payments.create(shop.tenant, [("k1", request)])
    assert isinstance(outcome, InvalidRequestError)
    assert str(outcome).startswith(named)
    assert await shop.events() == []


@pytest.mark.parametrize("key", ["", "a b", "é", "k" * 256, "k\n"])
async def test_a_key_is_needed(shop: Shop, key: str) -> None:
    (outcome,) = await shop.payments.create(shop.tenant, [(key, from_balance(shop, "T1"))])
    assert isinstance(outcome, InvalidRequestError)


async def test_an_unknown_customer_is_not_found(shop: Shop) -> None:
    (outcome,) = await shop.payments.create(
        shop.tenant, [("k1", from_balance(shop, "T1", customer_id=format_typed_id("cus", new_id())))]
    )
    assert isinstance(outcome, NotFoundError)


async def test_a_day_has_a_limit_that_depends_on_how_the_payer_was_verified(shop: Shop) -> None:
    await shop.fund(100_000_000)

    async def pay(reference: str, amount: int, authentication: Authentication) -> str | None:
        request = from_balance(shop, reference, amount, authentication=authentication)
        return (await created(shop, reference, request)).failure_code

    assert await pay("T1", 100_000, Authentication.ONE_FACTOR) is None
    assert await pay("T2", 1, Authentication.NONE) == "daily_limit_exceeded"
    assert await pay("T3", 400_001, Authentication.TWO_FACTORS) == "daily_limit_exceeded"
    assert await pay("T4", 400_000, Authentication.TWO_FACTORS) is None
    assert await pay("T5", 1_000_000, Authentication.CERTIFICATE) is None
    shop.now_ns += 86_400 * 10**9
    assert await pay("T6", 100_000, Authentication.NONE) is None


async def test_limits_count_what_was_paid_before_this_process(shop: Shop) -> None:
    await shop.fund(100_000_000)
    await created(shop, "k1", from_balance(shop, "T1", 60_000))
    await created(shop, "k2", from_balance(shop, "T2", 30_000, capture_method=CaptureMethod.MANUAL))
    again = PaymentDesk(shop.ledger, NoChannels(), clock_ns=lambda: shop.now_ns)
    (outcome,) = await again.payments.create(shop.tenant, [("k3", from_balance(shop, "T3", 10_001))])
    assert isinstance(outcome, Payment)
    assert outcome.failure_code == "daily_limit_exceeded"
    (outcome,) = await again.payments.create(shop.tenant, [("k4", from_balance(shop, "T4", 10_000))])
    assert isinstance(outcome, Payment)
    assert outcome.status is PaymentStatus.SUCCEEDED


async def test_an_account_of_class_one_has_a_limit_for_its_life(shop: Shop) -> None:
    await shop.fund(100_000_000)
    await shop.ledger.store.pool.execute("UPDATE customers SET account_class = 1")
    certificate = {"authentication": Authentication.CERTIFICATE}
    assert (await created(shop, "k1", from_balance(shop, "T1", 90_000, **certificate))).failure_code is None
    shop.now_ns += 800 * 86_400 * 10**9
    over = await created(shop, "k2", from_balance(shop, "T2", 10_001, **certificate))
    assert over.failure_code == "account_class_limit_exceeded"


async def test_what_was_not_paid_is_not_counted(shop: Shop) -> None:
    await shop.fund(100)
    assert (await created(shop, "k1", from_balance(shop, "T1", 90_000))).failure_code == "insufficient_balance"
    await shop.fund(100_000)
    held = await created(shop, "k2", from_balance(shop, "T2", 100_000, capture_method=CaptureMethod.MANUAL))
    assert (await created(shop, "k3", from_balance(shop, "T3", 1))).failure_code == "daily_limit_exceeded"
    await shop.payments.cancel(shop.tenant, number(held), "k4")
    assert (await created(shop, "k5", from_balance(shop, "T5", 100_000))).failure_code is None


async def test_nobody_looks_for_a_payment_before_one_is_there(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    await shop.fund(5000)
    looks: list[int] = []
    real = PaymentCreation._recall

    async def counted(self: PaymentCreation, payments: Sequence[NewPayment]) -> None:
        looks.append(len(payments))
        await real(self, payments)

    monkeypatch.setattr(PaymentCreation, "_recall", counted)
    first = await created(shop, "k1", from_balance(shop, "T1"))
    assert looks == []
    again, other = await asyncio.gather(
        created(shop, "k1", from_balance(shop, "T1")), created(shop, "k2", from_balance(shop, "T2"))
    )
    assert (again, other.status) == (first, PaymentStatus.SUCCEEDED)
    assert looks == [2], "its neighbours were looked up with it, and recorded together"
    await created(shop, "k3", from_balance(shop, "T3"))
    assert looks == [2, 1], "where one came twice, others may"
    assert await shop.balances() == (2000, 0, 3000)


async def test_a_payment_made_before_does_not_count_twice_against_the_limits(shop: Shop) -> None:
    await shop.fund(200_000)
    for _ in range(3):
        payment = await created(shop, "k1", from_balance(shop, "T1", 60_000))
        assert payment.status is PaymentStatus.SUCCEEDED
    over = await created(shop, "k2", from_balance(shop, "T2", 40_001))
    assert over.failure_code == "daily_limit_exceeded"
    assert (await created(shop, "k3", from_balance(shop, "T3", 40_000))).status is PaymentStatus.SUCCEEDED
