"""What every created transfer leaves behind: its record, both accounts' new balances, and their history."""

from __future__ import annotations

from tests.model.records import HISTORY, Account, AccountBalance, Transfer
from tests.model.tables import Tables


def record_transfer(tables: Tables, transfer: Transfer, debit: Account, credit: Account) -> None:
    """Store the transfer and its accounts as they are after it."""
    tables.put(tables.transfers, transfer.id, transfer)
    tables.put(tables.transfer_timestamps, transfer.timestamp, transfer.id)
    tables.put(tables.clock, "transfer", transfer.timestamp)
    for account in (debit, credit):
        tables.put(tables.accounts, account.id, account)
        if account.flags & HISTORY:
            balance = AccountBalance(
                account.debits_pending,
                account.debits_posted,
                account.credits_pending,
                account.credits_posted,
                transfer.timestamp,
            )
            tables.put(tables.balances, (account.id, transfer.timestamp), balance)


def imported_too_early(tables: Tables, transfer: Transfer) -> bool:
    """Return whether an imported transfer's timestamp is not after the last transfer's, or is an account's."""
    return transfer.timestamp <= tables.clock["transfer"] or transfer.timestamp in tables.account_timestamps
