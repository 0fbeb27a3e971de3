"""The rules for posting or voiding a hold, in order of precedence, and what becomes of the hold."""

from __future__ import annotations

from pycore.ledger.status import CreateTransferStatus as Status
from tests.model.recording import imported_too_early, record_transfer
from tests.model.records import (
    BALANCING_CREDIT,
    BALANCING_DEBIT,
    CLOSED,
    CLOSING_CREDIT,
    CLOSING_DEBIT,
    IMPORTED,
    PENDING,
    POST_PENDING,
    U128_MAX,
    VOID_PENDING,
    Account,
    Transfer,
)
from tests.model.tables import HoldOutcome, Tables

_FORBIDDEN_BESIDE = PENDING | BALANCING_DEBIT | BALANCING_CREDIT | CLOSING_DEBIT | CLOSING_CREDIT


def post_or_void(tables: Tables, transfer: Transfer, timestamp: int) -> Status:
    """Post or void the hold the transfer refers to, or tell why not; ``timestamp`` is the event's own."""
    status = _refusal_by_itself(transfer)
    if status is not None:
        return status
    hold = tables.transfers.get(transfer.pending_id)
    if hold is None:
        return Status.PENDING_TRANSFER_NOT_FOUND
    if not hold.flags & PENDING:
        return Status.PENDING_TRANSFER_NOT_PENDING
    status = _refusal_by_hold(transfer, hold)
    if status is not None:
        return status
    status = _refusal_by_outcome(tables, hold, timestamp)
    if status is not None:
        return status
    if transfer.flags & IMPORTED and imported_too_early(tables, transfer):
        return Status.IMPORTED_EVENT_TIMESTAMP_MUST_NOT_REGRESS
    debit, credit = tables.accounts[hold.debit_account_id], tables.accounts[hold.credit_account_id]
    if not transfer.flags & VOID_PENDING:
        if debit.flags & CLOSED:
            return Status.DEBIT_ACCOUNT_ALREADY_CLOSED
        if credit.flags & CLOSED:
            return Status.CREDIT_ACCOUNT_ALREADY_CLOSED
    _execute(tables, transfer, hold)
    return Status.CREATED


def _refusal_by_itself(transfer: Transfer) -> Status | None:
    if transfer.flags & POST_PENDING and transfer.flags & VOID_PENDING:
        return Status.FLAGS_ARE_MUTUALLY_EXCLUSIVE
    if transfer.flags & _FORBIDDEN_BESIDE:
        return Status.FLAGS_ARE_MUTUALLY_EXCLUSIVE
    if transfer.pending_id == 0:
        return Status.PENDING_ID_MUST_NOT_BE_ZERO
    if transfer.pending_id == U128_MAX:
        return Status.PENDING_ID_MUST_NOT_BE_INT_MAX
    if transfer.pending_id == transfer.id:
        return Status.PENDING_ID_MUST_BE_DIFFERENT
    if transfer.timeout != 0:
        return Status.TIMEOUT_RESERVED_FOR_PENDING_TRANSFER
    return None


def _refusal_by_hold(transfer: Transfer, hold: Transfer) -> Status | None:
    if transfer.debit_account_id not in (0, hold.debit_account_id):
        return Status.PENDING_TRANSFER_HAS_DIFFERENT_DEBIT_ACCOUNT_ID
    if transfer.credit_account_id not in (0, hold.credit_account_id):
        return Status.PENDING_TRANSFER_HAS_DIFFERENT_CREDIT_ACCOUNT_ID
    if transfer.ledger not in (0, hold.ledger):
        return Status.PENDING_TRANSFER_HAS_DIFFERENT_LEDGER
    if transfer.code not in (0, hold.code):
        return Status.PENDING_TRANSFER_HAS_DIFFERENT_CODE
    amount = _amount(transfer, hold)
    if amount > hold.amount:
        return Status.EXCEEDS_PENDING_TRANSFER_AMOUNT
    if transfer.flags & VOID_PENDING and amount < hold.amount:
        return Status.PENDING_TRANSFER_HAS_DIFFERENT_AMOUNT
    return None


def _refusal_by_outcome(tables: Tables, hold: Transfer, timestamp: int) -> Status | None:
    outcome = tables.outcomes[hold.id]
    if outcome == HoldOutcome.POSTED:
        return Status.PENDING_TRANSFER_ALREADY_POSTED
    if outcome == HoldOutcome.VOIDED:
        return Status.PENDING_TRANSFER_ALREADY_VOIDED
    if outcome == HoldOutcome.EXPIRED:
        return Status.PENDING_TRANSFER_EXPIRED
    expires_at = tables.open_holds[hold.id]
    if expires_at != 0 and expires_at <= timestamp:
        return Status.PENDING_TRANSFER_EXPIRED
    return None


def _amount(transfer: Transfer, hold: Transfer) -> int:
    """Return what is posted or voided: everything, where the request says so in its own way."""
    everything = 0 if transfer.flags & VOID_PENDING else U128_MAX
    return hold.amount if transfer.amount == everything else transfer.amount


def _execute(tables: Tables, transfer: Transfer, hold: Transfer) -> None:
    record = transfer._replace(
        debit_account_id=hold.debit_account_id,
        credit_account_id=hold.credit_account_id,
        amount=_amount(transfer, hold),
        user_data_128=transfer.user_data_128 or hold.user_data_128,
        user_data_64=transfer.user_data_64 or hold.user_data_64,
        user_data_32=transfer.user_data_32 or hold.user_data_32,
        ledger=hold.ledger,
        code=hold.code,
    )
    if transfer.flags & VOID_PENDING:
        debit, credit = release(tables, hold, HoldOutcome.VOIDED)
    else:
        debit, credit = release(tables, hold, HoldOutcome.POSTED)
        debit = debit._replace(debits_posted=debit.debits_posted + record.amount)
        credit = credit._replace(credits_posted=credit.credits_posted + record.amount)
    record_transfer(tables, record, debit, credit)


def release(tables: Tables, hold: Transfer, outcome: HoldOutcome) -> tuple[Account, Account]:
    """End the hold. Return its accounts without the held amount; unless it posted, those it closed are open again."""
    debit, credit = tables.accounts[hold.debit_account_id], tables.accounts[hold.credit_account_id]
    debit = debit._replace(debits_pending=debit.debits_pending - hold.amount)
    credit = credit._replace(credits_pending=credit.credits_pending - hold.amount)
    if outcome != HoldOutcome.POSTED:
        if hold.flags & CLOSING_DEBIT:
            debit = debit._replace(flags=debit.flags & ~CLOSED)
        if hold.flags & CLOSING_CREDIT:
            credit = credit._replace(flags=credit.flags & ~CLOSED)
    tables.put(tables.outcomes, hold.id, outcome)
    tables.drop(tables.open_holds, hold.id)
    return debit, credit
