"""T4 in small: a hundred changes behind the ledger's back. The command makes 2,000."""

from tests.simulation import tamper
from tests.simulation.report import Arguments

CHANGES = 100


async def test_every_change_is_found() -> None:
    outcome = await tamper.simulate(Arguments(seed=1, count=CHANGES))
    assert sum(outcome.values()) == CHANGES
