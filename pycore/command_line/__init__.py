"""The command line: one file per command, tables for people, ``--json`` for programs.

Exit status: 0 all is well, 1 it is not (an error, something not found, books that do not hold), 2 a misused command.
"""

import typer

from pycore.command_line import (
    account,
    config,
    customer,
    events,
    key,
    merchant,
    posting,
    rebuild,
    route,
    store,
    transfer,
    trial_balance,
    vault,
    verify,
    withdrawal,
)
from pycore.version import VersionOption

command = typer.Typer(
    name="pycore",
    help="Look into a payment ledger, prove that nothing was changed behind its back, and say who may ask.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@command.callback()
def _options(
    *,
    _version: VersionOption = False,
) -> None:
    """Look into a payment ledger, prove that nothing was changed behind its back, and say who may ask."""


command.command("verify")(verify.verify)
command.command("trial-balance")(trial_balance.trial_balance)
command.command("account")(account.account)
command.command("transfer")(transfer.transfer)
command.command("listen")(events.listen)
command.command("trigger")(events.trigger)
command.command("rebuild")(rebuild.rebuild)
command.command("config")(config.config)
command.add_typer(route.route, name="route")
command.add_typer(merchant.merchant, name="merchant")
command.add_typer(key.key, name="key")
command.add_typer(posting.posting, name="posting")
command.add_typer(store.store, name="store")
command.add_typer(customer.customer, name="customer")
command.add_typer(vault.vault, name="vault")
command.add_typer(withdrawal.withdrawal, name="withdrawal")

__all__ = ["command"]
