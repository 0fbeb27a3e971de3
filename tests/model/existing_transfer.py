"""A transfer whose id already exists: is it the same one again, and if not, what differs first."""

from __future__ import annotations

from pycore.ledger.status import CreateTransferStatus as Status
from tests.model.records import BALANCING_CREDIT, BALANCING_DEBIT, POST_PENDING, U128_MAX, VOID_PENDING, Transfer
from tests.model.tables import Tables


def compare_with_existing(tables: Tables, transfer: Transfer, existing: Transfer) -> Status:
    """Return EXISTS, or the first field in which the request differs from what it made."""
    if transfer.flags != existing.flags:
        return Status.EXISTS_WITH_DIFFERENT_FLAGS
    if transfer.pending_id != existing.pending_id:
        return Status.EXISTS_WITH_DIFFERENT_PENDING_ID
    if transfer.timeout != existing.timeout:
        return Status.EXISTS_WITH_DIFFERENT_TIMEOUT
    if existing.flags & (POST_PENDING | VOID_PENDING):
        hold = tables.transfers[existing.pending_id]
        return _compare_post_or_void(transfer, existing, hold)
    return _compare_plain(transfer, existing)


def _compare_plain(transfer: Transfer, existing: Transfer) -> Status:
    if transfer.debit_account_id != existing.debit_account_id:
        return Status.EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT_ID
    if transfer.credit_account_id != existing.credit_account_id:
        return Status.EXISTS_WITH_DIFFERENT_CREDIT_ACCOUNT_ID
    if transfer.flags & (BALANCING_DEBIT | BALANCING_CREDIT):
        # The request named the most that may move; what moved is less or equal.
        if transfer.amount < existing.amount:
            return Status.EXISTS_WITH_DIFFERENT_AMOUNT
    elif transfer.amount != existing.amount:
        return Status.EXISTS_WITH_DIFFERENT_AMOUNT
    if transfer.user_data_128 != existing.user_data_128:
        return Status.EXISTS_WITH_DIFFERENT_USER_DATA_128
    if transfer.user_data_64 != existing.user_data_64:
        return Status.EXISTS_WITH_DIFFERENT_USER_DATA_64
    if transfer.user_data_32 != existing.user_data_32:
        return Status.EXISTS_WITH_DIFFERENT_USER_DATA_32
    if transfer.ledger != existing.ledger:
        return Status.EXISTS_WITH_DIFFERENT_LEDGER
    if transfer.code != existing.code:
        return Status.EXISTS_WITH_DIFFERENT_CODE
    return Status.EXISTS


def _compare_post_or_void(transfer: Transfer, existing: Transfer, hold: Transfer) -> Status:
    if transfer.debit_account_id not in (0, existing.debit_account_id):
        return Status.EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT_ID
    if transfer.credit_account_id not in (0, existing.credit_account_id):
        return Status.EXISTS_WITH_DIFFERENT_CREDIT_ACCOUNT_ID
    if not _same_amount(transfer, existing, hold):
        return Status.EXISTS_WITH_DIFFERENT_AMOUNT
    if (transfer.user_data_128 or hold.user_data_128) != existing.user_data_128:
        return Status.EXISTS_WITH_DIFFERENT_USER_DATA_128
    if (transfer.user_data_64 or hold.user_data_64) != existing.user_data_64:
        return Status.EXISTS_WITH_DIFFERENT_USER_DATA_64
    if (transfer.user_data_32 or hold.user_data_32) != existing.user_data_32:
        return Status.EXISTS_WITH_DIFFERENT_USER_DATA_32
    if transfer.ledger not in (0, existing.ledger):
        return Status.EXISTS_WITH_DIFFERENT_LEDGER
    if transfer.code not in (0, existing.code):
        return Status.EXISTS_WITH_DIFFERENT_CODE
    return Status.EXISTS


def _same_amount(transfer: Transfer, existing: Transfer, hold: Transfer) -> bool:
    """Return whether the request asks for what was moved: in its own words for "the whole hold", or by its number."""
    whole = 0 if transfer.flags & VOID_PENDING else U128_MAX
    return existing.amount == (hold.amount if transfer.amount == whole else transfer.amount)
