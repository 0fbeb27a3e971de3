"""``pycore store``: list a merchant's stores, limit, disable and replace the codes on their counters."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from msgspec import UNSET

from pycore.command_line import output
from pycore.command_line.customer import OfMerchantOption
from pycore.command_line.database import work_on_store
from pycore.command_line.key import LiveOption
from pycore.command_line.options import ConfigOption, DataOption, DsnOption, JsonOption, settings_of
from pycore.ids import format_typed_id, parse_typed_id
from pycore.merchants import MERCHANT_PREFIX, STORE_PREFIX, MerchantStore, MerchantStores, StoreChanges, open_vault
from pycore.payments.cashier_links import CashierLinks, open_cashier_links
from pycore.store import Store
from pycore.tenant import Tenant
from pycore.vault import configured_key_source

store = typer.Typer(help="Stores: where a merchant sells, and the codes its customers scan.", no_args_is_help=True)

StoreArgument = Annotated[str, typer.Argument(help="The store, sto_….")]
_COLUMNS = ("id", "name", "code", "amount at most", "open at most", "created at", "link of the code")

Work = Callable[[MerchantStores, Tenant], Awaitable[list[MerchantStore]]]


@store.command("list")
def list_all(
    merchant: OfMerchantOption,
    config: ConfigOption = None,
    data: DataOption = None,
    dsn: DsnOption = None,
    *,
    live: LiveOption = False,
    json: JsonOption = False,
) -> None:
    """List the hundred newest stores, with the links their codes stand for."""

    async def work(stores: MerchantStores, tenant: Tenant) -> list[MerchantStore]:
        return list((await stores.list(tenant, 100)).items)

    found = _on_stores(work, merchant, config, data, dsn, live=live, json=json)
    if json:
        output.show_json({"stores": found})
    else:
        output.show_table("Stores", _COLUMNS, [tuple(str(value) for value in each.values()) for each in found])


@store.command("limit-code")
def limit_code(
    store: StoreArgument,
    merchant: OfMerchantOption,
    amount_max: Annotated[int | None, typer.Option("--amount-max", help="Of one payment, minor units.")] = None,
    open_max: Annotated[int | None, typer.Option("--open-max", help="Payments that nobody paid yet.")] = None,
    config: ConfigOption = None,
    data: DataOption = None,
    dsn: DsnOption = None,
    *,
    live: LiveOption = False,
    json: JsonOption = False,
) -> None:
    """Say what may be paid at a store's code, from now on; what is left out stays."""
    changes = StoreChanges(
        code_amount_max=UNSET if amount_max is None else amount_max,
        code_open_max=UNSET if open_max is None else open_max,
    )
    _change(store, changes, merchant, config, data, dsn, live=live, json=json)


@store.command("disable-code")
def disable_code(
    store: StoreArgument,
    merchant: OfMerchantOption,
    config: ConfigOption = None,
    data: DataOption = None,
    dsn: DsnOption = None,
    *,
    live: LiveOption = False,
    json: JsonOption = False,
) -> None:
    """Let a store's code take no new payment, at once; what was begun at it can still be paid."""
    _change(store, StoreChanges(code_enabled=False), merchant, config, data, dsn, live=live, json=json)


@store.command("enable-code")
def enable_code(
    store: StoreArgument,
    merchant: OfMerchantOption,
    config: ConfigOption = None,
    data: DataOption = None,
    dsn: DsnOption = None,
    *,
    live: LiveOption = False,
    json: JsonOption = False,
) -> None:
    """Let a store's code work again."""
    _change(store, StoreChanges(code_enabled=True), merchant, config, data, dsn, live=live, json=json)


@store.command("rotate-code")
def rotate_code(
    store: StoreArgument,
    merchant: OfMerchantOption,
    config: ConfigOption = None,
    data: DataOption = None,
    dsn: DsnOption = None,
    *,
    live: LiveOption = False,
    json: JsonOption = False,
) -> None:
    """Give a store another code, for one that was copied or lost: the old one is nobody's, at once."""

    async def work(stores: MerchantStores, tenant: Tenant) -> list[MerchantStore]:
        return [await stores.rotate_code(tenant, parse_typed_id(STORE_PREFIX, store))]

    _show(_on_stores(work, merchant, config, data, dsn, live=live, json=json), json=json)


def _change(
    store: str,
    changes: StoreChanges,
    merchant: str,
    config: Path | None,
    data: str | None,
    dsn: str | None,
    *,
    live: bool,
    json: bool,
) -> None:
    async def work(stores: MerchantStores, tenant: Tenant) -> list[MerchantStore]:
        return [await stores.update(tenant, parse_typed_id(STORE_PREFIX, store), changes)]

    _show(_on_stores(work, merchant, config, data, dsn, live=live, json=json), json=json)


def _on_stores(
    work: Work, merchant: str, config: Path | None, data: str | None, dsn: str | None, *, live: bool, json: bool
) -> list[dict[str, Any]]:
    """Return what ``work`` gives, as it is shown."""

    async def on_store(store: Store) -> list[dict[str, Any]]:
        settings = settings_of(config, data, dsn)
        source = configured_key_source(settings.vault, Path(settings.store.data))
        vault = await open_vault(store.pool, source)
        links = await open_cashier_links(store.pool, vault, lambda: settings.public_url)
        tenant = Tenant(parse_typed_id(MERCHANT_PREFIX, merchant), live)
        return [_fields(links, each) for each in await work(MerchantStores(store.pool), tenant)]

    return work_on_store(on_store, config, data, dsn, json=json)


def _show(found: list[dict[str, Any]], *, json: bool) -> None:
    [fields] = found
    if json:
        output.show_json({"store": fields})
    else:
        output.show_fields("Store", fields)


def _fields(links: CashierLinks, store: MerchantStore) -> dict[str, Any]:
    return {
        "id": format_typed_id(STORE_PREFIX, store.id),
        "name": store.name,
        "code": "enabled" if store.code.is_enabled else "disabled",
        "code_amount_max": store.code.amount_max,
        "code_open_max": store.code.open_max,
        "created_at": output.time_text(store.created_at),
        "cashier_url": links.store_url(store.code.id),
    }
