"""``pycore trial-balance``: what all accounts of each ledger add up to."""

import typer

from pycore.command_line import output
from pycore.command_line.books import open_books
from pycore.command_line.options import ConfigOption, DataOption, DsnOption, JsonOption, ServerOption, settings_of
from pycore.ledger import LedgerTotals

_SUMS = ("debits_pending", "credits_pending", "debits_posted", "credits_posted")


def trial_balance(
    server: ServerOption = None,
    config: ConfigOption = None,
    data: DataOption = None,
    dsn: DsnOption = None,
    *,
    json: JsonOption = False,
) -> None:
    """Show the totals of every ledger; the exit status is 1 where debits do not equal credits."""

    async def work() -> list[LedgerTotals]:
        async with open_books(settings_of(config, data, dsn, server), server) as books:
            return await books.trial_balance()

    totals = output.run(work, json=json)
    balanced = all(each.balanced for each in totals)
    if json:
        ledgers = [
            {
                "ledger": each.ledger,
                "accounts": each.accounts,
                **{name: str(getattr(each, name)) for name in _SUMS},
                "balanced": each.balanced,
            }
            for each in totals
        ]
        output.show_json({"ledgers": ledgers, "balanced": balanced})
    else:
        rows = [
            (
                str(each.ledger),
                f"{each.accounts:,}",
                *(f"{getattr(each, name):,}" for name in _SUMS),
                "yes" if each.balanced else "NO",
            )
            for each in totals
        ]
        columns = ("ledger", "accounts", *(name.replace("_", " ") for name in _SUMS), "balanced")
        output.show_table("Trial balance, minor units", columns, rows)
    if not balanced:
        raise typer.Exit(1)
