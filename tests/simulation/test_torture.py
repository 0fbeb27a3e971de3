"""T1 in small: a few kills under load. ``make torture`` makes 1,000."""

from tests.simulation import torture
from tests.simulation.report import Arguments

CYCLES = 4
CHUNK_SIZE = 1024


async def test_nothing_acknowledged_is_lost_or_doubled() -> None:
    outcome = await torture.simulate(Arguments(seed=1, count=CYCLES), chunk_size=CHUNK_SIZE)
    assert outcome["cycles"] == CYCLES
