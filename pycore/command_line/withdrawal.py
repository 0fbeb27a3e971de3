"""``pycore withdrawal``: stored value on its way out, listed and shown."""

from typing import Annotated, Any

import typer

from pycore.command_line import output
from pycore.command_line.database import work_on_store
from pycore.command_line.key import LiveOption
from pycore.command_line.options import ConfigOption, DataOption, DsnOption, JsonOption
from pycore.ids import parse_typed_id
from pycore.merchants import MERCHANT_PREFIX
from pycore.payments.listing import PaymentLists, WithdrawalFilter
from pycore.payments.wallet import PREFIX, Withdrawal, WithdrawalStatus
from pycore.store import Store
from pycore.tenant import Tenant

withdrawal = typer.Typer(help="Withdrawals: customers' stored value on its way out.", no_args_is_help=True)

OfMerchantOption = Annotated[str, typer.Option("--merchant", help="Whose customers', mer_….")]
_COLUMNS = ("id", "status", "amount", "currency", "destination", "reference", "customer", "created at")


@withdrawal.command("list")
def list_all(
    merchant: OfMerchantOption,
    status: Annotated[WithdrawalStatus | None, typer.Option("--status", help="Only those.")] = None,
    config: ConfigOption = None,
    data: DataOption = None,
    dsn: DsnOption = None,
    *,
    live: LiveOption = False,
    json: JsonOption = False,
) -> None:
    """List the hundred newest withdrawals; those with the status requested wait to be paid out."""

    async def work(store: Store) -> list[Withdrawal]:
        tenant = Tenant(parse_typed_id(MERCHANT_PREFIX, merchant), live)
        page = await PaymentLists(store).withdrawals(tenant, WithdrawalFilter(limit=100, status=status))
        return list(page.items)

    found = work_on_store(work, config, data, dsn, json=json)
    if json:
        output.show_json({"withdrawals": found})
    else:
        output.show_table("Withdrawals", _COLUMNS, [_row(each) for each in found])


@withdrawal.command()
def show(
    withdrawal: Annotated[str, typer.Argument(help="The withdrawal, wdr_….")],
    merchant: OfMerchantOption,
    config: ConfigOption = None,
    data: DataOption = None,
    dsn: DsnOption = None,
    *,
    live: LiveOption = False,
    json: JsonOption = False,
) -> None:
    """Show a withdrawal."""

    async def work(store: Store) -> Withdrawal:
        tenant = Tenant(parse_typed_id(MERCHANT_PREFIX, merchant), live)
        return await PaymentLists(store).withdrawal(tenant, parse_typed_id(PREFIX, withdrawal))

    found = work_on_store(work, config, data, dsn, json=json)
    if json:
        output.show_json({"withdrawal": found})
    else:
        output.show_fields("Withdrawal", _fields(found))


def _row(each: Withdrawal) -> tuple[str, ...]:
    return (
        each.id,
        each.status,
        str(each.amount),
        each.currency,
        each.destination,
        each.merchant_reference,
        each.customer_id,
        each.created_at.isoformat(),
    )


def _fields(found: Withdrawal) -> dict[str, Any]:
    return {name: getattr(found, name) for name in found.__struct_fields__}
