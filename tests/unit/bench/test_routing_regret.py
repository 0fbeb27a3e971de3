"""The regret study, in small: that it counts what it says."""

import itertools

import numpy as np

from bench import routing
from bench.routing import CHANNELS, PolicyResult

DECISIONS = 6_000


def test_the_world_is_repeatable_and_has_trouble_in_the_middle() -> None:
    world = routing.world(DECISIONS, seed=1)
    again = routing.world(DECISIONS, seed=1)
    assert all(np.array_equal(left, right) for left, right in zip(world, again, strict=True))
    troubled = next(position for position, channel in enumerate(CHANNELS) if channel.name == "troubled")
    best = world.score.argmax(axis=1)
    thirds = [set(part.tolist()) for part in np.split(best, 3)]
    assert troubled in thirds[0] & thirds[2]
    assert troubled not in thirds[1]
    rates = [part[:, troubled].mean() for part in np.split(world.paid, 3)]
    assert rates[1] + 0.3 < min(rates[0], rates[2])


def test_regret_only_grows_and_the_router_loses_least() -> None:
    results = {result.policy: result for result in routing.measure(DECISIONS, seed=1, runs=1)}
    for result in results.values():
        assert all(earlier <= later for earlier, later in itertools.pairwise(result.curve))
        assert 0 <= result.regret_share < 1
    assert abs(results["best fixed channel"].regret_over_best_fixed) < 0.01
    assert results["router"].regret_over_best_fixed < 0
    assert results["router"].regret < results["in turn"].regret


def test_the_plot_is_drawn() -> None:
    result = PolicyResult(
        policy="router", regret=1.0, regret_share=0.1, regret_share_of_runs=[0.1], regret_over_best_fixed=0.0,
        success=0.9, cost_basis_points=30.0, us_per_decision=1.0, curve=[0, 50, 100],
    )  # fmt: skip
    [axes] = routing.draw([result], decisions=900).axes
    assert [line.get_label() for line in axes.lines] == ["router: 10.00%"]
