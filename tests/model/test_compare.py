"""T6, small: the reference ledger and the engine agree, and the comparison would notice if they did not.

The full run is ``python -m tests.model.compare --transfers 1000000``.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.model import compare, create_account, create_transfer, existing_transfer, post_or_void
from tests.model.ledger import ReferenceLedger
from tests.model.records import U128_MAX, Account, Transfer
from tests.model.tables import HoldOutcome, Tables


@pytest.mark.parametrize("seed", [20260101, 7])
def test_reference_and_engine_agree(seed: int) -> None:
    report = compare.compare(20_000, seed)
    assert not report.differences, f"seed {seed}: {report.differences}"
    assert report.transfers >= 20_000
    assert report.rollbacks and report.restarts


def test_a_seed_repeats_a_run() -> None:
    assert compare.compare(3_000, seed=5) == compare.compare(3_000, seed=5)


# -- harness self-test: a rule changed in the reference must be found


def _amount_one_less(transfer: Transfer, debit: Account, credit: Account) -> int:
    amount = _BALANCED_AMOUNT(transfer, debit, credit)
    return amount - 1 if amount < transfer.amount and amount > 0 else amount


def _never_voided(tables: Tables, hold: Transfer, outcome: HoldOutcome) -> tuple[Account, Account]:
    return _RELEASE(tables, hold, HoldOutcome.POSTED if outcome == HoldOutcome.VOIDED else outcome)


def _any_amount_is_the_same(transfer: Transfer, existing: Transfer, hold: Transfer) -> bool:
    return True


def _more_is_the_whole_hold_too(transfer: Transfer, existing: Transfer, hold: Transfer) -> bool:
    return _SAME_AMOUNT(transfer, existing, hold) or transfer.amount >= hold.amount == existing.amount


def _behind_any_transfer(tables: Tables, account: Account) -> bool:
    return account.timestamp <= max(tables.clock["account"], tables.clock["transfer"])


def _beside_any_transfer(tables: Tables, account: Account) -> bool:
    return account.timestamp <= tables.clock["account"]


def _expires_a_moment_later(tables: Tables, hold: Transfer, timestamp: int) -> object:
    return _REFUSAL_BY_OUTCOME(tables, hold, timestamp - 1)


def _nothing_expires(ledger: ReferenceLedger, batch_time: int) -> int:
    return 0


_BALANCED_AMOUNT = create_transfer._balanced_amount
_RELEASE = post_or_void.release
_SAME_AMOUNT = existing_transfer._same_amount
_REFUSAL_BY_OUTCOME = post_or_void._refusal_by_outcome


@pytest.mark.parametrize(
    ("module", "rule", "broken"),
    [
        (create_transfer, "_balanced_amount", _amount_one_less),
        (create_transfer, "FUTURE_TOLERANCE_MS", 59_999),
        (create_transfer, "TIMESTAMP_END", U128_MAX),
        (post_or_void, "release", _never_voided),
        (post_or_void, "_refusal_by_outcome", _expires_a_moment_later),
        (existing_transfer, "_same_amount", _any_amount_is_the_same),
        (existing_transfer, "_same_amount", _more_is_the_whole_hold_too),
        (create_account, "_imported_too_early", _behind_any_transfer),
        (create_account, "_imported_too_early", _beside_any_transfer),
        (ReferenceLedger, "_expire", _nothing_expires),
    ],
)
def test_a_broken_rule_is_found(
    monkeypatch: pytest.MonkeyPatch, module: object, rule: str, broken: Callable[..., object] | int
) -> None:
    monkeypatch.setattr(module, rule, broken)
    assert compare.compare(60_000, seed=1, stop_at_difference=True).differences
