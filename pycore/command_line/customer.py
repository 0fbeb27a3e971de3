"""``pycore customer``: list a merchant's customers, restrict and shred their personal data."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from pycore.command_line import output
from pycore.command_line.database import work_on_store
from pycore.command_line.key import LiveOption
from pycore.command_line.options import ConfigOption, DataOption, DsnOption, JsonOption, settings_of
from pycore.ids import format_typed_id, parse_typed_id
from pycore.merchants import CUSTOMER_PREFIX, MERCHANT_PREFIX, Customer, Customers, open_vault
from pycore.store import Store
from pycore.tenant import Tenant
from pycore.vault import configured_key_source

customer = typer.Typer(help="Customers: the persons who pay a merchant.", no_args_is_help=True)

OfMerchantOption = Annotated[str, typer.Option("--merchant", help="Whose customer, mer_….")]
CustomerArgument = Annotated[str, typer.Argument(help="The customer, cus_….")]
_COLUMNS = ("id", "reference", "class", "state", "name", "phone", "id number", "created at")


@customer.command("list")
def list_all(
    merchant: OfMerchantOption,
    config: ConfigOption = None,
    data: DataOption = None,
    dsn: DsnOption = None,
    *,
    live: LiveOption = False,
    json: JsonOption = False,
) -> None:
    """List the hundred newest customers; personal data is masked."""

    async def work(customers: Customers, tenant: Tenant) -> list[Customer]:
        return list((await customers.list(tenant, 100)).items)

    found = [_fields(each) for each in _on_customers(work, merchant, config, data, dsn, live=live, json=json)]
    if json:
        output.show_json({"customers": found})
    else:
        rows = [tuple(str(value or "–") for value in each.values()) for each in found]
        output.show_table("Customers", _COLUMNS, rows)


@customer.command()
def restrict(
    customer: CustomerArgument,
    merchant: OfMerchantOption,
    config: ConfigOption = None,
    data: DataOption = None,
    dsn: DsnOption = None,
    *,
    live: LiveOption = False,
    json: JsonOption = False,
) -> None:
    """Keep a customer's personal data for the law alone; there is no way back but shredding."""

    async def work(customers: Customers, tenant: Tenant) -> list[Customer]:
        return [await customers.restrict(tenant, parse_typed_id(CUSTOMER_PREFIX, customer))]

    _show(_on_customers(work, merchant, config, data, dsn, live=live, json=json), json=json)


@customer.command()
def shred(
    customer: CustomerArgument,
    merchant: OfMerchantOption,
    config: ConfigOption = None,
    data: DataOption = None,
    dsn: DsnOption = None,
    *,
    live: LiveOption = False,
    json: JsonOption = False,
) -> None:
    """Destroy a customer's personal data for ever; the customer, its reference and its money stay."""

    async def work(customers: Customers, tenant: Tenant) -> list[Customer]:
        return [await customers.shred(tenant, parse_typed_id(CUSTOMER_PREFIX, customer))]

    _show(_on_customers(work, merchant, config, data, dsn, live=live, json=json), json=json)


def _on_customers(
    work: Callable[[Customers, Tenant], Awaitable[list[Customer]]],
    merchant: str,
    config: Path | None,
    data: str | None,
    dsn: str | None,
    *,
    live: bool,
    json: bool,
) -> list[Customer]:
    async def on_store(store: Store) -> list[Customer]:
        settings = settings_of(config, data, dsn)
        source = configured_key_source(settings.vault, Path(settings.store.data))
        customers = Customers(store.pool, await open_vault(store.pool, source))
        return await work(customers, Tenant(parse_typed_id(MERCHANT_PREFIX, merchant), live))

    return work_on_store(on_store, config, data, dsn, json=json)


def _show(found: list[Customer], *, json: bool) -> None:
    [fields] = map(_fields, found)
    if json:
        output.show_json({"customer": fields})
    else:
        output.show_fields("Customer", fields)


def _fields(customer: Customer) -> dict[str, Any]:
    return {
        "id": format_typed_id(CUSTOMER_PREFIX, customer.id),
        "merchant_reference": customer.merchant_reference,
        "account_class": customer.account_class.name,
        "state": customer.state.name.lower(),
        "name": customer.name and customer.name.masked,
        "phone": customer.phone and customer.phone.masked,
        "id_number": customer.id_number and customer.id_number.masked,
        "created_at": output.time_text(customer.created_at),
    }
