"""The ledger's rules, as tables a bookkeeper can read, against the reference ledger and against the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import IntEnum
from itertools import combinations
from pathlib import Path
from typing import TypeVar

import pytest

from pycore import _core
from pycore.ledger.account import AccountFlags
from pycore.ledger.status import CreateAccountStatus, CreateTransferStatus
from pycore.ledger.transfer import TransferFlags
from tests.model.engine_ledger import EngineLedger
from tests.model.ledger import ReferenceLedger
from tests.model.scenario import Row, Scenario, read_tables
from tests.model.scenario_runner import LedgerUnderTest, ScenarioRunner

_Flags = TypeVar("_Flags", AccountFlags, TransferFlags)

SCENARIOS = read_tables(Path(__file__).parent / "tables")
LEDGERS: dict[str, Callable[[], LedgerUnderTest]] = {"reference": ReferenceLedger, "engine": EngineLedger}

_EXCLUSIVE_BESIDE_POST_OR_VOID = (
    TransferFlags.PENDING
    | TransferFlags.BALANCING_DEBIT
    | TransferFlags.BALANCING_CREDIT
    | TransferFlags.CLOSING_DEBIT
    | TransferFlags.CLOSING_CREDIT
)
_TRANSFER_FLAG_PAIRS = list(combinations(TransferFlags, 2))
_ACCOUNT_FLAG_PAIRS = list(combinations(AccountFlags, 2))


def _pair_name(pair: tuple[TransferFlags, TransferFlags] | tuple[AccountFlags, AccountFlags]) -> str:
    return f"{pair[0].name}+{pair[1].name}".lower()


@pytest.mark.parametrize("ledger", LEDGERS)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.label)
def test_scenario(scenario: Scenario, ledger: str) -> None:
    ScenarioRunner(LEDGERS[ledger](), scenario).run()


def test_scenario_names_are_unique() -> None:
    labels = [scenario.label for scenario in SCENARIOS]
    assert len(labels) == len(set(labels))


def told_to_everybody(kind: type[IntEnum]) -> list[IntEnum]:
    """What only strangers are told has its rows in ``tests/api/test_ledger_domains.py``."""
    return [status for status in kind if not status.name.endswith("BELONGS_TO_A_DOMAIN")]


@pytest.mark.parametrize("status", told_to_everybody(CreateAccountStatus), ids=lambda status: status.name.lower())
def test_every_account_status_has_a_row(status: CreateAccountStatus) -> None:
    assert any(row.code == status.name.lower() for row in _account_rows())


@pytest.mark.parametrize("status", told_to_everybody(CreateTransferStatus), ids=lambda status: status.name.lower())
def test_every_transfer_status_has_a_row(status: CreateTransferStatus) -> None:
    assert any(row.code == status.name.lower() for row in _transfer_rows())


def test_the_catalogues_are_the_engines() -> None:
    assert {status.name.lower(): int(status) for status in CreateAccountStatus} == _core.account_status_names()
    assert {status.name.lower(): int(status) for status in CreateTransferStatus} == _core.transfer_status_names()


@pytest.mark.parametrize(
    "pair", list(combinations(TransferFlags, 2)), ids=lambda pair: f"{pair[0].name}+{pair[1].name}"
)
def test_every_pair_of_transfer_flags_has_a_row(pair: tuple[TransferFlags, TransferFlags]) -> None:
    both = pair[0] | pair[1]
    code = "flags_are_mutually_exclusive" if _is_exclusive(both) else "created"
    assert any(_transfer_flags(row) & both == both for row in _transfer_rows() if row.code == code)


@pytest.mark.parametrize("pair", _ACCOUNT_FLAG_PAIRS, ids=_pair_name)
def test_every_pair_of_account_flags_has_a_row(pair: tuple[AccountFlags, AccountFlags]) -> None:
    both = pair[0] | pair[1]
    limits = AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS | AccountFlags.CREDITS_MUST_NOT_EXCEED_DEBITS
    code = "flags_are_mutually_exclusive" if both == limits else "created"
    assert any(_flags(row, AccountFlags) & both == both for row in _account_rows() if row.code == code)


def _is_exclusive(both: TransferFlags) -> bool:
    post_or_void = TransferFlags.POST_PENDING_TRANSFER | TransferFlags.VOID_PENDING_TRANSFER
    return both == post_or_void or bool(both & post_or_void and both & _EXCLUSIVE_BESIDE_POST_OR_VOID)


def _account_rows() -> Iterator[Row]:
    for scenario in SCENARIOS:
        names: set[str] = set()
        for row in scenario.rows:
            if row.verb in ("account", "accounts"):
                names.update(row.words[1:])
                yield row
            elif row.verb == "again" and row.words[1] in names:
                yield row


def _transfer_rows() -> Iterator[Row]:
    for scenario in SCENARIOS:
        names: set[str] = set()
        for row in scenario.rows:
            if row.verb in ("transfer", "post", "void"):
                names.add(row.words[1])
                yield row
            elif row.verb == "again" and row.words[1] in names:
                yield row


def _transfer_flags(row: Row) -> TransferFlags:
    flags = _flags(row, TransferFlags)
    if row.verb == "post":
        flags |= TransferFlags.POST_PENDING_TRANSFER
    if row.verb == "void":
        flags |= TransferFlags.VOID_PENDING_TRANSFER
    return flags


def _flags(row: Row, flags: type[_Flags]) -> _Flags:
    found = flags(0)
    for word in row.words[1:]:
        if word.upper() in flags.__members__:
            found |= flags[word.upper()]
    return found
