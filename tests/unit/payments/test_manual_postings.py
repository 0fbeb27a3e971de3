"""Corrections of the books: asked by one person, approved by another, made once or never."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from pycore.errors import (
    AlreadyExistsError,
    InvalidRequestError,
    InvalidStateError,
    NotFoundError,
    PermissionDeniedError,
)
from pycore.ids import format_id, new_id, parse_id, parse_typed_id
from pycore.ledger.chart import AccountCode, AccountKey, TransferCode, customer_balance
from pycore.payments.approvals import ApprovalState, Person
from pycore.payments.manual_postings import AskPosting, ManualPostings, Posting, RefusePosting
from tests.unit.payments.conftest import TEST_CNY, Shop

LI = Person(new_id(), "Li")
WANG = Person(new_id(), "Wang")
ZHAO = Person(new_id(), "Zhao")
LI_AGAIN = Person(new_id(), "li")
"""A second key of the first person's, as rolling a key makes one."""

NO = RefusePosting(reason="The bank was right.")


async def request(shop: Shop, *, amount: int = 300, reference: str = "COR-1", **more: object) -> AskPosting:
    """Return a correction that takes money out of the customer's balance."""
    balance, bank = await shop.accounts.opened(
        [customer_balance(TEST_CNY, shop.tenant, shop.customer), AccountKey(AccountCode.CUSTODY_BANK, TEST_CNY)]
    )
    fields = {"debit_account_id": format_id(balance), "credit_account_id": str(bank), "live": False}
    return AskPosting(
        **{**fields, "amount": amount, "reference": reference, "reason": "credited twice", **more}  # type: ignore[arg-type]
    )


async def asked(shop: Shop, **more: object) -> int:
    await shop.fund(1000)
    posting = await shop.desk.manual_postings.ask(LI, await request(shop, **more))  # type: ignore[arg-type]
    assert posting.state is ApprovalState.ASKED
    return parse_typed_id("pst", posting.id)


async def available(shop: Shop) -> int:
    return (await shop.desk.wallet.balance(shop.tenant, shop.customer)).available


async def test_s1_a_posting_is_made_when_a_second_person_approves(shop: Shop) -> None:
    """The books of customers could be changed by whoever had the raw ledger; a correction is two persons' work now."""
    number = await asked(shop)
    assert await available(shop) == 1000
    made = await shop.desk.manual_postings.approve(WANG, number)
    assert (made.state, made.asked_by_name, made.decided_by_name) == ("approved", "Li", "Wang")
    assert await available(shop) == 700
    assert made.transfer_id is not None
    [transfer] = await shop.ledger.lookup_transfers([parse_id(made.transfer_id)])
    assert (transfer.amount, transfer.code, transfer.user_data_128) == (300, TransferCode.MANUAL_POSTING, number)
    assert await shop.desk.manual_postings.get(number) == made


@pytest.mark.parametrize("person", [LI, LI_AGAIN, Person(LI.key_id, "renamed")])
async def test_s1_one_person_never_does_both(shop: Shop, person: Person) -> None:
    number = await asked(shop)
    postings = shop.desk.manual_postings
    with pytest.raises(PermissionDeniedError, match="another person"):
        await postings.approve(person, number)
    with pytest.raises(PermissionDeniedError):
        await postings.refuse(person, number, NO)
    with pytest.raises(PermissionDeniedError, match="refuse it instead"):
        await postings.withdraw(WANG, number)
    await postings.approve(WANG, number)
    with pytest.raises(PermissionDeniedError):
        await postings.approve(person, number)
    assert await available(shop) == 700


async def test_s1_two_approvals_at_once_make_one_transfer(shop: Shop) -> None:
    number = await asked(shop)
    # A desk of its own, as a second server has: no lock is shared, only the database.
    other = ManualPostings(shop.ledger, shop.book, lambda: shop.now_ns)
    ways = [shop.desk.manual_postings, other, shop.desk.manual_postings, other]
    people = [WANG, ZHAO, ZHAO, WANG]
    found = await asyncio.gather(
        *(way.approve(person, number) for way, person in zip(ways, people, strict=True)), return_exceptions=True
    )
    decided = {each.decided_by_name for each in found if isinstance(each, Posting)}
    assert len(decided) == 1
    assert all(isinstance(each, Posting | InvalidStateError) for each in found), found
    assert await available(shop) == 700


@pytest.mark.parametrize("state", ["refused", "withdrawn", "expired"])
async def test_s1_what_was_not_approved_is_never_made(shop: Shop, state: str) -> None:
    number = await asked(shop)
    postings = shop.desk.manual_postings
    ended: dict[str, Callable[[], Awaitable[Posting]]] = {
        "refused": lambda: postings.refuse(WANG, number, NO),
        "withdrawn": lambda: postings.withdraw(LI, number),
        "expired": lambda: postings.get(number),
    }
    if state == "expired":
        shop.now_ns += 86_400 * 10**9
    found = await ended[state]()
    assert (found.state, found.transfer_id) == (state, None)
    assert await ended[state]() == found
    assert found.note == (NO.reason if state == "refused" else None)
    for person in (WANG, ZHAO):
        with pytest.raises(InvalidStateError, match=state):
            await postings.approve(person, number)
    assert await available(shop) == 1000


async def test_a_posting_can_be_approved_until_its_last_nanosecond(shop: Shop) -> None:
    number = await asked(shop, expires_in_seconds=60)
    shop.now_ns += 60 * 10**9 - 1
    assert (await shop.desk.manual_postings.approve(WANG, number)).state is ApprovalState.APPROVED
    shop.now_ns += 86_400 * 10**9
    assert (await shop.desk.manual_postings.approve(WANG, number)).state is ApprovalState.APPROVED
    assert await available(shop) == 700


async def test_no_posting_takes_an_account_below_its_floor(shop: Shop) -> None:
    number = await asked(shop, amount=1001)
    with pytest.raises(InvalidStateError, match="exceeds_credits"):
        await shop.desk.manual_postings.approve(WANG, number)
    assert (await shop.desk.manual_postings.get(number)).state is ApprovalState.ASKED
    await shop.fund(1)
    await shop.desk.manual_postings.approve(WANG, number)
    assert await available(shop) == 0


async def test_the_same_request_is_one_posting(shop: Shop) -> None:
    number = await asked(shop)
    postings, same = shop.desk.manual_postings, await request(shop)
    again = await asyncio.gather(*(postings.ask(LI, same) for _ in range(3)))
    assert {parse_typed_id("pst", each.id) for each in again} == {number}
    with pytest.raises(AlreadyExistsError, match="COR-1"):
        await postings.ask(LI, await request(shop, amount=301))
    with pytest.raises(AlreadyExistsError):
        await postings.ask(WANG, same)
    second = await postings.ask(LI, await request(shop, reference="COR-2"))
    assert [each.id for each in (await postings.list()).items] == [second.id, again[0].id]
    page = await postings.list(limit=1)
    assert (page.has_more, [each.id for each in page.items]) == (True, [second.id])
    after = await postings.list(starting_after=parse_typed_id("pst", second.id))
    assert (after.has_more, [each.id for each in after.items]) == (False, [again[0].id])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("amount", 0), ("amount", -1), ("currency", "QQQ"), ("currency", "USD"), ("live", True), ("reason", " "),
        ("reason", "x" * 501), ("reason", "card 4111111111111111"), ("reference", "a b"), ("reference", ""),
        ("expires_in_seconds", 59), ("expires_in_seconds", 604_801), ("debit_account_id", "x"),
        ("debit_account_id", "77"), ("credit_account_id", "0"),
    ],
)  # fmt: skip
async def test_a_posting_that_makes_no_sense_is_refused(shop: Shop, field: str, value: object) -> None:
    named = "debit_account_id" if field == "live" or value == "USD" else field
    with pytest.raises(InvalidRequestError, match=named):
        await shop.desk.manual_postings.ask(LI, await request(shop, **{field: value}))  # type: ignore[arg-type]
    assert not (await shop.desk.manual_postings.list()).items


async def test_an_account_is_not_posted_to_itself(shop: Shop) -> None:
    wanted = await request(shop)
    same = wanted.credit_account_id
    with pytest.raises(InvalidRequestError, match="another account"):
        await shop.desk.manual_postings.ask(LI, await request(shop, debit_account_id=same))


async def test_a_posting_nobody_asked_for_is_not_found(shop: Shop) -> None:
    with pytest.raises(NotFoundError, match="posting"):
        await shop.desk.manual_postings.approve(WANG, new_id())
