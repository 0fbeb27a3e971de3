"""The rules for one plain or pending transfer, in order of precedence, and what it does to its accounts."""

from __future__ import annotations

from pycore.ledger.status import CreateTransferStatus as Status
from tests.model.existing_transfer import compare_with_existing
from tests.model.post_or_void import post_or_void
from tests.model.recording import imported_too_early, record_transfer
from tests.model.records import (
    BALANCING_CREDIT,
    BALANCING_DEBIT,
    CLOSED,
    CLOSING_CREDIT,
    CLOSING_DEBIT,
    CREDITS_MUST_NOT_EXCEED_DEBITS,
    DEBITS_MUST_NOT_EXCEED_CREDITS,
    IMPORTED,
    PENDING,
    POST_PENDING,
    TRANSFER_FLAGS_ALL,
    U128_MAX,
    VOID_PENDING,
    Account,
    Transfer,
)
from tests.model.tables import HoldOutcome, Tables

NANOSECONDS = 1_000_000_000
TIMESTAMP_END = 1 << 63
FUTURE_TOLERANCE_MS = 60_000


def create_transfer(tables: Tables, transfer: Transfer, timestamp: int, batch_time: int) -> tuple[int, Status]:
    """Create the transfer, or tell why not. Return the result's timestamp and status."""
    status = _refusal_of_id(transfer, batch_time)
    if status is not None:
        return timestamp, status
    existing = tables.transfers.get(transfer.id)
    if existing is not None:
        status = compare_with_existing(tables, transfer, existing)
        return (existing.timestamp if status is Status.EXISTS else timestamp), status
    if transfer.id in tables.failed:
        return timestamp, Status.ID_ALREADY_FAILED
    if not transfer.flags & IMPORTED:
        transfer = transfer._replace(timestamp=timestamp)
    if transfer.flags & (POST_PENDING | VOID_PENDING):
        status = post_or_void(tables, transfer, timestamp)
    else:
        status = _plain_or_pending(tables, transfer)
    return (transfer.timestamp if status is Status.CREATED else timestamp), status


def _refusal_of_id(transfer: Transfer, batch_time: int) -> Status | None:
    if transfer.flags & ~TRANSFER_FLAGS_ALL:
        return Status.RESERVED_FLAG
    if transfer.id == 0:
        return Status.ID_MUST_NOT_BE_ZERO
    if transfer.id == U128_MAX:
        return Status.ID_MUST_NOT_BE_INT_MAX
    if transfer.id >> 80 > batch_time // 1_000_000 + FUTURE_TOLERANCE_MS:
        return Status.ID_MUST_NOT_BE_IN_THE_FUTURE
    return None


def _plain_or_pending(tables: Tables, transfer: Transfer) -> Status:
    status = _refusal_by_itself(transfer)
    if status is not None:
        return status
    debit = tables.accounts.get(transfer.debit_account_id)
    if debit is None:
        return Status.DEBIT_ACCOUNT_NOT_FOUND
    credit = tables.accounts.get(transfer.credit_account_id)
    if credit is None:
        return Status.CREDIT_ACCOUNT_NOT_FOUND
    status = _refusal_by_accounts(tables, transfer, debit, credit)
    if status is not None:
        return status
    transfer = transfer._replace(amount=_balanced_amount(transfer, debit, credit))
    status = _refusal_by_balances(transfer, debit, credit)
    if status is not None:
        return status
    _execute(tables, transfer, debit, credit)
    return Status.CREATED


def _refusal_by_itself(transfer: Transfer) -> Status | None:
    if transfer.debit_account_id == 0:
        return Status.DEBIT_ACCOUNT_ID_MUST_NOT_BE_ZERO
    if transfer.debit_account_id == U128_MAX:
        return Status.DEBIT_ACCOUNT_ID_MUST_NOT_BE_INT_MAX
    if transfer.credit_account_id == 0:
        return Status.CREDIT_ACCOUNT_ID_MUST_NOT_BE_ZERO
    if transfer.credit_account_id == U128_MAX:
        return Status.CREDIT_ACCOUNT_ID_MUST_NOT_BE_INT_MAX
    if transfer.debit_account_id == transfer.credit_account_id:
        return Status.ACCOUNTS_MUST_BE_DIFFERENT
    if transfer.pending_id != 0:
        return Status.PENDING_ID_MUST_BE_ZERO
    if not transfer.flags & PENDING and transfer.timeout != 0:
        return Status.TIMEOUT_RESERVED_FOR_PENDING_TRANSFER
    if not transfer.flags & PENDING and transfer.flags & (CLOSING_DEBIT | CLOSING_CREDIT):
        return Status.CLOSING_TRANSFER_MUST_BE_PENDING
    if transfer.ledger == 0:
        return Status.LEDGER_MUST_NOT_BE_ZERO
    if transfer.code == 0:
        return Status.CODE_MUST_NOT_BE_ZERO
    return None


def _refusal_by_accounts(tables: Tables, transfer: Transfer, debit: Account, credit: Account) -> Status | None:
    if debit.ledger != credit.ledger:
        return Status.ACCOUNTS_MUST_HAVE_THE_SAME_LEDGER
    if transfer.ledger != debit.ledger:
        return Status.TRANSFER_MUST_HAVE_THE_SAME_LEDGER_AS_ACCOUNTS
    if transfer.flags & IMPORTED:
        if imported_too_early(tables, transfer):
            return Status.IMPORTED_EVENT_TIMESTAMP_MUST_NOT_REGRESS
        if transfer.timestamp <= debit.timestamp:
            return Status.IMPORTED_EVENT_TIMESTAMP_MUST_POSTDATE_DEBIT_ACCOUNT
        if transfer.timestamp <= credit.timestamp:
            return Status.IMPORTED_EVENT_TIMESTAMP_MUST_POSTDATE_CREDIT_ACCOUNT
        if transfer.timeout != 0:
            return Status.IMPORTED_EVENT_TIMEOUT_MUST_BE_ZERO
    if debit.flags & CLOSED:
        return Status.DEBIT_ACCOUNT_ALREADY_CLOSED
    if credit.flags & CLOSED:
        return Status.CREDIT_ACCOUNT_ALREADY_CLOSED
    return None


def _balanced_amount(transfer: Transfer, debit: Account, credit: Account) -> int:
    """Return the amount that moves: what is asked for, or as much of it as the balancing sides leave."""
    amount = transfer.amount
    if transfer.flags & BALANCING_DEBIT:
        amount = min(amount, max(0, debit.credits_posted - debit.debits_posted - debit.debits_pending))
    if transfer.flags & BALANCING_CREDIT:
        amount = min(amount, max(0, credit.debits_posted - credit.credits_posted - credit.credits_pending))
    return amount


def _refusal_by_balances(transfer: Transfer, debit: Account, credit: Account) -> Status | None:
    amount = transfer.amount
    if transfer.flags & PENDING:
        if debit.debits_pending + amount > U128_MAX:
            return Status.OVERFLOWS_DEBITS_PENDING
        if credit.credits_pending + amount > U128_MAX:
            return Status.OVERFLOWS_CREDITS_PENDING
    if debit.debits_posted + amount > U128_MAX:
        return Status.OVERFLOWS_DEBITS_POSTED
    if credit.credits_posted + amount > U128_MAX:
        return Status.OVERFLOWS_CREDITS_POSTED
    debits = debit.debits_pending + debit.debits_posted + amount
    credits_ = credit.credits_pending + credit.credits_posted + amount
    if debits > U128_MAX:
        return Status.OVERFLOWS_DEBITS
    if credits_ > U128_MAX:
        return Status.OVERFLOWS_CREDITS
    if transfer.timestamp + transfer.timeout * NANOSECONDS >= TIMESTAMP_END:
        return Status.OVERFLOWS_TIMEOUT
    if debit.flags & DEBITS_MUST_NOT_EXCEED_CREDITS and debits > debit.credits_posted:
        return Status.EXCEEDS_CREDITS
    if credit.flags & CREDITS_MUST_NOT_EXCEED_DEBITS and credits_ > credit.debits_posted:
        return Status.EXCEEDS_DEBITS
    return None


def _execute(tables: Tables, transfer: Transfer, debit: Account, credit: Account) -> None:
    if transfer.flags & PENDING:
        debit = debit._replace(debits_pending=debit.debits_pending + transfer.amount)
        credit = credit._replace(credits_pending=credit.credits_pending + transfer.amount)
        if transfer.flags & CLOSING_DEBIT:
            debit = debit._replace(flags=debit.flags | CLOSED)
        if transfer.flags & CLOSING_CREDIT:
            credit = credit._replace(flags=credit.flags | CLOSED)
        expires_at = transfer.timestamp + transfer.timeout * NANOSECONDS if transfer.timeout else 0
        tables.put(tables.outcomes, transfer.id, HoldOutcome.OPEN)
        tables.put(tables.open_holds, transfer.id, expires_at)
    else:
        debit = debit._replace(debits_posted=debit.debits_posted + transfer.amount)
        credit = credit._replace(credits_posted=credit.credits_posted + transfer.amount)
    record_transfer(tables, transfer, debit, credit)
