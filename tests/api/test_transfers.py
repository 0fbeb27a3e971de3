"""What a caller may try with transfers, through both doors: the exact code for each, and balances that fit it."""

import asyncio

import pytest

from pycore.ids import new_id
from tests.api.door import Door, Fields

PENDING, POST, VOID, LINKED = 2, 4, 8, 1
MAX = 2**128 - 1
A, B, LIMITED, OTHER_LEDGER = 1, 2, 3, 4


def transfer(**fields: int) -> Fields:
    return {
        "id": new_id(), "debit_account_id": A, "credit_account_id": B, "amount": 10, "ledger": 1, "code": 1, **fields
    }  # fmt: skip


@pytest.fixture(autouse=True)
async def accounts(door: Door) -> None:
    created = await door.create_accounts(
        [
            {"id": A, "ledger": 1, "code": 1},
            {"id": B, "ledger": 1, "code": 1},
            {"id": LIMITED, "ledger": 1, "code": 1, "flags": 2},
            {"id": OTHER_LEDGER, "ledger": 2, "code": 1},
        ]
    )
    assert created == ["created"] * 4


async def books(door: Door) -> list[tuple[int, ...]]:
    return [await door.balances(account) for account in (A, B, LIMITED, OTHER_LEDGER)]


REFUSED: list[tuple[Fields, str]] = [
    ({"id": 0}, "id_must_not_be_zero"),
    ({"id": MAX}, "id_must_not_be_int_max"),
    ({"id": (2**48 - 1) << 80}, "id_must_not_be_in_the_future"),
    ({"debit_account_id": 0}, "debit_account_id_must_not_be_zero"),
    ({"debit_account_id": MAX}, "debit_account_id_must_not_be_int_max"),
    ({"credit_account_id": 0}, "credit_account_id_must_not_be_zero"),
    ({"credit_account_id": MAX}, "credit_account_id_must_not_be_int_max"),
    ({"credit_account_id": A}, "accounts_must_be_different"),
    ({"debit_account_id": 77}, "debit_account_not_found"),
    ({"credit_account_id": 77}, "credit_account_not_found"),
    ({"credit_account_id": OTHER_LEDGER}, "accounts_must_have_the_same_ledger"),
    ({"ledger": 2}, "transfer_must_have_the_same_ledger_as_accounts"),
    ({"ledger": 0}, "ledger_must_not_be_zero"),
    ({"code": 0}, "code_must_not_be_zero"),
    ({"flags": 1 << 15}, "reserved_flag"),
    ({"flags": POST | VOID, "pending_id": 9}, "flags_are_mutually_exclusive"),
    ({"pending_id": 9}, "pending_id_must_be_zero"),
    ({"timeout": 1}, "timeout_reserved_for_pending_transfer"),
    ({"timestamp": 1}, "timestamp_must_be_zero"),
    ({"flags": LINKED}, "linked_event_chain_open"),
    ({"debit_account_id": LIMITED, "amount": 1}, "exceeds_credits"),
    ({"flags": POST, "pending_id": 0}, "pending_id_must_not_be_zero"),
    ({"flags": POST, "pending_id": 12345}, "pending_transfer_not_found"),
    ({"flags": 64}, "closing_transfer_must_be_pending"),
]


async def test_a_refused_transfer_says_why_and_moves_nothing(door: Door) -> None:
    before = await books(door)
    for fields, status in REFUSED:
        assert await door.create_transfers([transfer(**fields)]) == [status]
        assert await books(door) == before


@pytest.mark.parametrize("amount", [0, 1, 2**63, 2**64, 2**127, MAX])
async def test_amounts_to_the_edge_of_128_bits(door: Door, amount: int) -> None:
    sent = transfer(amount=amount)
    assert await door.create_transfers([sent]) == ["created"]
    assert await door.balances(A) == (0, amount, 0, 0)
    assert await door.balances(B) == (0, 0, 0, amount)
    assert (await door.transfer(sent["id"]) or {})["amount"] == amount


async def test_a_total_that_would_overflow_is_refused(door: Door) -> None:
    assert await door.create_transfers([transfer(amount=MAX)]) == ["created"]
    assert await door.create_transfers([transfer(amount=1)]) == ["overflows_debits_posted"]
    assert await door.create_transfers([transfer(amount=1, flags=PENDING)]) == ["overflows_debits_posted"]
    hold = {"debit_account_id": B, "credit_account_id": LIMITED, "flags": PENDING}
    assert await door.create_transfers([transfer(**hold, amount=MAX)]) == ["created"]
    assert await door.create_transfers([transfer(**hold, amount=1)]) == ["overflows_debits_pending"]
    assert await door.balances(A) == (0, MAX, 0, 0)


async def test_a_limited_account_may_reach_exactly_zero(door: Door) -> None:
    spend = {"debit_account_id": LIMITED, "credit_account_id": B}
    assert await door.create_transfers([transfer(credit_account_id=LIMITED, amount=10)]) == ["created"]
    assert await door.create_transfers([transfer(**spend, amount=10)]) == ["created"]
    late = transfer(**spend, amount=1)
    assert await door.create_transfers([late]) == ["exceeds_credits"]
    assert await door.create_transfers([late]) == ["id_already_failed"]
    assert await door.balances(LIMITED) == (0, 10, 0, 10)


async def test_the_same_id_again_and_with_another_amount(door: Door) -> None:
    sent = transfer()
    again = [sent, sent, {**sent, "amount": 11}]
    assert await door.create_transfers(again) == ["created", "exists", "exists_with_different_amount"]
    assert await door.create_transfers(again) == ["exists", "exists", "exists_with_different_amount"]
    assert await door.balances(A) == (0, 10, 0, 0)


@pytest.mark.parametrize("position", [0, 1, 2])
async def test_one_bad_item_leaves_its_neighbours_alone(door: Door, position: int) -> None:
    transfers = [transfer(), transfer(), transfer()]
    transfers[position]["code"] = 0
    expected = ["created"] * 3
    expected[position] = "code_must_not_be_zero"
    assert await door.create_transfers(transfers) == expected
    assert await door.balances(A) == (0, 20, 0, 0)


@pytest.mark.parametrize("position", [0, 1, 2])
async def test_a_chain_holds_together(door: Door, position: int) -> None:
    transfers = [transfer(flags=LINKED), transfer(flags=LINKED), transfer()]
    transfers[position]["code"] = 0
    expected = ["linked_event_failed"] * 3
    expected[position] = "code_must_not_be_zero"
    assert await door.create_transfers(transfers) == expected
    assert await door.balances(A) == (0, 0, 0, 0)


async def test_an_open_chain_at_the_end_is_refused_with_its_members(door: Door) -> None:
    statuses = await door.create_transfers([transfer(), transfer(flags=LINKED), transfer(flags=LINKED)])
    assert statuses == ["created", "linked_event_failed", "linked_event_chain_open"]
    assert await door.balances(A) == (0, 10, 0, 0)


async def test_a_hold_is_posted_once(door: Door) -> None:
    hold = transfer(flags=PENDING)
    post = {"id": new_id(), "pending_id": hold["id"], "flags": POST}
    assert await door.create_transfers([hold]) == ["created"]
    assert await door.balances(A) == (10, 0, 0, 0)
    assert await door.create_transfers([{**post, "amount": 11}]) == ["exceeds_pending_transfer_amount"]
    assert await door.create_transfers([{**post, "amount": 4}]) == ["created"]
    assert await door.balances(A) == (0, 4, 0, 0)
    assert await door.create_transfers([{**post, "id": new_id(), "amount": 4}]) == ["pending_transfer_already_posted"]
    void = {"id": new_id(), "pending_id": hold["id"], "flags": VOID}
    assert await door.create_transfers([void]) == ["pending_transfer_already_posted"]
    assert await door.balances(A) == (0, 4, 0, 0)


async def test_a_voided_hold_stays_void(door: Door) -> None:
    hold = transfer(flags=PENDING)
    assert await door.create_transfers([hold]) == ["created"]
    assert await door.create_transfers([{"id": new_id(), "pending_id": hold["id"], "flags": VOID}]) == ["created"]
    late = {"id": new_id(), "pending_id": hold["id"], "flags": POST, "amount": MAX}
    assert await door.create_transfers([late]) == ["pending_transfer_already_voided"]
    assert await door.balances(A) == (0, 0, 0, 0)


async def test_an_expired_hold_stays_expired(door: Door) -> None:
    hold = transfer(flags=PENDING, timeout=1)
    assert await door.create_transfers([hold]) == ["created"]
    await asyncio.sleep(1.2)
    # The sweep made the money free again without being asked.
    assert await door.balances(A) == (0, 0, 0, 0)
    late = {"id": new_id(), "pending_id": hold["id"], "flags": POST, "amount": MAX}
    assert await door.create_transfers([late]) == ["pending_transfer_expired"]


async def test_a_closed_account_takes_part_in_nothing(door: Door) -> None:
    closing = transfer(flags=PENDING | 64, amount=0)
    assert await door.create_transfers([closing]) == ["created"]
    assert await door.create_transfers([transfer()]) == ["debit_account_already_closed"]
    assert await door.create_transfers([{"id": new_id(), "pending_id": closing["id"], "flags": VOID}]) == ["created"]
    assert await door.create_transfers([transfer()]) == ["created"]


@pytest.mark.parametrize("count", [1, 8190])
async def test_one_and_the_most_transfers_in_a_request(door: Door, count: int) -> None:
    assert await door.create_transfers([transfer(amount=1) for _ in range(count)]) == ["created"] * count
    assert await door.balances(A) == (0, count, 0, 0)


async def test_accounts_say_why_they_are_refused(door: Door) -> None:
    account = {"id": 9, "ledger": 1, "code": 1}
    statuses = await door.create_accounts(
        [
            account,
            account,
            {**account, "ledger": 2},
            {**account, "id": 0},
            {**account, "id": MAX},
            {**account, "id": 10, "flags": 6},
            {**account, "id": 11, "flags": 64},
            {**account, "id": 12, "ledger": 0},
            {**account, "id": 13, "code": 0},
        ]
    )
    assert statuses == [
        "created",
        "exists",
        "exists_with_different_ledger",
        "id_must_not_be_zero",
        "id_must_not_be_int_max",
        "flags_are_mutually_exclusive",
        "reserved_flag",
        "ledger_must_not_be_zero",
        "code_must_not_be_zero",
    ]
