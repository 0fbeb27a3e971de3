"""The bank's data: the order within a day, and the booking that leaves the bank's balance after every transaction."""

import os
from collections import defaultdict
from itertools import permutations
from pathlib import Path

import pytest

from bench.berka import Posted, Transaction, by_day, histories, order_day, read_transactions
from bench.berka_books import Counterpart, counterpart_balances, customer_account_id, transfers

DATA = Path(os.environ.get("PYCORE_DATA", "../shared/data")) / "berka" / "trans.asc"
ROUNDED_ROWS = 2031


def row(change: int, balance: int, trans_id: int = 1) -> Transaction:
    return Transaction(trans_id, 1, 19930105, "VKLAD" if change > 0 else "VYBER", "", change, balance, "", "")


@pytest.mark.parametrize("shuffled", list(permutations([row(500, 1500), row(-700, 800), row(200, 1000)])))
def test_the_balances_tell_the_order_of_a_day(shuffled: tuple[Transaction, ...]) -> None:
    ordered = order_day(shuffled, 1000)
    assert ordered is not None
    assert [posted.transaction.balance for posted in ordered] == [1500, 800, 1000]


def test_an_exact_order_is_preferred_to_a_rounded_one() -> None:
    # Begun with the second row the day could only be explained by rounding twice.
    ordered = order_day([row(110, 210), row(100, 310)], 100)
    assert ordered is not None
    assert [posted.rounding for posted in ordered] == [0, 0]


def test_rounding_is_exactly_ten_hellers() -> None:
    assert order_day([row(100, 210)], 100) == [Posted(row(100, 210), 10)]
    assert order_day([row(-100, -10)], 100) == [Posted(row(-100, -10), -10)]
    assert order_day([row(100, 209)], 100) is None


def test_a_day_that_no_order_explains_has_none() -> None:
    assert order_day([row(100, 200), row(100, 400)], 100) is None


def test_a_rounded_transaction_is_a_linked_chain_that_ends_at_the_banks_balance() -> None:
    main, rounding = transfers(Posted(row(100, 190), -10))
    assert main.flags & 1
    assert (main.credit_account_id, main.amount) == (customer_account_id(1), 100)
    assert (rounding.debit_account_id, rounding.amount) == (customer_account_id(1), 10)
    assert rounding.credit_account_id == Counterpart.ROUNDING.account_id
    assert main.id != rounding.id


@pytest.mark.skipif(not DATA.exists(), reason=f"no bank data at {DATA} (PYCORE_DATA names its parent folder)")
def test_every_day_of_the_real_file_has_an_order_and_every_balance_follows() -> None:
    posted = histories(read_transactions(DATA))
    balances: defaultdict[int, int] = defaultdict(int)
    times: defaultdict[int, int] = defaultdict(int)
    ids = set()
    for item in by_day(posted):
        account = customer_account_id(item.transaction.account_id)
        for transfer in transfers(item):
            balances[transfer.debit_account_id] -= transfer.amount
            balances[transfer.credit_account_id] += transfer.amount
            ids.add(transfer.id)
        assert balances[account] == item.transaction.balance
        assert item.transaction.date >= times[account]
        times[account] = item.transaction.date
    everything = [item for items in posted.values() for item in items]
    assert sum(1 for item in everything if item.rounding) == ROUNDED_ROWS
    assert len(ids) == len(everything) + ROUNDED_ROWS
    assert sum(balances.values()) == 0
    assert {id: balances[id] for id in counterpart_balances(everything)} == counterpart_balances(everything)
