"""T14 in small: one server, each fault for a second. ``make degradation`` takes longer and judges the times."""

from __future__ import annotations

import asyncio

import pytest

from tests.simulation import degradation
from tests.simulation.report import Arguments, Outcome


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    """What was measured. What the witness was told had to be there afterwards, once, or this fails."""
    if not degradation.can_mount():
        pytest.skip("a small disk cannot be mounted here: it needs root")
    return asyncio.run(degradation.simulate(Arguments(seed=1, count=1, load="all")))


def test_s6_reads_stay_and_writes_are_refused_on_a_full_disk(outcome: Outcome) -> None:
    """PostgreSQL ended, could not recover, and reads of confirmed payments, balances and lists answered 503."""
    assert outcome["disk_full_reads_answered"] == outcome["disk_full_reads_asked"] > 0
    assert outcome["disk_full_refusals"] > outcome["disk_full_writes_answered"]


@pytest.mark.parametrize("fault", ["database_stopped", "database_away"])
def test_s6_writes_are_refused_without_a_database(outcome: Outcome, fault: str) -> None:
    """They hung for as long as the database did."""
    assert outcome[f"{fault}_refusals"] > outcome[f"{fault}_writes_answered"]


def test_s6_payments_from_balances_go_on_without_channels(outcome: Outcome) -> None:
    """Channels that say nothing hold their own callers alone."""
    assert outcome["channels_away_reads_answered"] == outcome["channels_away_reads_asked"] > 0
    assert outcome["channels_away_writes_answered"] > 0


@pytest.mark.parametrize("fault", degradation.FAULTS)
def test_s6_no_call_hangs(outcome: Outcome, fault: str) -> None:
    """The prober gives up after ten seconds; the programme's own bar is five."""
    assert outcome[f"{fault}_longest_ms"] < 9_000
    assert outcome[f"{fault}_ready_ms_max"] < 9_000
