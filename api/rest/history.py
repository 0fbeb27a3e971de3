"""An account's history over HTTP: its transfers, and its balances over time."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from api.limits import REQUEST_EVENTS_MAX
from api.rest import fields, transfer, writing
from api.rest.body import json_response
from api.rest.endpoint import Endpoint, read_query
from api.services import Services
from pycore.errors import InvalidRecordsError, LedgerUnavailableError
from pycore.ledger import AccountBalance, AccountFilter
from pycore.merchants import OperatorScope

_PAGES: Final = (
    "Times are unique, so the next page begins at the last one seen: `timestamp_min` = last + 1, or `timestamp_max` = "
    "last - 1 when reversed."
)
_Time = Annotated[int, Meta(ge=0, le=2**63 - 1, description="Nanoseconds since 1970, inclusive; 0 for no bound.")]


class HistoryQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which part of an account's history is wanted."""

    limit: Annotated[int, Meta(ge=1, le=REQUEST_EVENTS_MAX, description="At most so many.")] = 100
    timestamp_min: _Time = 0
    timestamp_max: _Time = 0
    debits: Annotated[bool, Meta(description="Transfers that debit the account.")] = True
    credits: Annotated[bool, Meta(description="Transfers that credit the account.")] = True
    reversed: Annotated[bool, Meta(description="Newest first.")] = False
    code: Annotated[int, Meta(ge=0, le=2**16 - 1, description="Only with this code; 0 for any.")] = 0
    user_data_128: Annotated[fields.Id, Meta(description="Only with this id; 0 for any.")] = "0"
    user_data_64: Annotated[fields.Integer64, Meta(description="Only with this value; 0 for any.")] = 0
    user_data_32: Annotated[int, Meta(ge=0, le=2**32 - 1, description="Only with this value; 0 for any.")] = 0


class BalanceView(msgspec.Struct, frozen=True, kw_only=True):
    """An account's balances after one transfer."""

    timestamp: fields.TimestampText
    debits_pending: fields.AmountText
    debits_posted: fields.AmountText
    credits_pending: fields.AmountText
    credits_posted: fields.AmountText


class Balances(msgspec.Struct, frozen=True):
    """An account's balances over time."""

    balances: list[BalanceView]


def read_filter(request: Request) -> AccountFilter:
    """Return what the path and the query string ask for. Raises MalformedRequestError, InvalidRecordsError."""
    query = read_query(request, HistoryQuery)
    return AccountFilter(
        account_id=fields.read_id(request.path_params["id"], "id"),
        timestamp_min=query.timestamp_min,
        timestamp_max=query.timestamp_max,
        limit=query.limit,
        debits=query.debits,
        credits=query.credits,
        reversed=query.reversed,
        code=query.code,
        user_data_128=fields.read_id(query.user_data_128, "user_data_128"),
        user_data_64=query.user_data_64,
        user_data_32=query.user_data_32,
    )


def view(balance: AccountBalance) -> BalanceView:
    """Return balances as JSON shows them."""
    return BalanceView(
        timestamp=str(balance.timestamp),
        debits_pending=str(balance.debits_pending),
        debits_posted=str(balance.debits_posted),
        credits_pending=str(balance.credits_pending),
        credits_posted=str(balance.credits_posted),
    )


async def read_transfers(services: Services, request: Request) -> Response:
    """Return transfers that touch the account."""
    found = await services.ledger.account_transfers(read_filter(request))
    return json_response(transfer.Transfers([transfer.view(each) for each in found]))


async def read_balances(services: Services, request: Request) -> Response:
    """Return the account's balances over time."""
    return json_response(
        Balances([view(each) for each in await services.ledger.account_balances(read_filter(request))])
    )


ENDPOINTS: Final = (
    Endpoint(
        method="GET",
        path="/v1/ledger/accounts/{id}/transfers",
        handler=read_transfers,
        scope=OperatorScope.LEDGER_READ,
        summary="Read the transfers that touch an account, by time",
        description=_PAGES,
        query=HistoryQuery,
        answer=transfer.Transfers,
        errors=(*writing.READ_ERRORS, InvalidRecordsError, LedgerUnavailableError),
    ),
    Endpoint(
        method="GET",
        path="/v1/ledger/accounts/{id}/balances",
        handler=read_balances,
        scope=OperatorScope.LEDGER_READ,
        summary="Read an account's balances after each transfer, by time",
        description=f"Only accounts with the `history` flag have them; others answer with none. {_PAGES}",
        query=HistoryQuery,
        answer=Balances,
        errors=(*writing.READ_ERRORS, InvalidRecordsError, LedgerUnavailableError),
    ),
)
