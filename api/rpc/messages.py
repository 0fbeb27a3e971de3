"""Messages that are not worth a way through Rust: filters, balances, totals."""

from collections.abc import Iterable

from google.protobuf.message import DecodeError

from api.errors import MalformedRequestError
from api.limits import REQUEST_EVENTS_MAX
from pycore.client._generated.pycore.ledger.v1 import ledger_pb2
from pycore.errors import InvalidRecordsError, RequestTooLargeError
from pycore.ledger import AccountBalance, AccountFilter, LedgerTotals

_MASK_64 = (1 << 64) - 1


def read_account_ids(request: bytes) -> list[int]:
    """Return the ids of a ``LookupAccountsRequest``. Raises MalformedRequestError, RequestTooLargeError."""
    try:
        return _ids(ledger_pb2.LookupAccountsRequest.FromString(request).ids)
    except DecodeError as error:
        raise MalformedRequestError(f"not a LookupAccountsRequest: {error}") from None


def read_transfer_ids(request: bytes) -> list[int]:
    """Return the ids of a ``LookupTransfersRequest``. Raises MalformedRequestError, RequestTooLargeError."""
    try:
        return _ids(ledger_pb2.LookupTransfersRequest.FromString(request).ids)
    except DecodeError as error:
        raise MalformedRequestError(f"not a LookupTransfersRequest: {error}") from None


def read_transfers_filter(request: bytes) -> AccountFilter:
    """Return the filter of a ``GetAccountTransfersRequest``. Raises MalformedRequestError."""
    try:
        return _filter(ledger_pb2.GetAccountTransfersRequest.FromString(request).filter)
    except DecodeError as error:
        raise MalformedRequestError(f"not a GetAccountTransfersRequest: {error}") from None


def read_balances_filter(request: bytes) -> AccountFilter:
    """Return the filter of a ``GetAccountBalancesRequest``. Raises MalformedRequestError."""
    try:
        return _filter(ledger_pb2.GetAccountBalancesRequest.FromString(request).filter)
    except DecodeError as error:
        raise MalformedRequestError(f"not a GetAccountBalancesRequest: {error}") from None


def write_balances(balances: Iterable[AccountBalance]) -> bytes:
    """Return a ``GetAccountBalancesResponse``."""
    return ledger_pb2.GetAccountBalancesResponse(balances=map(_balance, balances)).SerializeToString()


def write_totals(totals: Iterable[LedgerTotals]) -> bytes:
    """Return a ``GetTrialBalanceResponse``."""
    totals = list(totals)
    balanced = all(total.balanced for total in totals)
    return ledger_pb2.GetTrialBalanceResponse(ledgers=map(_total, totals), balanced=balanced).SerializeToString()


def _ids(ids: Iterable[ledger_pb2.Uint128]) -> list[int]:
    numbers = [each.low | each.high << 64 for each in ids]
    if not numbers:
        raise InvalidRecordsError("no id is asked for")
    if len(numbers) > REQUEST_EVENTS_MAX:
        raise RequestTooLargeError(f"{len(numbers)} ids in one request; the most is {REQUEST_EVENTS_MAX}")
    return numbers


def _filter(message: ledger_pb2.AccountFilter) -> AccountFilter:
    return AccountFilter(
        account_id=message.account_id.low | message.account_id.high << 64,
        user_data_128=message.user_data_128.low | message.user_data_128.high << 64,
        user_data_64=message.user_data_64,
        user_data_32=message.user_data_32,
        code=message.code,
        timestamp_min=message.timestamp_min,
        timestamp_max=message.timestamp_max,
        limit=message.limit,
        debits=not message.exclude_debits,
        credits=not message.exclude_credits,
        reversed=message.reversed,
    )


def _balance(balance: AccountBalance) -> ledger_pb2.AccountBalance:
    return ledger_pb2.AccountBalance(
        debits_pending=_uint128(balance.debits_pending),
        debits_posted=_uint128(balance.debits_posted),
        credits_pending=_uint128(balance.credits_pending),
        credits_posted=_uint128(balance.credits_posted),
        timestamp=balance.timestamp,
    )


def _total(total: LedgerTotals) -> ledger_pb2.LedgerTotals:
    return ledger_pb2.LedgerTotals(
        ledger=total.ledger,
        accounts=total.accounts,
        debits_pending=str(total.debits_pending),
        debits_posted=str(total.debits_posted),
        credits_pending=str(total.credits_pending),
        credits_posted=str(total.credits_posted),
    )


def _uint128(number: int) -> ledger_pb2.Uint128:
    return ledger_pb2.Uint128(low=number & _MASK_64, high=number >> 64)
