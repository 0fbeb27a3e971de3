"""Stored value beside payments: told, given in test mode, taken out, and called off; each request once."""

import asyncio
from typing import Any

import pytest

from pycore.errors import (
    AlreadyExistsError,
    InvalidRequestError,
    InvalidStateError,
    NotFoundError,
    RequestInProgressError,
)
from pycore.ids import new_id, parse_typed_id
from pycore.payments import WithdrawalFilter
from pycore.payments.wallet import CreateWithdrawal, Fund, Withdrawal, WithdrawalStatus
from pycore.tenant import Tenant
from tests.unit.payments.conftest import Shop


def out(reference: str, amount: int) -> CreateWithdrawal:
    return CreateWithdrawal(merchant_reference=reference, amount=amount, destination="salary account")


async def available(shop: Shop) -> tuple[int, int]:
    balance = await shop.desk.wallet.balance(shop.tenant, shop.customer)
    return balance.available, balance.held


async def test_play_money_comes_once_for_each_request(shop: Shop) -> None:
    assert await available(shop) == (0, 0)
    first = await shop.desk.wallet.fund(shop.tenant, shop.customer, "k1", Fund(amount=500))
    assert first.available == 500
    assert await shop.desk.wallet.fund(shop.tenant, shop.customer, "k1", Fund(amount=500)) == first
    assert await available(shop) == (500, 0)


async def test_there_is_no_play_money_in_live_mode(shop: Shop) -> None:
    with pytest.raises(InvalidStateError):
        await shop.desk.wallet.fund(Tenant(shop.tenant.merchant_id, live=True), shop.customer, "k1", Fund(amount=1))


async def test_a_withdrawal_holds_until_it_is_called_off(shop: Shop) -> None:
    await shop.fund(1000)
    wallet = shop.desk.wallet
    withdrawal = await wallet.withdraw(shop.tenant, shop.customer, "k1", out("W1", 700))
    assert withdrawal.status is WithdrawalStatus.REQUESTED
    assert await wallet.withdraw(shop.tenant, shop.customer, "k1", out("W1", 700)) == withdrawal
    assert await available(shop) == (300, 700)
    with pytest.raises(InvalidStateError, match="less than that"):
        await wallet.withdraw(shop.tenant, shop.customer, "k2", out("W2", 301))
    with pytest.raises(AlreadyExistsError):
        await wallet.withdraw(shop.tenant, shop.customer, "k3", out("W1", 1))
    number = parse_typed_id("wdr", withdrawal.id)
    assert await wallet.withdrawal(shop.tenant, number) == withdrawal
    canceled = await wallet.cancel(shop.tenant, number, "k4")
    assert canceled.status is WithdrawalStatus.CANCELED
    assert await wallet.cancel(shop.tenant, number, "k4") == canceled
    with pytest.raises(InvalidStateError):
        await wallet.cancel(shop.tenant, number, "k5")
    assert await available(shop) == (1000, 0)
    assert await shop.events() == ["withdrawal.requested", "withdrawal.canceled"]


async def test_withdrawals_at_once_take_no_more_than_there_is(shop: Shop) -> None:
    await shop.fund(100)

    async def withdraw(place: int) -> object:
        try:
            return await shop.desk.wallet.withdraw(shop.tenant, shop.customer, f"k{place}", out(f"W{place}", 30))
        except (InvalidStateError, RequestInProgressError) as error:
            return error

    outcomes = await asyncio.gather(*map(withdraw, range(10)))
    assert sum(isinstance(each, Withdrawal) for each in outcomes) == 3
    assert await available(shop) == (10, 90)


async def test_another_tenant_sees_nothing(shop: Shop) -> None:
    await shop.fund(100)
    withdrawal = await shop.desk.wallet.withdraw(shop.tenant, shop.customer, "k1", out("W1", 30))
    stranger = Tenant(new_id(), live=False)
    number = parse_typed_id("wdr", withdrawal.id)
    for call in (
        shop.desk.wallet.balance(stranger, shop.customer),
        shop.desk.wallet.withdrawal(stranger, number),
        shop.desk.wallet.cancel(stranger, number, "k2"),
        shop.desk.wallet.withdraw(stranger, shop.customer, "k3", out("W9", 1)),
        shop.desk.wallet.fund(stranger, shop.customer, "k4", Fund(amount=1)),
    ):
        with pytest.raises(NotFoundError):
            await call
    assert await available(shop) == (70, 30)


@pytest.mark.parametrize(
    "request_", [out("W1", 0), out("", 1), CreateWithdrawal(merchant_reference="W1", amount=1, destination="a\nb")]
)
async def test_bad_input_is_refused(shop: Shop, request_: CreateWithdrawal) -> None:
    with pytest.raises(InvalidRequestError):
        await shop.desk.wallet.withdraw(shop.tenant, shop.customer, "k1", request_)


async def test_u4_withdrawals_are_listed_by_what_is_known_of_them(shop: Shop) -> None:
    """A withdrawal could be asked for and never be found again but by its id."""
    await shop.fund(1000)
    wallet, lists = shop.desk.wallet, shop.desk.lists
    first, second, third = [
        await wallet.withdraw(shop.tenant, shop.customer, f"k{n}", out(f"W{n}", n)) for n in (1, 2, 3)
    ]
    canceled = await wallet.cancel(shop.tenant, parse_typed_id("wdr", second.id), "k4")

    async def found(**filter: Any) -> list[Withdrawal]:
        return list((await lists.withdrawals(shop.tenant, WithdrawalFilter(**filter))).items)

    assert await found() == [third, canceled, first]
    page = await lists.withdrawals(shop.tenant, WithdrawalFilter(limit=2))
    assert (page.items, page.has_more) == ([third, canceled], True)
    rest = await lists.withdrawals(shop.tenant, WithdrawalFilter(limit=1, before_id=parse_typed_id("wdr", second.id)))
    assert (rest.items, rest.has_more) == ([first], False)
    assert await found(status=WithdrawalStatus.REQUESTED) == [third, first]
    assert await found(merchant_reference="W2") == [canceled]
    assert await found(customer_id=shop.customer, status=WithdrawalStatus.CANCELED) == [canceled]
    assert await found(customer_id=new_id()) == []
    for stranger in (Tenant(new_id(), live=False), Tenant(shop.tenant.merchant_id, live=True)):
        assert not (await lists.withdrawals(stranger, WithdrawalFilter())).items
        with pytest.raises(NotFoundError, match="withdrawal"):
            await lists.withdrawals(stranger, WithdrawalFilter(before_id=parse_typed_id("wdr", first.id)))
