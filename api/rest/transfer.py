"""Transfers over HTTP: create, look up, read one."""

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
from pycore.errors import LedgerUnavailableError, NotFoundError
from pycore.ids import format_id
from pycore.ledger import CreateTransferStatus, Operation, Transfer, TransferFlags
from pycore.merchants import OperatorScope

_FLAGS: Final = fields.flag_names(TransferFlags)
FlagName = Literal[
    "linked",
    "pending",
    "post_pending_transfer",
    "void_pending_transfer",
    "balancing_debit",
    "balancing_credit",
    "closing_debit",
    "closing_credit",
    "imported",
]


class NewTransfer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A transfer to create. A post or a void may leave out what it takes from its hold."""

    id: fields.Id
    debit_account_id: fields.Id | None = None
    credit_account_id: fields.Id | None = None
    amount: fields.Amount
    pending_id: fields.Id | None = None
    user_data_128: fields.Id | None = None
    user_data_64: fields.Unsigned64 = 0
    user_data_32: fields.Unsigned32 = 0
    timeout: fields.Unsigned32 = 0
    ledger: fields.Unsigned32 = 0
    code: fields.Unsigned16 = 0
    flags: list[FlagName] | fields.Unsigned16 = 0
    timestamp: fields.Timestamp = 0


class CreateTransfers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Transfers to create, judged in this order; a unit."""

    transfers: Annotated[list[NewTransfer], Meta(min_length=1)]


class TransferView(msgspec.Struct, frozen=True, kw_only=True):
    """A transfer as the ledger keeps it."""

    id: fields.IdText
    debit_account_id: fields.IdText
    credit_account_id: fields.IdText
    amount: fields.AmountText
    pending_id: fields.IdText | None
    user_data_128: fields.IdText | None
    user_data_64: fields.Unsigned64Text
    user_data_32: int
    timeout: int
    ledger: int
    code: int
    flags: list[FlagName]
    timestamp: fields.TimestampText


class Transfers(msgspec.Struct, frozen=True):
    """Transfers that exist, in the order asked for."""

    transfers: list[TransferView]


class LookupTransfers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ids of the transfers to find."""

    ids: Annotated[list[fields.Id], Meta(min_length=1)]


_CREATE: Final = msgspec.json.Decoder(CreateTransfers)
_LOOKUP: Final = msgspec.json.Decoder(LookupTransfers)


def record(transfer: NewTransfer, position: int) -> bytes:
    """Return the transfer's record. Raises MalformedRequestError naming the field."""
    path = f"transfers[{position}]"
    return Transfer(
        id=fields.read_id(transfer.id, f"{path}.id"),
        debit_account_id=fields.read_id(transfer.debit_account_id, f"{path}.debit_account_id"),
        credit_account_id=fields.read_id(transfer.credit_account_id, f"{path}.credit_account_id"),
        amount=fields.read_number(transfer.amount, fields.BITS_128, f"{path}.amount"),
        pending_id=fields.read_id(transfer.pending_id, f"{path}.pending_id"),
        user_data_128=fields.read_id(transfer.user_data_128, f"{path}.user_data_128"),
        user_data_64=fields.read_number(transfer.user_data_64, fields.BITS_64, f"{path}.user_data_64"),
        user_data_32=transfer.user_data_32,
        timeout=transfer.timeout,
        ledger=transfer.ledger,
        code=transfer.code,
        flags=fields.read_flags(transfer.flags, _FLAGS),
        timestamp=fields.read_number(transfer.timestamp, fields.BITS_64, f"{path}.timestamp"),
    ).pack()


def view(transfer: Transfer) -> TransferView:
    """Return a transfer as JSON shows it."""
    return TransferView(
        id=format_id(transfer.id),
        debit_account_id=format_id(transfer.debit_account_id),
        credit_account_id=format_id(transfer.credit_account_id),
        amount=str(transfer.amount),
        pending_id=fields.write_id(transfer.pending_id),
        user_data_128=fields.write_id(transfer.user_data_128),
        user_data_64=str(transfer.user_data_64),
        user_data_32=transfer.user_data_32,
        timeout=transfer.timeout,
        ledger=transfer.ledger,
        code=transfer.code,
        flags=fields.write_flags(transfer.flags, _FLAGS),
        timestamp=str(transfer.timestamp),
    )


async def create(services: Services, request: Request) -> Response:
    """Create transfers; one result each."""
    deadline = writing.deadline(request)
    transfers = (await read_json(request, _CREATE)).transfers
    records = await writing.pack(transfers, record)
    results = await writing.submit(services.ledger, Operation.CREATE_STRANGERS_TRANSFERS, records, deadline)
    return json_response(writing.results_view(results, CreateTransferStatus))


async def look_up(services: Services, request: Request) -> Response:
    """Return the transfers that exist."""
    ids = writing.read_ids((await read_json(request, _LOOKUP)).ids)
    return json_response(Transfers([view(transfer) for transfer in await services.ledger.lookup_transfers(ids)]))


async def read(services: Services, request: Request) -> Response:
    """Return one transfer."""
    wanted = fields.read_id(request.path_params["id"], "id")
    found = await services.ledger.lookup_transfers([wanted])
    if not found:
        raise NotFoundError(f"there is no transfer {format_id(wanted)}")
    return json_response(view(found[0]))


ENDPOINTS: Final = (
    Endpoint(
        method="POST",
        path="/v1/ledger/transfers",
        handler=create,
        scope=OperatorScope.LEDGER_WRITE,
        summary="Create transfers: moves, holds, and the posting or voiding of holds",
        description=f"At most {REQUEST_EVENTS_MAX} in one request. A refused transfer is a result, not an HTTP error.",
        body=CreateTransfers,
        has_deadline=True,
        answer=writing.results_type("CreateTransferResult", "CreateTransferResults", CreateTransferStatus),
        errors=writing.ERRORS,
    ),
    Endpoint(
        method="POST",
        path="/v1/ledger/transfers/lookup",
        handler=look_up,
        scope=OperatorScope.LEDGER_READ,
        summary="Look up transfers by id",
        body=LookupTransfers,
        answer=Transfers,
        errors=(*writing.LOOKUP_ERRORS, LedgerUnavailableError),
    ),
    Endpoint(
        method="GET",
        path="/v1/ledger/transfers/{id}",
        handler=read,
        scope=OperatorScope.LEDGER_READ,
        summary="Read one transfer",
        answer=TransferView,
        errors=(*writing.READ_ERRORS, NotFoundError, LedgerUnavailableError),
    ),
)
