"""T8 in small: one round of payments through channels that misbehave. The command makes 100,000."""

from tests.simulation import channel_chaos
from tests.simulation.report import Arguments

PAYMENTS = 60


async def test_our_books_and_the_channels_agree_whatever_happens() -> None:
    outcome = await channel_chaos.simulate(Arguments(seed=6, count=PAYMENTS))
    assert outcome["attempts_succeeded"] > 0
    assert outcome["forged"] > 0
