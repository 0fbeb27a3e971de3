"""The suites that guard a protection must turn red without it."""

import pytest

from tests.simulation.harness import CASES, Case


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.suite}-{case.removed}")
def test_a_removed_protection_is_noticed(case: Case) -> None:
    assert case.notices(seed=3)
