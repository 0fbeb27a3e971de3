"""Messages of ``pycore.ledger.v1`` that are small or rare; those with many items are read and written in Rust."""

from collections.abc import Sequence

from google.protobuf.message import DecodeError

from pycore.client._generated.pycore.ledger.v1 import ledger_pb2
from pycore.ledger import AccountBalance, AccountFilter, LedgerTotals
from pycore.ledger.account import MASK_64


def write_ids(ids: Sequence[int]) -> bytes:
    """Return a ``LookupAccountsRequest`` or ``LookupTransfersRequest``: they are the same bytes."""
    return ledger_pb2.LookupAccountsRequest(ids=map(_uint128, ids)).SerializeToString()


def write_filter(filter: AccountFilter) -> bytes:
    """Return a ``GetAccountTransfersRequest`` or ``GetAccountBalancesRequest``. Raises InvalidRecordsError."""
    filter.pack()
    message = ledger_pb2.AccountFilter(
        account_id=_uint128(filter.account_id),
        user_data_128=_uint128(filter.user_data_128),
        user_data_64=filter.user_data_64,
        user_data_32=filter.user_data_32,
        code=filter.code,
        timestamp_min=filter.timestamp_min,
        timestamp_max=filter.timestamp_max,
        limit=filter.limit,
        exclude_debits=not filter.debits,
        exclude_credits=not filter.credits,
        reversed=filter.reversed,
    )
    return ledger_pb2.GetAccountTransfersRequest(filter=message).SerializeToString()


def read_balances(response: bytes) -> list[AccountBalance]:
    """Return the balances of a ``GetAccountBalancesResponse``. Raises ValueError."""
    try:
        balances = ledger_pb2.GetAccountBalancesResponse.FromString(response).balances
    except DecodeError as error:
        raise ValueError(f"not a GetAccountBalancesResponse: {error}") from None
    return [
        AccountBalance(
            debits_pending=_number(each.debits_pending),
            debits_posted=_number(each.debits_posted),
            credits_pending=_number(each.credits_pending),
            credits_posted=_number(each.credits_posted),
            timestamp=each.timestamp,
        )
        for each in balances
    ]


def read_totals(response: bytes) -> list[LedgerTotals]:
    """Return the totals of a ``GetTrialBalanceResponse``. Raises ValueError."""
    try:
        ledgers = ledger_pb2.GetTrialBalanceResponse.FromString(response).ledgers
    except DecodeError as error:
        raise ValueError(f"not a GetTrialBalanceResponse: {error}") from None
    return [
        LedgerTotals(
            ledger=each.ledger,
            accounts=each.accounts,
            debits_pending=int(each.debits_pending or 0),
            debits_posted=int(each.debits_posted or 0),
            credits_pending=int(each.credits_pending or 0),
            credits_posted=int(each.credits_posted or 0),
        )
        for each in ledgers
    ]


def _uint128(number: int) -> ledger_pb2.Uint128:
    return ledger_pb2.Uint128(low=number & MASK_64, high=number >> 64)


def _number(message: ledger_pb2.Uint128) -> int:
    return message.low | message.high << 64
