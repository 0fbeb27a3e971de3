"""``pycore merchant``: make merchants, list them, disable and enable them."""

from typing import Annotated, Any

import typer

from pycore.command_line import output
from pycore.command_line.database import work_on_store
from pycore.command_line.options import ConfigOption, DataOption, DsnOption, JsonOption
from pycore.ids import format_typed_id, parse_typed_id
from pycore.merchants import MERCHANT_PREFIX, Allowance, Merchant, MerchantChanges, Merchants, MerchantStatus
from pycore.store import Store

merchant = typer.Typer(help="Merchants: whose payments are taken.", no_args_is_help=True)

MerchantArgument = Annotated[str, typer.Argument(help="The merchant, mer_….")]
PerSecondOption = Annotated[int, typer.Option("--requests-per-second", help="Requests a second in the long run.")]
BurstOption = Annotated[int, typer.Option("--requests-burst", help="Requests at once.")]
_COLUMNS = ("id", "name", "status", "labels", "requests per second", "at once", "created at")


@merchant.command()
def create(
    name: Annotated[str, typer.Argument(help="For people.")],
    requests_per_second: PerSecondOption = 2000,
    requests_burst: BurstOption = 4000,
    config: ConfigOption = None,
    data: DataOption = None,
    dsn: DsnOption = None,
    *,
    json: JsonOption = False,
) -> None:
    """Make a merchant; a server may be running."""

    async def work(store: Store) -> Merchant:
        return await Merchants(store.pool).create(name, Allowance(requests_per_second, requests_burst))

    _show(work_on_store(work, config, data, dsn, json=json), json=json)


@merchant.command("list")
def list_all(
    limit: Annotated[int, typer.Option("--limit", help="At most so many, newest first.")] = 100,
    after: Annotated[str | None, typer.Option("--after", help="Those made before this one, mer_….")] = None,
    config: ConfigOption = None,
    data: DataOption = None,
    dsn: DsnOption = None,
    *,
    json: JsonOption = False,
) -> None:
    """List merchants, newest first."""

    async def work(store: Store) -> list[Merchant]:
        starting_after = None if after is None else parse_typed_id(MERCHANT_PREFIX, after)
        return list((await Merchants(store.pool).list(limit, starting_after)).items)

    found = [_fields(each) for each in work_on_store(work, config, data, dsn, json=json)]
    if json:
        output.show_json({"merchants": found})
    else:
        output.show_table("Merchants", _COLUMNS, [_row(each) for each in found])


@merchant.command()
def disable(
    merchant: MerchantArgument,
    config: ConfigOption = None,
    data: DataOption = None,
    dsn: DsnOption = None,
    *,
    json: JsonOption = False,
) -> None:
    """Let a merchant's keys be refused, in running servers within ten seconds; payments under way go on."""
    _set_status(merchant, MerchantStatus.DISABLED, config, data, dsn, json=json)


@merchant.command()
def enable(
    merchant: MerchantArgument,
    config: ConfigOption = None,
    data: DataOption = None,
    dsn: DsnOption = None,
    *,
    json: JsonOption = False,
) -> None:
    """Let a merchant's keys work again."""
    _set_status(merchant, MerchantStatus.ACTIVE, config, data, dsn, json=json)


@merchant.command()
def label(
    merchant: MerchantArgument,
    labels: Annotated[list[str] | None, typer.Argument(help="All labels it shall have; none: none.")] = None,
    config: ConfigOption = None,
    data: DataOption = None,
    dsn: DsnOption = None,
    *,
    json: JsonOption = False,
) -> None:
    """Give a merchant the labels that routing rules can say `label is` of."""

    async def work(store: Store) -> Merchant:
        merchant_id = parse_typed_id(MERCHANT_PREFIX, merchant)
        return await Merchants(store.pool).update(merchant_id, MerchantChanges(labels=labels or []))

    _show(work_on_store(work, config, data, dsn, json=json), json=json)


def _set_status(
    merchant: str,
    status: MerchantStatus,
    config: ConfigOption,
    data: DataOption,
    dsn: DsnOption,
    *,
    json: bool,
) -> None:
    async def work(store: Store) -> Merchant:
        merchant_id = parse_typed_id(MERCHANT_PREFIX, merchant)
        return await Merchants(store.pool).update(merchant_id, MerchantChanges(status=status))

    _show(work_on_store(work, config, data, dsn, json=json), json=json)


def _show(merchant: Merchant, *, json: bool) -> None:
    if json:
        output.show_json({"merchant": _fields(merchant)})
    else:
        output.show_fields("Merchant", _fields(merchant))


def _row(fields: dict[str, Any]) -> tuple[str, ...]:
    return tuple(", ".join(value) if isinstance(value, list) else str(value) for value in fields.values())


def _fields(merchant: Merchant) -> dict[str, Any]:
    return {
        "id": format_typed_id(MERCHANT_PREFIX, merchant.id),
        "name": merchant.name,
        "status": merchant.status.value,
        "labels": list(merchant.labels),
        "requests_per_second": merchant.allowance.requests_per_second,
        "requests_burst": merchant.allowance.requests_burst,
        "created_at": output.time_text(merchant.created_at),
    }
