"""Accounts and transfers as JSON and tables show them: ids as UUIDs, amounts and times as decimal text."""

from enum import IntFlag
from typing import Any

from pycore.command_line.output import time_text
from pycore.ids import format_id
from pycore.ledger import Account, AccountFlags, Transfer, TransferFlags

TRANSFER_COLUMNS = ("time", "id", "debit account", "credit account", "amount", "code", "flags")


def account_fields(account: Account) -> dict[str, Any]:
    """Return an account's fields in reading order."""
    return {
        "id": format_id(account.id),
        "ledger": account.ledger,
        "code": account.code,
        "flags": flag_names(AccountFlags, account.flags),
        "debits_pending": str(account.debits_pending),
        "debits_posted": str(account.debits_posted),
        "credits_pending": str(account.credits_pending),
        "credits_posted": str(account.credits_posted),
        "user_data_128": optional_id(account.user_data_128),
        "user_data_64": str(account.user_data_64),
        "user_data_32": account.user_data_32,
        "timestamp": str(account.timestamp),
    }


def transfer_fields(transfer: Transfer) -> dict[str, Any]:
    """Return a transfer's fields in reading order."""
    return {
        "id": format_id(transfer.id),
        "debit_account_id": format_id(transfer.debit_account_id),
        "credit_account_id": format_id(transfer.credit_account_id),
        "amount": str(transfer.amount),
        "pending_id": optional_id(transfer.pending_id),
        "user_data_128": optional_id(transfer.user_data_128),
        "user_data_64": str(transfer.user_data_64),
        "user_data_32": transfer.user_data_32,
        "timeout": transfer.timeout,
        "ledger": transfer.ledger,
        "code": transfer.code,
        "flags": flag_names(TransferFlags, transfer.flags),
        "timestamp": str(transfer.timestamp),
    }


def transfer_row(transfer: Transfer) -> tuple[str, ...]:
    """Return a transfer as a row under ``TRANSFER_COLUMNS``."""
    return (
        time_text(transfer.timestamp),
        format_id(transfer.id),
        format_id(transfer.debit_account_id),
        format_id(transfer.credit_account_id),
        f"{transfer.amount:,}",
        str(transfer.code),
        ", ".join(flag_names(TransferFlags, transfer.flags)),
    )


def flag_names(kind: type[IntFlag], bits: int) -> list[str]:
    """Return the names of the bits that are set."""
    return [name.lower() for name, flag in kind.__members__.items() if bits & flag]


def optional_id(number: int) -> str | None:
    """Return an id's text, or None for 0."""
    return format_id(number) if number else None
