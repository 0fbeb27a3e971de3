"""T2 in small: fifteen connections cut around COMMIT. The command cuts 500."""

import pytest

from tests.simulation import commit_cuts
from tests.simulation.report import Arguments

CUTS = 15


@pytest.mark.parametrize(("load", "seed"), [("transfers", 1), ("transfers", 2), ("payments", 3)])
async def test_every_answer_around_a_lost_connection_is_true(load: str, seed: int) -> None:
    outcome = await commit_cuts.simulate(Arguments(seed=seed, count=CUTS, load=load))
    assert outcome["cuts"] == CUTS
