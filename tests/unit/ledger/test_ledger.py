"""What a Python service does with a ledger, against a real PostgreSQL."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest

from pycore.errors import InvalidRecordsError, RequestTooLargeError
from pycore.ids import new_id
from pycore.ledger import (
    AccountFilter,
    AccountFlags,
    CreateAccountStatus,
    CreateTransferStatus,
    Ledger,
    Operation,
    Transfer,
    TransferFlags,
)
from pycore.ledger.transfer import pack_transfers
from tests.unit.ledger.conftest import OpenLedger, account, transfer

if TYPE_CHECKING:
    from typing_extensions import Buffer

CREATED = CreateTransferStatus.CREATED


async def test_money_moves_and_can_be_looked_up(open_ledger: OpenLedger) -> None:
    ledger = await open_ledger()
    made = await ledger.create_accounts([account(1), account(2)])
    assert [result.status for result in made] == [CreateAccountStatus.CREATED] * 2
    sent = transfer(1, 2, 1_250, user_data_64=7)
    (result,) = await ledger.create_transfers([sent])
    assert result.status is CREATED
    one, two = await ledger.lookup_accounts([1, 2])
    assert (one.debits_posted, one.credits_posted, two.credits_posted) == (1_250, 0, 1_250)
    (found,) = await ledger.lookup_transfers([sent.id])
    assert (found.amount, found.user_data_64, found.timestamp) == (1_250, 7, result.timestamp)
    (totals,) = ledger.trial_balance()
    assert totals.balanced and totals.debits_posted == 1_250 and totals.accounts == 2


async def test_lookups_leave_out_what_does_not_exist_and_keep_the_order(open_ledger: OpenLedger) -> None:
    ledger = await open_ledger()
    await ledger.create_accounts([account(id) for id in (1, 2, 3)])
    assert [found.id for found in await ledger.lookup_accounts([3, 9, 1])] == [3, 1]
    assert await ledger.lookup_transfers([new_id()]) == []


async def test_requests_sent_together_share_a_batch_and_keep_their_own_results(open_ledger: OpenLedger) -> None:
    ledger = await open_ledger()
    await ledger.create_accounts([account(1), account(2)])
    before = ledger.stats().lsn
    requests = [[transfer(1, 2, 1), transfer(1, 1, 1)] for _ in range(50)]
    answers = await asyncio.gather(*[ledger.create_transfers(request) for request in requests])
    for answer in answers:
        assert [result.status for result in answer] == [CREATED, CreateTransferStatus.ACCOUNTS_MUST_BE_DIFFERENT]
    assert ledger.stats().lsn - before < 50
    assert (await ledger.lookup_accounts([2]))[0].credits_posted == 50


async def test_the_same_id_again_changes_nothing(open_ledger: OpenLedger) -> None:
    ledger = await open_ledger()
    await ledger.create_accounts([account(1), account(2)])
    sent = transfer(1, 2, 5)
    first, second = [(await ledger.create_transfers([sent]))[0] for _ in range(2)]
    assert (first.status, second.status) == (CREATED, CreateTransferStatus.EXISTS)
    assert first.timestamp == second.timestamp
    assert (await ledger.lookup_accounts([2]))[0].credits_posted == 5


async def test_a_numpy_array_of_records_is_a_request(open_ledger: OpenLedger) -> None:
    ledger = await open_ledger()
    await ledger.create_accounts([account(1), account(2)])
    packed = pack_transfers([transfer(1, 2, amount) for amount in (1, 2, 3)])
    array = np.frombuffer(packed, dtype=[("id", "<u8", 2), ("rest", "u1", 112)])
    results = await ledger.submit(Operation.CREATE_TRANSFERS, cast("Buffer", array))
    assert len(results) == 3 * 16
    assert (await ledger.lookup_accounts([2]))[0].credits_posted == 6


@pytest.mark.parametrize("records", [b"", b"x", bytes(127), bytes(129)])
async def test_what_is_not_whole_records_is_refused(open_ledger: OpenLedger, records: bytes) -> None:
    ledger = await open_ledger()
    with pytest.raises(InvalidRecordsError):
        await ledger.submit(Operation.CREATE_TRANSFERS, records)
    assert ledger.stats().lsn == 0


async def test_a_request_holds_at_most_8190_events(open_ledger: OpenLedger) -> None:
    ledger = await open_ledger()
    with pytest.raises(RequestTooLargeError):
        await ledger.submit(Operation.CREATE_TRANSFERS, bytes(128 * 8191))
    results = await ledger.submit(Operation.CREATE_TRANSFERS, bytes(128 * 8190))
    assert len(results) == 16 * 8190


async def test_values_that_do_not_fit_their_field_are_refused(open_ledger: OpenLedger) -> None:
    ledger = await open_ledger()
    for fields in ({"amount": 1 << 128}, {"amount": -1}, {"code": 1 << 16}, {"timeout": 1 << 32}):
        with pytest.raises(InvalidRecordsError):
            await ledger.create_transfers([Transfer(id=1, **fields)])


async def test_history_of_an_account_by_side_time_and_limit(open_ledger: OpenLedger) -> None:
    ledger = await open_ledger(chunk_size=16)
    await ledger.create_accounts([account(1), account(2), account(3)])
    moves = [
        transfer(1, 2, n, user_data_32=n % 3) if n % 2 else transfer(3, 1, n, user_data_32=n % 3) for n in range(1, 61)
    ]
    for start in range(0, 60, 10):
        await ledger.create_transfers(moves[start : start + 10])
        await ledger.flush_projection()
    await _until_chunks_are_sealed(ledger, 3)

    async def amounts(**fields: Any) -> list[int]:
        return [found.amount for found in await ledger.account_transfers(AccountFilter(account_id=1, **fields))]

    everything = list(range(1, 61))
    assert await amounts() == everything
    assert await amounts(reversed=True) == everything[::-1]
    assert await amounts(limit=7) == everything[:7]
    assert await amounts(limit=50, reversed=True) == everything[:9:-1]
    assert await amounts(credits=False) == [n for n in everything if n % 2]
    assert await amounts(debits=False, limit=20) == [n for n in everything if n % 2 == 0][:20]
    assert await amounts(user_data_32=2) == [n for n in everything if n % 3 == 2]
    assert await amounts(code=9) == []
    times = [found.timestamp for found in await ledger.account_transfers(AccountFilter(account_id=1))]
    assert await amounts(timestamp_min=times[9], timestamp_max=times[50]) == everything[9:51]
    assert [found.id for found in await ledger.lookup_transfers([move.id for move in moves])] == [m.id for m in moves]
    with pytest.raises(InvalidRecordsError):
        await amounts(limit=0)
    with pytest.raises(InvalidRecordsError):
        await amounts(timestamp_min=2, timestamp_max=1)


async def test_balances_after_each_transfer_for_accounts_that_keep_history(open_ledger: OpenLedger) -> None:
    ledger = await open_ledger(chunk_size=16)
    await ledger.create_accounts([account(1, flags=AccountFlags.HISTORY), account(2)])
    for n in range(1, 41):
        await ledger.create_transfers([transfer(1, 2, n)])
    await ledger.flush_projection()
    await _until_chunks_are_sealed(ledger, 2)
    found = await ledger.account_balances(AccountFilter(account_id=1))
    assert [balance.debits_posted for balance in found] == [n * (n + 1) // 2 for n in range(1, 41)]
    newest = await ledger.account_balances(AccountFilter(account_id=1, reversed=True, limit=30))
    assert newest == found[::-1][:30]
    assert await ledger.account_balances(AccountFilter(account_id=2)) == []


async def test_the_balance_at_a_moment_counts_holds_while_they_are_open(open_ledger: OpenLedger) -> None:
    ledger = await open_ledger()
    await ledger.create_accounts([account(1), account(2)])
    paid, held = transfer(1, 2, 100), transfer(1, 2, 30, flags=TransferFlags.PENDING)
    times = [(await ledger.create_transfers([move]))[0].timestamp for move in (paid, held)]
    post = Transfer(id=new_id(), pending_id=held.id, amount=20, flags=TransferFlags.POST_PENDING_TRANSFER)
    times += [(await ledger.create_transfers([post]))[0].timestamp]

    async def at(timestamp: int) -> tuple[int, int]:
        balance = await ledger.balance_at(1, timestamp)
        return balance.debits_posted, balance.debits_pending

    assert [await at(time) for time in (times[0] - 1, *times)] == [(0, 0), (100, 0), (100, 30), (120, 0)]


async def test_a_hold_expires_by_itself_when_nothing_else_comes(open_ledger: OpenLedger) -> None:
    ledger = await open_ledger()
    await ledger.create_accounts([account(1), account(2)])
    held = transfer(1, 2, 30, flags=TransferFlags.PENDING, timeout=1)
    (made,) = await ledger.create_transfers([held])
    while (await ledger.lookup_accounts([1]))[0].debits_pending:
        assert time.time_ns() < made.timestamp + 30_000_000_000
        await asyncio.sleep(0.05)
    assert time.time_ns() >= made.timestamp + 1_000_000_000
    post = Transfer(id=new_id(), pending_id=held.id, flags=TransferFlags.VOID_PENDING_TRANSFER)
    assert (await ledger.create_transfers([post]))[0].status is CreateTransferStatus.PENDING_TRANSFER_EXPIRED
    assert (await ledger.balance_at(1, made.timestamp)).debits_pending == 30
    assert (await ledger.balance_at(1, time.time_ns())).debits_pending == 0


async def _until_chunks_are_sealed(ledger: Ledger, count: int) -> None:
    """Wait until ``count`` chunks left memory, so that what follows reads them from the database."""
    while ledger._engine.window_first_sequence < count * ledger._chunks.chunk_size:
        await asyncio.sleep(0.02)
