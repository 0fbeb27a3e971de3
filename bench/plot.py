"""``python -m bench.plot``: draw the latest results into ``bench/results/*.svg``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench import bars
from bench.result import LATEST, Result, read

_BATCHES = (1, 10, 100, 1000, 8190)
_ENGINE_BATCHES = (1, 8, 64, 512, 4096, 8190)
_ACCOUNTS = {"1k": 1e3, "10k": 1e4, "100k": 1e5, "1m": 1e6, "10m": 1e7}
_CALLERS = (1, 16, 64, 256)
_OURS, _BARE = "#1f5fa8", "#b0b7bf"

Results = dict[str, Result]


def durable(results: Results, axes: Axes) -> None:
    """B7: transfers per second by batch size, against the bare loop."""
    found = [(batch, results[name]) for batch in _BATCHES if (name := f"ledger_durable_{batch}") in results]
    _against(axes, [(str(batch), result) for batch, result in found], "bare journal inserts")
    axes.set(title="Durable posting (B7)", xlabel="transfers per request", ylabel="transfers/s")


def front_doors(results: Results, axes: Axes) -> None:
    """B3: transfers per second by front door, against the empty server."""
    names = ("grpc_unary_1", "http_json_1", "grpc_stream_1", "grpc_stream_100", "grpc_batch_100", "grpc_batch_1000")
    found = [(name.replace("_", " "), results[name]) for name in names if name in results]
    _against(axes, found, "empty server, same client")
    axes.set(title="Front doors (B3)", ylabel="transfers/s")
    axes.tick_params(axis="x", rotation=20)


def callers(results: Results, axes: Axes) -> None:
    """B3: single transfers per second by number of callers."""
    for door in ("grpc_unary_1", "grpc_stream_1", "http_json_1"):
        names = {count: door if count == 64 else f"{door}_callers_{count}" for count in _CALLERS}
        points = [(count, results[name].value) for count, name in names.items() if name in results]
        axes.plot(*_columns(points), marker="o", label=door.replace("_", " "))
    axes.set(
        title="Single transfers by callers (B3)", xlabel="callers", ylabel="transfers/s", xscale="log", yscale="log"
    )
    axes.legend()


def engine(results: Results, axes: Axes) -> None:
    """B1: transfers per second in memory, by batch size and by accounts."""
    batches = [
        (batch, results[name].value) for batch in _ENGINE_BATCHES if (name := f"engine_post_{batch}_10k") in results
    ]
    accounts = [
        (n, results[name].value) for text, n in _ACCOUNTS.items() if (name := f"engine_post_8190_{text}") in results
    ]
    axes.plot(*_columns(batches), marker="o", color=_OURS, label="by transfers per batch, 10,000 accounts")
    axes.plot(*_columns(accounts), marker="s", color="#c2571a", label="by accounts, 8,190 per batch")
    axes.set(title="The engine in memory, one core (B1)", ylabel="transfers/s", xscale="log", ylim=(0, None))
    axes.legend()


def skew(results: Results, axes: Axes) -> None:
    """B2: rate with skewed accounts, as a share of the rate with uniform ones."""
    found = [(name.removeprefix("skew_"), result) for name, result in results.items() if name.startswith("skew_")]
    axes.bar([name for name, _ in found], [result.ratio or 0.0 for _, result in found], color=_OURS)
    axes.axhline(0.9, color="#a33", linewidth=1)
    axes.set(title="Skewed accounts against uniform ones (B2)", ylabel="ratio", ylim=(0, None))


def ratios(results: Results, axes: Axes) -> None:
    """Every result with a bar on its ratio."""
    found = [
        (name, result.ratio, bar.ratio_min)
        for name, bar in bars.BARS.items()
        if bar.ratio_min is not None and (result := results.get(name)) is not None and result.ratio is not None
    ]
    positions = range(len(found))
    axes.barh(positions, [ratio for _, ratio, _ in found], color=_OURS)
    axes.plot([minimum for _, _, minimum in found], positions, "|", color="#a33", markersize=16, markeredgewidth=2)
    axes.set_yticks(positions, [name for name, _, _ in found])
    axes.set(title="Ratios to what was measured in the same run; red: the bar", xlabel="ratio")


def _against(axes: Axes, found: Sequence[tuple[str, Result]], baseline: str) -> None:
    positions = range(len(found))
    axes.bar([p - 0.2 for p in positions], [result.value for _, result in found], 0.4, color=_OURS, label="ledger")
    bare = [result.baseline or 0.0 for _, result in found]
    axes.bar([p + 0.2 for p in positions], bare, 0.4, color=_BARE, label=baseline)
    axes.set_xticks(positions, [name for name, _ in found])
    axes.set_yscale("log")
    axes.legend()


def _columns(points: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [x for x, _ in points], [y for _, y in points]


PLOTS: tuple[Callable[[Results, Axes], None], ...] = (durable, front_doors, callers, engine, skew, ratios)


def main(folder: Path = LATEST.parent) -> None:
    """Draw every plot that has results."""
    # The same results must give the same files, so that a change is a change of figures.
    mpl.rcParams["svg.hashsalt"] = "bench"
    results = {result.name: result for result in read()}
    if not results:
        raise SystemExit(f"there is nothing in {LATEST}: run `make bench` first")
    for plot in PLOTS:
        figure = Figure(figsize=(8, 4.5), layout="constrained")
        axes = figure.add_subplot()
        plot(results, axes)
        if not axes.containers and not any(np.size(line.get_xdata()) for line in axes.lines):
            continue  # nothing of it was measured
        axes.grid(axis="both", alpha=0.3)
        for kind, metadata in (("svg", {"Date": None}), ("png", None)):
            figure.savefig(folder / f"{plot.__name__}.{kind}", metadata=metadata)
        print(folder / f"{plot.__name__}.svg")


if __name__ == "__main__":
    main()
