"""``python -m bench.routing``: what routing decisions lose against the best ones while a channel fails and recovers.

A simulated day of payments: the cheapest good channel degrades after a third of the time and recovers after two thirds.
Each policy sees the same payments and the same luck, and learns an outcome some payments later. Regret is what the best
channel of the moment would have brought more, by the true success rates: value × success − cost.

Writes ``bench/results/routing_regret.json`` and ``.svg``.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Annotated, NamedTuple

import matplotlib as mpl
import msgspec
import numpy as np
import numpy.typing as npt
import typer
from matplotlib.figure import Figure

from bench.result import LATEST, current_commit
from pycore.routing import Outcome, Price, Route, Router, RouteRequest, RouterOptions, Terms

START_NS = 1_760_000_000 * 10**9
HOURS = 6
OUTCOME_AFTER = 20
"""Payments until an outcome is known: about two seconds."""
VALUE_BASIS_POINTS = 500
"""A success is worth five per cent of the amount, the merchant's margin: then costs matter."""
POINTS = 300


class Channel(NamedTuple):
    """A simulated channel: its price, its success rate, and that in the middle third."""

    name: str
    basis_points: int
    success: float
    success_in_trouble: float


CHANNELS = (
    Channel("steady", 60, 0.975, 0.975),
    Channel("troubled", 38, 0.97, 0.55),
    Channel("second", 55, 0.95, 0.95),
    Channel("cheap", 20, 0.90, 0.90),
)


class World(NamedTuple):
    """Payments and luck of one run.

    ``success`` is the true rate by payment and channel, ``paid`` whether a try would succeed, ``score`` what a try is
    worth on average, in minor units.
    """

    amounts: npt.NDArray[np.int64]
    success: npt.NDArray[np.float64]
    paid: npt.NDArray[np.bool_]
    score: npt.NDArray[np.float64]


Chosen = npt.NDArray[np.int64]
Policy = Callable[[World, int], Chosen]


def world(decisions: int, seed: int) -> World:
    """Return a run's payments: amounts of about 100 yuan with a long tail, in fen."""
    random = np.random.default_rng(seed)
    amounts = np.clip(np.exp(random.normal(9.0, 1.0, decisions)), 100, 5_000_000).astype(np.int64)
    third = np.arange(decisions) * 3 // decisions
    usual = np.array([channel.success for channel in CHANNELS])
    troubled = np.array([channel.success_in_trouble for channel in CHANNELS])
    success = np.where((third == 1)[:, None], troubled, usual)
    paid = random.random(success.shape) < success
    costs = np.stack([(amounts * channel.basis_points + 5_000) // 10_000 for channel in CHANNELS], axis=1)
    values = amounts * VALUE_BASIS_POINTS // 10_000
    return World(amounts, success, paid, (values[:, None] * success - costs).astype(np.float64))


def _router(options: RouterOptions) -> Router:
    return Router(
        [
            Route(
                channel=channel.name,
                method="qr",
                terms=(Terms(currency="CNY", price=Price(basis_points=channel.basis_points)),),
            )
            for channel in CHANNELS
        ],
        options,
    )


def routed(options: RouterOptions) -> Policy:
    """Return our router with these options."""

    def choose(world: World, seed: int) -> Chosen:
        router = _router(options)
        policy = router.policy()
        seeds = np.random.default_rng(seed + 1).integers(0, 2**63, len(world.amounts)).tolist()
        step_ns = HOURS * 3600 * 10**9 // len(world.amounts)
        waiting: deque[tuple[int, Outcome]] = deque()
        chosen = np.zeros(len(world.amounts), np.int64)
        for position, amount in enumerate(world.amounts.tolist()):
            now_ns = START_NS + position * step_ns
            if len(waiting) == OUTCOME_AFTER:
                route, outcome = waiting.popleft()
                router.record(route, outcome, now_ns=now_ns)
            request = RouteRequest(
                methods=("qr",),
                currency="CNY",
                amount_minor=amount,
                value_minor=amount * VALUE_BASIS_POINTS // 10_000,
            )
            route = router.decide(request, policy, now_ns=now_ns, seed=seeds[position]).kept[0].route
            router.begin(route, now_ns=now_ns)
            waiting.append((route, Outcome.SUCCEEDED if world.paid[position, route] else Outcome.FAILED))
            chosen[position] = route
        return chosen

    return choose


def best_fixed(world: World, _: int) -> Chosen:
    """Return the one channel that is best over the whole run: known only afterwards."""
    return np.full(len(world.amounts), world.score.sum(axis=0).argmax())


def most_reliable(world: World, _: int) -> Chosen:
    """Return the channel that succeeds most often, whatever it costs."""
    return np.full(len(world.amounts), world.success.mean(axis=0).argmax())


def in_turn(world: World, _: int) -> Chosen:
    """Return each channel in turn."""
    return np.arange(len(world.amounts)) % len(CHANNELS)


_NEVER_FORGETS = 10**6 * 3600 * 10**9

POLICIES: dict[str, Policy] = {
    "router": routed(RouterOptions()),
    "router, exploring always": routed(RouterOptions(exploration_ppm=1_000_000)),
    "router, exploring never": routed(RouterOptions(exploration_ppm=0)),
    "router that forgets nothing": routed(RouterOptions(half_life_ns=_NEVER_FORGETS, exploration_ppm=0)),
    "best fixed channel": best_fixed,
    "most reliable channel": most_reliable,
    "in turn": in_turn,
}


class PolicyResult(msgspec.Struct, kw_only=True):
    """One policy, the mean of all runs: regret in minor units, and as a share of what the best choices bring."""

    policy: str
    regret: float
    regret_share: float
    regret_share_of_runs: list[float]
    regret_over_best_fixed: float
    success: float
    cost_basis_points: float
    us_per_decision: float
    curve: list[int]


def measure(decisions: int, seed: int, runs: int) -> Iterator[PolicyResult]:
    """Yield what each policy lost."""
    worlds = [(world(decisions, seed + 1000 * run), seed + 1000 * run) for run in range(runs)]
    for name, policy in POLICIES.items():
        started = time.perf_counter()
        choices = [policy(run, run_seed) for run, run_seed in worlds]
        elapsed = time.perf_counter() - started
        rows = np.arange(decisions)
        regrets = [(run.score.max(axis=1) - run.score[rows, c]) for (run, _), c in zip(worlds, choices, strict=True)]
        best = [run.score.max(axis=1).sum() for run, _ in worlds]
        fixed = [run.score.max(axis=1).sum() - run.score.sum(axis=0).max() for run, _ in worlds]
        shares = [float(regret.sum() / total) for regret, total in zip(regrets, best, strict=True)]
        paid = [run.paid[rows, c].mean() for (run, _), c in zip(worlds, choices, strict=True)]
        prices = np.array([channel.basis_points for channel in CHANNELS])
        costs = [
            (run.amounts * prices[c]).sum() / run.amounts.sum() for (run, _), c in zip(worlds, choices, strict=True)
        ]
        cumulated = np.mean([regret.cumsum() for regret in regrets], axis=0)
        yield PolicyResult(
            policy=name,
            regret=float(cumulated[-1]),
            regret_share=float(np.mean(shares)),
            regret_share_of_runs=shares,
            regret_over_best_fixed=float(np.mean([r.sum() - f for r, f in zip(regrets, fixed, strict=True)])),
            success=float(np.mean(paid)),
            cost_basis_points=float(np.mean(costs)),
            us_per_decision=elapsed / runs / decisions * 1e6,
            curve=[round(value) for value in cumulated[:: max(1, decisions // POINTS)]],
        )


def draw(results: list[PolicyResult], decisions: int) -> Figure:
    """Return the plot of cumulated regret."""
    mpl.rcParams["svg.hashsalt"] = "bench"
    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.add_subplot()
    axes.axvspan(decisions / 3, decisions * 2 / 3, color="#a33", alpha=0.08)
    axes.text(
        decisions / 2, 0.99, "one channel in trouble", transform=axes.get_xaxis_transform(), ha="center", va="top"
    )
    step = max(1, decisions // POINTS)
    for result in results:
        ours = result.policy.startswith("router")
        label = f"{result.policy}: {result.regret_share:.2%}"
        positions = [position * step for position in range(len(result.curve))]
        axes.plot(positions, [max(value, 1.0) / 100 for value in result.curve], "-" if ours else "--", label=label)
    axes.set(
        title="What is lost against the best choice of the moment",
        xlabel="payments",
        ylabel="cumulated regret, yuan",
        yscale="log",
        ylim=(10, None),
    )
    axes.grid(alpha=0.3)
    axes.legend(title="lost, of what the best choices bring", loc="lower right")
    return figure


def main(
    seed: Annotated[int, typer.Option(help="The first run's seed.")] = 1,
    decisions: Annotated[int, typer.Option(min=300, help="Payments in a run.")] = 200_000,
    runs: Annotated[int, typer.Option(min=1, help="Runs, each with a seed of its own.")] = 5,
) -> None:
    """Measure and draw the regret of our router and of simpler policies."""
    results = []
    for result in measure(decisions, seed, runs):
        print(
            f"{result.policy:30} lost {result.regret_share:7.3%}   success {result.success:.3%}"
            f"   cost {result.cost_basis_points:.1f} bp   {result.us_per_decision:.1f} us"
        )
        results.append(result)
    folder = LATEST.parent
    folder.mkdir(exist_ok=True)
    parameters = {"seed": seed, "decisions": decisions, "runs": runs, "channels": [c._asdict() for c in CHANNELS]}
    document = {"commit": current_commit(), "parameters": parameters, "policies": results}
    (folder / "routing_regret.json").write_bytes(msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n")
    figure = draw(results, decisions)
    for kind, metadata in (("svg", {"Date": None}), ("png", None)):
        figure.savefig(folder / f"routing_regret.{kind}", metadata=metadata)
    print(folder / "routing_regret.svg")


if __name__ == "__main__":
    typer.run(main)
