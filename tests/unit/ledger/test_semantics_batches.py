"""Rules of whole batches: requests side by side, time, expiry, history, and batches that never became durable."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.model.engine_ledger import EngineLedger
from tests.model.ledger import EXPIRIES_PER_BATCH, ReferenceLedger
from tests.model.records import (
    CREATE_ACCOUNTS,
    CREATE_TRANSFERS,
    HISTORY,
    IMPORTED,
    LINKED,
    PENDING,
    POST_PENDING,
    VOID_PENDING,
    Account,
    AccountBalance,
    Transfer,
    Unit,
)
from tests.model.tables import HoldOutcome

SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND
AnyLedger = ReferenceLedger | EngineLedger


@pytest.fixture(params=[ReferenceLedger, EngineLedger], ids=["reference", "engine"])
def ledger(request: pytest.FixtureRequest) -> AnyLedger:
    """Return a ledger with accounts 1, 2 and 3; 1 keeps its history."""
    make: Callable[[], AnyLedger] = request.param
    ledger = make()
    accounts = [Account(1, ledger=1, code=1, flags=HISTORY), *(Account(n, ledger=1, code=1) for n in (2, 3))]
    assert _apply(ledger, [(CREATE_ACCOUNTS, accounts)], START) == ["created"] * 3
    return ledger


def _apply(ledger: AnyLedger, units: list[Unit], now: int) -> list[str]:
    results = ledger.apply(units, now)
    ledger.commit()
    return [status.name.lower() for _, status in results]


def _move(transfer_id: int, amount: int = 1, **fields: int) -> Transfer:
    return Transfer(
        transfer_id,
        **{"debit_account_id": 1, "credit_account_id": 2, "amount": amount, "ledger": 1, "code": 1} | fields,
    )


def _balance(ledger: AnyLedger, account_id: int) -> tuple[int, int, int, int]:
    account = ledger.account(account_id)
    assert account is not None
    return account.debits_posted, account.debits_pending, account.credits_posted, account.credits_pending


def test_a_chain_ends_with_its_request(ledger: AnyLedger) -> None:
    open_chain = [_move(10, flags=LINKED), _move(11, flags=LINKED)]
    units: list[Unit] = [(CREATE_TRANSFERS, open_chain), (CREATE_TRANSFERS, [_move(12)])]
    assert _apply(ledger, units, START) == ["linked_event_failed", "linked_event_chain_open", "created"]
    assert _balance(ledger, 1) == (1, 0, 0, 0)


def test_a_failed_chain_leaves_the_neighbours_requests_alone(ledger: AnyLedger) -> None:
    broken = [_move(11, flags=LINKED), _move(12, code=0)]
    units: list[Unit] = [(CREATE_TRANSFERS, [event]) for event in (_move(10), _move(13))]
    units.insert(1, (CREATE_TRANSFERS, broken))
    assert _apply(ledger, units, START) == ["created", "linked_event_failed", "code_must_not_be_zero", "created"]
    assert _balance(ledger, 2) == (0, 0, 2, 0)


def test_each_request_is_imported_or_not_by_itself(ledger: AnyLedger) -> None:
    units: list[Unit] = [
        (CREATE_TRANSFERS, [_move(10, flags=IMPORTED, timestamp=START + 100)]),
        (CREATE_TRANSFERS, [_move(11)]),
        (CREATE_ACCOUNTS, [Account(4, ledger=1, code=1)]),
    ]
    assert _apply(ledger, units, START + SECOND) == ["created", "created", "created"]


def test_a_later_request_sees_what_an_earlier_one_of_its_batch_did(ledger: AnyLedger) -> None:
    units: list[Unit] = [
        (CREATE_TRANSFERS, [_move(10, credit_account_id=4)]),
        (CREATE_ACCOUNTS, [Account(4, ledger=1, code=1)]),
        (CREATE_TRANSFERS, [_move(11, credit_account_id=4), _move(10, credit_account_id=4)]),
    ]
    assert _apply(ledger, units, START) == ["credit_account_not_found", "created", "created", "id_already_failed"]


def test_timestamps_follow_the_clock_and_never_go_back(ledger: AnyLedger) -> None:
    units: list[Unit] = [(CREATE_TRANSFERS, [_move(10), _move(11)]), (CREATE_TRANSFERS, [_move(12, code=0)])]
    later = START + SECOND
    assert [timestamp for timestamp, _ in ledger.apply(units, later)] == [later, later + 1, later + 2]
    ledger.commit()
    assert [timestamp for timestamp, _ in ledger.apply([(CREATE_TRANSFERS, [_move(13)])], START)] == [later + 3]
    ledger.commit()
    assert ledger.apply([], START) == []
    ledger.commit()
    assert ledger.last_timestamp == later + 4


def test_expiries_come_before_the_events_and_use_up_timestamps(ledger: AnyLedger) -> None:
    holds = [_move(10, flags=PENDING, timeout=1), _move(11, flags=PENDING, timeout=1), _move(12, flags=PENDING)]
    _apply(ledger, [(CREATE_TRANSFERS, holds)], START + SECOND)
    later = START + 10 * SECOND
    ((timestamp, _),) = ledger.apply([(CREATE_TRANSFERS, [_move(13, 5)])], later)
    ledger.commit()
    assert (ledger.expired, timestamp) == (2, later + 2)
    assert _balance(ledger, 1) == (5, 1, 0, 0)


def test_no_more_than_a_batch_of_holds_expires_at_once_and_the_first_due_go_first(ledger: AnyLedger) -> None:
    late = [_move(10_000 + n, flags=PENDING, timeout=20) for n in range(1_000)]
    early = [_move(20_000 + n, flags=PENDING, timeout=10) for n in range(EXPIRIES_PER_BATCH)]
    _apply(ledger, [(CREATE_TRANSFERS, late)], START + SECOND)
    _apply(ledger, [(CREATE_TRANSFERS, early)], START + 2 * SECOND)
    after = START + 3600 * SECOND
    ledger.apply([], after)
    ledger.commit()
    assert ledger.expired == EXPIRIES_PER_BATCH
    assert _balance(ledger, 1) == (0, 1_000, 0, 0)
    first = ledger.transfer(20_000)
    assert first is not None and first[1] == HoldOutcome.EXPIRED
    # The next batch releases the rest before it looks at its events.
    ends = [
        Transfer(1, pending_id=10_000, amount=1, flags=POST_PENDING),
        Transfer(2, pending_id=10_001, flags=VOID_PENDING),
    ]
    assert _apply(ledger, [(CREATE_TRANSFERS, ends)], after) == ["pending_transfer_expired"] * 2
    assert ledger.expired == 1_000
    assert _balance(ledger, 1) == (0, 0, 0, 0)


def test_history_has_a_row_per_transfer_and_none_for_an_expiry(ledger: AnyLedger) -> None:
    moves = [_move(10, 100, flags=PENDING), _move(11, 7, flags=PENDING, timeout=1), _move(12, 30)]
    _apply(ledger, [(CREATE_TRANSFERS, moves)], START + SECOND)
    after = START + 60 * SECOND
    _apply(ledger, [(CREATE_TRANSFERS, [Transfer(13, pending_id=10, amount=60, flags=POST_PENDING)])], after)
    assert ledger.balances(1) == [
        AccountBalance(100, 0, 0, 0, START + SECOND),
        AccountBalance(107, 0, 0, 0, START + SECOND + 1),
        AccountBalance(107, 30, 0, 0, START + SECOND + 2),
        AccountBalance(0, 90, 0, 0, after + 1),
    ]
    assert ledger.balances(2) == []


def test_history_forgets_a_chain_that_failed(ledger: AnyLedger) -> None:
    _apply(ledger, [(CREATE_TRANSFERS, [_move(10, flags=LINKED), _move(11, code=0), _move(12, 2)])], START)
    assert [row.debits_posted for row in ledger.balances(1)] == [2]


def test_a_batch_taken_back_never_happened(ledger: AnyLedger) -> None:
    _apply(ledger, [(CREATE_TRANSFERS, [_move(10, 8, flags=PENDING, timeout=5)])], START + SECOND)
    before, last = [_balance(ledger, n) for n in (1, 2, 3)], ledger.last_timestamp
    units: list[Unit] = [
        (CREATE_ACCOUNTS, [Account(4, ledger=1, code=1)]),
        (CREATE_TRANSFERS, [_move(11, 3), _move(12, credit_account_id=9)]),
    ]
    first = ledger.apply(units, START + 60 * SECOND)
    ledger.rollback()
    assert [_balance(ledger, n) for n in (1, 2, 3)] == before
    assert ledger.last_timestamp == last
    assert ledger.account(4) is None and ledger.transfer(11) is None
    hold = ledger.transfer(10)
    assert hold is not None and hold[1] == HoldOutcome.OPEN
    # Applied again it comes to the same, the id that failed included: nothing durable had used it up.
    assert ledger.apply(units, START + 60 * SECOND) == first
    ledger.rollback()
    assert _apply(ledger, [(CREATE_TRANSFERS, [_move(12)])], START + 2 * SECOND) == ["created"]
