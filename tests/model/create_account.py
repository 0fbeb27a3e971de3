"""The rules for one account, in order of precedence."""

from __future__ import annotations

from pycore.ledger.status import CreateAccountStatus as Status
from tests.model.records import (
    ACCOUNT_FLAGS_ALL,
    ACCOUNT_IMPORTED,
    CREDITS_MUST_NOT_EXCEED_DEBITS,
    DEBITS_MUST_NOT_EXCEED_CREDITS,
    U128_MAX,
    Account,
)
from tests.model.tables import Tables


def create_account(tables: Tables, account: Account, timestamp: int) -> tuple[int, Status]:
    """Create the account, or tell why not. Return the result's timestamp and status."""
    status = _refusal_by_itself(account)
    if status is not None:
        return timestamp, status
    existing = tables.accounts.get(account.id)
    if existing is not None:
        status = _compare_with_existing(account, existing)
        return (existing.timestamp if status is Status.EXISTS else timestamp), status
    status = _refusal_of_new(tables, account)
    if status is not None:
        return timestamp, status
    if not account.flags & ACCOUNT_IMPORTED:
        account = account._replace(timestamp=timestamp)
    tables.put(tables.accounts, account.id, account)
    tables.put(tables.account_timestamps, account.timestamp, account.id)
    tables.put(tables.clock, "account", account.timestamp)
    return account.timestamp, Status.CREATED


def _refusal_by_itself(account: Account) -> Status | None:
    if account.reserved != 0:
        return Status.RESERVED_FIELD
    if account.flags & ~ACCOUNT_FLAGS_ALL:
        return Status.RESERVED_FLAG
    if account.id == 0:
        return Status.ID_MUST_NOT_BE_ZERO
    if account.id == U128_MAX:
        return Status.ID_MUST_NOT_BE_INT_MAX
    return None


def _compare_with_existing(account: Account, existing: Account) -> Status:
    if account.flags != existing.flags:
        return Status.EXISTS_WITH_DIFFERENT_FLAGS
    if account.user_data_128 != existing.user_data_128:
        return Status.EXISTS_WITH_DIFFERENT_USER_DATA_128
    if account.user_data_64 != existing.user_data_64:
        return Status.EXISTS_WITH_DIFFERENT_USER_DATA_64
    if account.user_data_32 != existing.user_data_32:
        return Status.EXISTS_WITH_DIFFERENT_USER_DATA_32
    if account.ledger != existing.ledger:
        return Status.EXISTS_WITH_DIFFERENT_LEDGER
    if account.code != existing.code:
        return Status.EXISTS_WITH_DIFFERENT_CODE
    return Status.EXISTS


def _refusal_of_new(tables: Tables, account: Account) -> Status | None:
    if account.flags & DEBITS_MUST_NOT_EXCEED_CREDITS and account.flags & CREDITS_MUST_NOT_EXCEED_DEBITS:
        return Status.FLAGS_ARE_MUTUALLY_EXCLUSIVE
    if account.debits_pending != 0:
        return Status.DEBITS_PENDING_MUST_BE_ZERO
    if account.debits_posted != 0:
        return Status.DEBITS_POSTED_MUST_BE_ZERO
    if account.credits_pending != 0:
        return Status.CREDITS_PENDING_MUST_BE_ZERO
    if account.credits_posted != 0:
        return Status.CREDITS_POSTED_MUST_BE_ZERO
    if account.ledger == 0:
        return Status.LEDGER_MUST_NOT_BE_ZERO
    if account.code == 0:
        return Status.CODE_MUST_NOT_BE_ZERO
    if account.flags & ACCOUNT_IMPORTED and _imported_too_early(tables, account):
        return Status.IMPORTED_EVENT_TIMESTAMP_MUST_NOT_REGRESS
    return None


def _imported_too_early(tables: Tables, account: Account) -> bool:
    """Return whether an imported account's timestamp is not after the last account's, or is a transfer's."""
    return account.timestamp <= tables.clock["account"] or account.timestamp in tables.transfer_timestamps
