"""T7 in small: 200 seeds of crashes in one process. The command runs 10,000."""

import pytest

from tests.simulation.crash_simulation import run_seed

SEEDS = range(200)


@pytest.mark.parametrize("first", SEEDS[::20])
def test_a_restarted_ledger_is_the_one_that_never_crashed(first: int) -> None:
    outcomes = [run_seed(seed) for seed in range(first, first + 20)]
    assert sum(outcome["crashes"] for outcome in outcomes) > 0
