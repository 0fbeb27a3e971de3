"""T1 in small: a few kills under load. ``make torture`` makes 1,000."""

import pytest

from tests.simulation import torture
from tests.simulation.report import Arguments

CHUNK_SIZE = 1024


@pytest.mark.parametrize(("load", "cycles"), [("transfers", 4), ("payments", 3)])
async def test_nothing_acknowledged_is_lost_or_doubled(load: str, cycles: int) -> None:
    outcome = await torture.simulate(Arguments(seed=1, count=cycles, load=load), chunk_size=CHUNK_SIZE)
    assert outcome["cycles"] == cycles
