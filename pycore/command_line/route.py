"""``pycore route``: routing rules, tried out before they are in force, then put in force."""

import getpass
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from pycore.command_line import output
from pycore.command_line.database import work_on_store
from pycore.command_line.options import ConfigOption, DataOption, DsnOption, JsonOption
from pycore.errors import ConfigurationError
from pycore.ids import parse_typed_id
from pycore.merchants import MERCHANT_PREFIX
from pycore.payments.routing_rules import RoutingRules, RulesVersion
from pycore.routing import Move, Replay, Router, RouterOptions, load_routes, read_traffic, replay
from pycore.store import Store
from pycore.tenant import Tenant

route = typer.Typer(help="Routing rules: try them out, put them in force, look at every version.", no_args_is_help=True)

MerchantOption = Annotated[str, typer.Option("--merchant", help="Whose rules, mer_….")]
LiveOption = Annotated[bool, typer.Option("--live", help="Where real money moves; without it: test mode.")]
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


@route.command("set")
def set_rules(
    rules: Annotated[Path, typer.Argument(help="The rules that shall be in force.")],
    merchant: MerchantOption,
    config: ConfigOption = None,
    data: DataOption = None,
    dsn: DsnOption = None,
    *,
    live: LiveOption = False,
    json: JsonOption = False,
) -> None:
    """Put a merchant's rules in force, in running servers within ten seconds."""

    async def work(store: Store) -> RulesVersion:
        return await RoutingRules(store.pool).set(_tenant(merchant, live=live), _text(rules), by=_who())

    _show(work_on_store(work, config, data, dsn, json=json), json=json)


@route.command()
def show(
    merchant: MerchantOption,
    config: ConfigOption = None,
    data: DataOption = None,
    dsn: DsnOption = None,
    *,
    live: LiveOption = False,
    json: JsonOption = False,
) -> None:
    """Show the rules that are in force for a merchant."""

    async def work(store: Store) -> RulesVersion:
        return await RoutingRules(store.pool).current(_tenant(merchant, live=live))

    _show(work_on_store(work, config, data, dsn, json=json), json=json)


@route.command()
def history(
    merchant: MerchantOption,
    config: ConfigOption = None,
    data: DataOption = None,
    dsn: DsnOption = None,
    *,
    live: LiveOption = False,
    json: JsonOption = False,
) -> None:
    """List the hundred newest versions of a merchant's rules: who set them, and when."""

    async def work(store: Store) -> list[RulesVersion]:
        return list((await RoutingRules(store.pool).history(_tenant(merchant, live=live), 100)).items)

    found = [_fields(each) for each in work_on_store(work, config, data, dsn, json=json)]
    if json:
        output.show_json({"versions": found})
    else:
        rows = [tuple(str(value) for value in each.values()) for each in found]
        output.show_table("Routing rules, newest first", ("version", "set by", "set at", "rules"), rows)


def _tenant(merchant: str, *, live: bool) -> Tenant:
    return Tenant(parse_typed_id(MERCHANT_PREFIX, merchant), live)


def _who() -> str:
    """Return who is at the command line, as the system calls them."""
    try:
        return f"command line, {getpass.getuser()}"
    except (KeyError, OSError):  # a user without a name, as containers have
        return f"command line, uid {os.getuid()}"


def _show(version: RulesVersion, *, json: bool) -> None:
    if json:
        output.show_json({"routing_rules": _fields(version)})
    else:
        output.show_fields("Routing rules", _fields(version))


def _fields(version: RulesVersion) -> dict[str, Any]:
    return {
        "version": version.version,
        "set_by": version.set_by or None,
        "set_at": output.time_text(version.set_at) if version.version else None,
        "rules": version.rules,
    }


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
