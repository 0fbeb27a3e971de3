"""``python -m bench``: run the workloads, print a table, keep the results in ``bench/results/latest.json``."""

from __future__ import annotations

import logging
import sys
import time
from typing import Annotated

import structlog
import typer
import uvloop
from rich.console import Console
from rich.table import Table

from bench import bars, result
from bench.suite import Case, Suite
from bench.workloads import (
    channel_payments,
    decisions,
    doors,
    duplicates,
    durable,
    engine,
    growth,
    payments,
    projector,
    reads,
    standby,
    two_phase,
    vault,
    with_rows,
)

CASES: tuple[Case, ...] = (
    *engine.CASES,
    *decisions.CASES,
    *durable.CASES,
    *with_rows.CASES,
    *projector.CASES,
    *doors.CASES,
    *payments.CASES,
    *channel_payments.CASES,
    *two_phase.CASES,
    *reads.CASES,
    *duplicates.CASES,
    *standby.CASES,
    *growth.CASES,
    *vault.CASES,
)


async def run(prefixes: list[str], *, quick: bool, console: Console) -> list[result.Result]:
    """Run the chosen workloads one after the other; what is measured is kept as soon as it is there."""
    found: list[result.Result] = []
    async with Suite(prefixes, quick=quick) as suite:
        for case in CASES:
            if not suite.wants(*case.names):
                continue
            started = time.monotonic()
            async for each in case.run(suite):
                found.append(each)
                console.print(f"{each.name:30} {_number(each.value):>14} {each.unit}")
                if not quick:
                    result.write([each])
            console.print(f"[dim]{case.run.__module__} took {time.monotonic() - started:.0f} s[/dim]")
    return found


def table(results: list[result.Result]) -> Table:
    """Return the results, each with its bar where there is one."""
    shown = Table("name", "value", "unit", "baseline", "ratio", "bar", "", "CPU seconds")
    for each in results:
        verdict = bars.verdict(each)
        shown.add_row(
            each.name,
            _number(each.value),
            each.unit,
            _number(each.baseline),
            "" if each.ratio is None else f"{each.ratio:.2f}",
            bars.text(each.name),
            "" if verdict is None else "[green]met[/green]" if verdict else "[red]missed[/red]",
            ", ".join(f"{name} {seconds:g}" for name, seconds in each.cpu.items()),
        )
    for column in (1, 3, 4):
        shown.columns[column].justify = "right"
    for column in (0, 1, 3):
        shown.columns[column].no_wrap = True
    return shown


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:,.3g}"


def main(
    only: Annotated[str, typer.Option(help="Beginnings of result names, separated by commas; empty: all.")] = "",
    *,
    quick: Annotated[bool, typer.Option(help="Only see that everything works; nothing is kept.")] = False,
) -> None:
    """Measure the ledger's workloads."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    # Redirected into a file there is no width to fit into.
    console = Console() if sys.stdout.isatty() else Console(width=160)
    prefixes = [prefix.strip() for prefix in only.split(",") if prefix.strip()]
    found = uvloop.run(run(prefixes, quick=quick, console=console))
    console.print(table(found))
    if not found:
        names = ", ".join(name for case in CASES for name in case.names)
        console.print(f"no result begins with {only!r}; there are: {names}")
        raise typer.Exit(2)


if __name__ == "__main__":
    typer.run(main)
