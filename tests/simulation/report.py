"""One command per fault test: seed printed first, progress shown, the outcome as JSON, exit status 1 on a failure."""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec
import structlog
from rich.progress import track

Outcome = dict[str, int]
_Item = TypeVar("_Item")

RESULTS = Path(__file__).parents[2] / "bench" / "results"


class Arguments(msgspec.Struct, frozen=True, kw_only=True):
    """How much to do, of what, and from which seed."""

    seed: int
    count: int
    load: str = "transfers"
    quiet: bool = True

    def progress(self, items: Iterable[_Item]) -> Iterable[_Item]:
        """Yield the items with a progress bar on the terminal."""
        return items if self.quiet else track(list(items), description="running", transient=True)


def main(
    name: str,
    run: Callable[[Arguments], Outcome],
    *,
    count: int,
    option: str = "count",
    loads: Sequence[str] = (Arguments.load,),
) -> None:
    """Read the command line, run, print the outcome and keep it in ``bench/results/<name>.json``.

    ``loads`` are what can be done, the usual first; the outcome of another one is in ``<name>_<load>.json``.
    """
    parser = argparse.ArgumentParser(prog=f"python -m tests.simulation.{name}")
    parser.add_argument(f"--{option}", dest="count", type=int, default=count, help="how many (default %(default)s)")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000_000, help="repeat an earlier run")
    parser.add_argument("--load", choices=loads, default=loads[0], help="of what (default %(default)s)")
    options = parser.parse_args()
    name = name if options.load == loads[0] else f"{name}_{options.load}"
    arguments = Arguments(seed=options.seed, count=options.count, load=options.load, quiet=not sys.stderr.isatty())
    # The ledger warns of every fault it meets, and here that is all of them.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    print(f"{name}: seed {arguments.seed}, {arguments.count} times", flush=True)
    started = time.monotonic()
    report: dict[str, object] = {"name": name, "seed": arguments.seed, "count": arguments.count}
    try:
        report |= run(arguments)
    except Exception as error:
        report["failure"] = f"{type(error).__name__}: {error}"
        raise
    finally:
        report["seconds"] = round(time.monotonic() - started, 1)
        text = json.dumps(report, indent=1)
        print(text)
        RESULTS.mkdir(parents=True, exist_ok=True)
        (RESULTS / f"{name}.json").write_text(text + "\n")
