"""T3 in small: twenty takeovers from a living writer. The command makes 1,000."""

from tests.simulation import lease_fight
from tests.simulation.report import Arguments

TAKEOVERS = 20


async def test_two_writers_leave_one_history() -> None:
    outcome = await lease_fight.simulate(Arguments(seed=1, count=TAKEOVERS))
    assert outcome["takeovers"] == TAKEOVERS
