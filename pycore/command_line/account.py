"""``pycore account``: one account, its balances and its latest transfers."""

from typing import Annotated

import typer

from pycore.command_line import output, records
from pycore.command_line.books import open_books
from pycore.command_line.options import ConfigOption, DataOption, DsnOption, JsonOption, ServerOption, settings_of
from pycore.ids import parse_id
from pycore.ledger import Account, AccountFilter, Transfer


def account(
    id: Annotated[str, typer.Argument(help="The account's id: UUID text or decimal digits.")],
    transfers: Annotated[
        int, typer.Option("--transfers", min=0, max=8190, help="Show so many of its latest transfers.")
    ] = 10,
    server: ServerOption = None,
    config: ConfigOption = None,
    data: DataOption = None,
    dsn: DsnOption = None,
    *,
    json: JsonOption = False,
) -> None:
    """Show an account, its balances and its latest transfers."""

    async def work() -> tuple[list[Account], list[Transfer]]:
        number = parse_id(id)
        async with open_books(settings_of(config, data, dsn, server), server) as books:
            found = await books.lookup_accounts([number])
            if not found or not transfers:
                return found, []
            latest = AccountFilter(account_id=number, limit=transfers, reversed=True)
            return found, await books.account_transfers(latest)

    found, latest = output.run(work, json=json)
    if not found:
        output.fail(f"there is no account {id}", reason="not_found", json=json)
    fields = records.account_fields(found[0])
    if json:
        output.show_json({"account": fields, "transfers": [records.transfer_fields(each) for each in latest]})
        return
    fields["debit balance"], fields["credit balance"] = found[0].debit_balance, found[0].credit_balance
    fields["timestamp"] = output.time_text(found[0].timestamp)
    output.show_fields("Account", fields)
    if latest:
        rows = [records.transfer_row(each) for each in latest]
        output.show_table("Latest transfers", records.TRANSFER_COLUMNS, rows)
