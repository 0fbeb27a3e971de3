"""Canaries in small: a few hundred secrets through every door. The command sends 10,000."""

from tests.simulation import canary
from tests.simulation.report import Arguments

VALUES = 400


async def test_no_secret_is_in_clear_anywhere() -> None:
    outcome = await canary.simulate(Arguments(seed=1, count=VALUES))
    assert outcome["values"] >= VALUES
    assert outcome["found_in_clear"] == 0
