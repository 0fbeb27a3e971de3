"""The balance history is whole after a restart, and answers the same filters as the transfers do.

Found by the comparison with the reference ledger: balances of transfers that a restart loaded into memory were in the
database only, and nobody asked it; and the database did not look at the filter's side, code and user data.
"""

from __future__ import annotations

import pytest

from pycore.ledger import AccountFilter, AccountFlags
from tests.unit.ledger.conftest import OpenLedger, account, transfer

FILTERS = [
    AccountFilter(account_id=1),
    AccountFilter(account_id=1, limit=3),
    AccountFilter(account_id=1, limit=3, reversed=True),
    AccountFilter(account_id=1, credits=False),
    AccountFilter(account_id=1, debits=False, reversed=True, limit=4),
    AccountFilter(account_id=1, user_data_32=1),
    AccountFilter(account_id=1, user_data_64=3, reversed=True),
    AccountFilter(account_id=2),
]


@pytest.mark.parametrize("chunk_size", [4, 64])
async def test_balances_are_the_same_before_and_after_a_restart(open_ledger: OpenLedger, chunk_size: int) -> None:
    ledger = await open_ledger(chunk_size=chunk_size)
    await ledger.create_accounts([account(1, flags=AccountFlags.HISTORY), account(2)])
    expected: list[int] = []
    for number in range(1, 31):
        debit, credit = (1, 2) if number % 3 else (2, 1)
        move = transfer(debit, credit, number, user_data_32=number % 2, user_data_64=number % 5)
        (result,) = await ledger.create_transfers([move])
        expected.append(result.timestamp)
    before = {filter: await ledger.account_balances(filter) for filter in FILTERS}
    assert [balance.timestamp for balance in before[FILTERS[0]]] == expected
    await ledger.flush_projection()
    assert {filter: await ledger.account_balances(filter) for filter in FILTERS} == before
    await ledger.close()

    again = await open_ledger(chunk_size=chunk_size)
    assert {filter: await again.account_balances(filter) for filter in FILTERS} == before
    await again.create_transfers([transfer(1, 2, 5)])
    assert (await again.account_balances(FILTERS[0]))[:-1] == before[FILTERS[0]]
    for filter in FILTERS:
        moved = await again.account_transfers(filter)
        found = await again.account_balances(filter)
        assert [row.timestamp for row in found] == ([row.timestamp for row in moved] if filter.account_id == 1 else [])
