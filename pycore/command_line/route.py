"""``pycore route``: routing rules, tried out before they are activated."""

from pathlib import Path
from typing import Annotated

import typer

from pycore.command_line import output
from pycore.command_line.options import JsonOption
from pycore.errors import ConfigurationError
from pycore.routing import Move, Replay, Router, RouterOptions, load_routes, read_traffic, replay

route = typer.Typer(help="Try out routing rules before they are activated.", no_args_is_help=True)

_NEVER_EXPLORES = RouterOptions(exploration_ppm=0)
_MOVES_SHOWN = 50
_DECISION_COLUMNS = ("currency", "decided by", "payments", "no route", "amount", "success %", "cost", "cost bp")
_MOVE_COLUMNS = ("currency", "from", "to", "payments", "amount", "success %", "then", "cost", "then")


@route.command()
def simulate(
    traffic: Annotated[Path, typer.Argument(help="Past tries, a JSON object per line.")],
    routes: Annotated[Path, typer.Option("--routes", help="TOML file with the routes there are.")],
    rules: Annotated[Path, typer.Option("--rules", help="The changed rules.")],
    current: Annotated[Path | None, typer.Option("--current", help="The rules in force; without: none.")] = None,
    merchant: Annotated[str | None, typer.Option("--merchant", help="Decide this merchant's payments only.")] = None,
    *,
    json: JsonOption = False,
) -> None:
    """Replay past traffic with changed rules, and show which payments would go elsewhere and what that comes to."""

    async def work() -> Replay:
        router = Router(load_routes(routes), _NEVER_EXPLORES)
        in_force = "" if current is None else _text(current)
        return replay(router, read_traffic(traffic), in_force, _text(rules), merchant=merchant)

    found = output.run(work, json=json)
    if json:
        output.show_json(found.fields())
        return
    decisions = [
        (currency, name, *(_shown(field, value) for field, value in tally.fields().items()))
        for currency, comparison in sorted(found.comparisons.items())
        for name, tally in comparison.tallies().items()
    ]
    title = f"{found.decided:,} of {found.attempts:,} tries decided again, minor units"
    output.show_table(title, _DECISION_COLUMNS, decisions)
    output.show_table("What would go elsewhere", _MOVE_COLUMNS, [_row(move) for move in found.moves[:_MOVES_SHOWN]])
    if found.unknown_routes:
        typer.echo(
            f"{found.unknown_routes:,} tries were on routes that are not in {routes}: nothing was learned of them"
        )
    if len(found.moves) > _MOVES_SHOWN:
        typer.echo(f"and {len(found.moves) - _MOVES_SHOWN:,} lines more: --json shows all")


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"the rules {file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"the rules {file} are not UTF-8: {error}") from error


def _row(move: Move) -> tuple[str, ...]:
    return (
        move.currency,
        move.current or "no route",
        move.changed or "NO ROUTE",
        f"{move.payments:,}",
        f"{move.amount:,}",
        _percent(move.success_ppm_before),
        _percent(move.success_ppm_after),
        f"{move.cost_before:,}",
        f"{move.cost_after:,}",
    )


def _shown(field: str, value: int) -> str:
    return _percent(value) if field == "success_ppm" else f"{value:,}"


def _percent(ppm: int) -> str:
    return f"{ppm // 10_000}.{ppm // 100 % 100:02}"
