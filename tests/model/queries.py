"""The reference answers to queries over an account's past: look at everything, keep what matches."""

from __future__ import annotations

from pycore.ledger.account_filter import AccountFilter
from tests.model.ledger import ReferenceLedger
from tests.model.records import AccountBalance, Transfer


def account_transfers(reference: ReferenceLedger, wanted: AccountFilter) -> list[Transfer]:
    """Return the transfers the filter asks for."""
    by_time = sorted(reference.tables.transfers.values(), key=lambda transfer: transfer.timestamp)
    found = [transfer for transfer in by_time if _matches(transfer, wanted)]
    return _cut(found, wanted)


def account_balances(reference: ReferenceLedger, wanted: AccountFilter) -> list[AccountBalance]:
    """Return the balances after each transfer the filter asks for."""
    by_time = {transfer.timestamp: transfer for transfer in reference.tables.transfers.values()}
    rows = reference.balances(wanted.account_id)
    return _cut([row for row in rows if _matches(by_time[row.timestamp], wanted)], wanted)


def _cut(rows: list[Transfer] | list[AccountBalance], wanted: AccountFilter) -> list:  # type: ignore[type-arg]
    return (rows[::-1] if wanted.reversed else rows)[: wanted.limit]


def _matches(transfer: Transfer, wanted: AccountFilter) -> bool:
    touches = (wanted.debits and transfer.debit_account_id == wanted.account_id) or (
        wanted.credits and transfer.credit_account_id == wanted.account_id
    )
    return (
        touches
        and transfer.timestamp >= wanted.timestamp_min
        and (wanted.timestamp_max == 0 or transfer.timestamp <= wanted.timestamp_max)
        and wanted.code in (0, transfer.code)
        and wanted.user_data_128 in (0, transfer.user_data_128)
        and wanted.user_data_64 in (0, transfer.user_data_64)
        and wanted.user_data_32 in (0, transfer.user_data_32)
    )
