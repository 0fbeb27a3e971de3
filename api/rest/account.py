"""Accounts over HTTP: create, look up, read one."""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from api.limits import REQUEST_EVENTS_MAX
from api.rest import fields, writing
from api.rest.body import json_response, read_json
from api.rest.endpoint import Endpoint
from api.services import Services
from pycore.errors import NotFoundError
from pycore.ids import format_id
from pycore.ledger import Account, AccountFlags, CreateAccountStatus, Operation
from pycore.merchants import OperatorScope

_FLAGS: Final = fields.flag_names(AccountFlags)
FlagName = Literal[
    "linked",
    "debits_must_not_exceed_credits",
    "credits_must_not_exceed_debits",
    "history",
    "imported",
    "closed",
]


class NewAccount(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account to create."""

    id: fields.Id
    ledger: fields.Unsigned32
    code: fields.Unsigned16
    flags: list[FlagName] | fields.Unsigned16 = 0
    user_data_128: fields.Id | None = None
    user_data_64: fields.Unsigned64 = 0
    user_data_32: fields.Unsigned32 = 0
    timestamp: fields.Timestamp = 0


class CreateAccounts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Accounts to create, judged in this order; a unit."""

    accounts: Annotated[list[NewAccount], Meta(min_length=1)]


class AccountView(msgspec.Struct, frozen=True, kw_only=True):
    """An account and its balances."""

    id: fields.IdText
    ledger: int
    code: int
    flags: list[FlagName]
    debits_pending: fields.AmountText
    debits_posted: fields.AmountText
    credits_pending: fields.AmountText
    credits_posted: fields.AmountText
    user_data_128: fields.IdText | None
    user_data_64: fields.Unsigned64Text
    user_data_32: int
    timestamp: fields.TimestampText


class Accounts(msgspec.Struct, frozen=True):
    """The accounts that exist, in the order of the ids."""

    accounts: list[AccountView]


class LookupAccounts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ids of the accounts to find."""

    ids: Annotated[list[fields.Id], Meta(min_length=1)]


_CREATE: Final = msgspec.json.Decoder(CreateAccounts)
_LOOKUP: Final = msgspec.json.Decoder(LookupAccounts)


def record(account: NewAccount, position: int) -> bytes:
    """Return the account's record. Raises MalformedRequestError naming the field."""
    path = f"accounts[{position}]"
    return Account(
        id=fields.read_id(account.id, f"{path}.id"),
        user_data_128=fields.read_id(account.user_data_128, f"{path}.user_data_128"),
        user_data_64=fields.read_number(account.user_data_64, fields.BITS_64, f"{path}.user_data_64"),
        user_data_32=account.user_data_32,
        ledger=account.ledger,
        code=account.code,
        flags=fields.read_flags(account.flags, _FLAGS),
        timestamp=fields.read_number(account.timestamp, fields.BITS_64, f"{path}.timestamp"),
    ).pack()


def view(account: Account) -> AccountView:
    """Return an account as JSON shows it."""
    return AccountView(
        id=format_id(account.id),
        ledger=account.ledger,
        code=account.code,
        flags=fields.write_flags(account.flags, _FLAGS),
        debits_pending=str(account.debits_pending),
        debits_posted=str(account.debits_posted),
        credits_pending=str(account.credits_pending),
        credits_posted=str(account.credits_posted),
        user_data_128=fields.write_id(account.user_data_128),
        user_data_64=str(account.user_data_64),
        user_data_32=account.user_data_32,
        timestamp=str(account.timestamp),
    )


async def create(services: Services, request: Request) -> Response:
    """Create accounts; one result each."""
    deadline = writing.deadline(request)
    accounts = (await read_json(request, _CREATE)).accounts
    records = await writing.pack(accounts, record)
    results = await writing.submit(services.ledger, Operation.CREATE_STRANGERS_ACCOUNTS, records, deadline)
    return json_response(writing.results_view(results, CreateAccountStatus))


async def look_up(services: Services, request: Request) -> Response:
    """Return the accounts that exist."""
    ids = writing.read_ids((await read_json(request, _LOOKUP)).ids)
    return json_response(Accounts([view(account) for account in await services.ledger.lookup_accounts(ids)]))


async def read(services: Services, request: Request) -> Response:
    """Return one account."""
    wanted = fields.read_id(request.path_params["id"], "id")
    found = await services.ledger.lookup_accounts([wanted])
    if not found:
        raise NotFoundError(f"there is no account {format_id(wanted)}")
    return json_response(view(found[0]))


ENDPOINTS: Final = (
    Endpoint(
        method="POST",
        path="/v1/ledger/accounts",
        handler=create,
        scope=OperatorScope.LEDGER_WRITE,
        summary="Create accounts",
        description=f"At most {REQUEST_EVENTS_MAX} in one request. A refused account is a result, not an HTTP error.",
        body=CreateAccounts,
        has_deadline=True,
        answer=writing.results_type("CreateAccountResult", "CreateAccountResults", CreateAccountStatus),
        errors=writing.ERRORS,
    ),
    Endpoint(
        method="POST",
        path="/v1/ledger/accounts/lookup",
        handler=look_up,
        scope=OperatorScope.LEDGER_READ,
        summary="Look up accounts by id",
        body=LookupAccounts,
        answer=Accounts,
        errors=writing.LOOKUP_ERRORS,
    ),
    Endpoint(
        method="GET",
        path="/v1/ledger/accounts/{id}",
        handler=read,
        scope=OperatorScope.LEDGER_READ,
        summary="Read one account",
        answer=AccountView,
        errors=(*writing.READ_ERRORS, NotFoundError),
    ),
)
