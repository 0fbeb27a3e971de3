"""Payments over HTTP."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from api.rest.body import header, json_response, read_json
from api.rest.endpoint import TenantEndpoint, read_query
from api.rest.resource import path_id, read_id_or_none
from api.rest.writing import ERRORS, READ_ERRORS, deadline
from api.services import Services
from pycore.errors import (
    AlreadyExistsError,
    IdempotencyMismatchError,
    InvalidRequestError,
    InvalidStateError,
    LedgerUnavailableError,
    NotFoundError,
    PycoreError,
    RequestInProgressError,
)
from pycore.merchants import CUSTOMER_PREFIX, STORE_PREFIX, Caller, Scope
from pycore.payments import (
    CancelPayment,
    CapturePayment,
    ConfirmPayment,
    CreatePayment,
    Payment,
    PaymentFilter,
    PaymentStatus,
    UpdatePayment,
)
from pycore.payments.payment import PREFIX

_Zoned = Annotated[datetime, Meta(tz=True)]
CreatedFrom = Annotated[_Zoned | None, Meta(description="Only those made from then on.")]
CreatedBefore = Annotated[_Zoned | None, Meta(description="Only those made before.")]

KEY_HEADER: Final = "idempotency-key"
"""Makes a call repeatable: 1 to 255 printable ASCII characters."""

CHANGE_ERRORS: Final = (
    *ERRORS,
    InvalidRequestError,
    InvalidStateError,
    NotFoundError,
    IdempotencyMismatchError,
    RequestInProgressError,
)
LIST_ERRORS: Final = (*READ_ERRORS, InvalidRequestError, NotFoundError, LedgerUnavailableError)
_GET_ERRORS: Final = (NotFoundError, LedgerUnavailableError)


class PaymentQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which payments, newest first: those for which everything holds that is given."""

    limit: Annotated[int, Meta(ge=1, le=100, description="At most so many.")] = 20
    starting_after: Annotated[str | None, Meta(description="The last id of the page before.")] = None
    status: Annotated[PaymentStatus | None, Meta(description="Only those with this status.")] = None
    customer_id: Annotated[str | None, Meta(description="Only those of this customer.")] = None
    store_id: Annotated[str | None, Meta(description="Only those of this store.")] = None
    merchant_reference: Annotated[str | None, Meta(description="The one with the merchant's own number.")] = None
    channel_transaction_id: Annotated[
        str | None, Meta(description="The one paid with the channel's own number, as on the payer's receipt.")
    ] = None
    channel_order_number: Annotated[
        str | None, Meta(description="The one with our number at the channel, as on the payer's receipt.")
    ] = None
    metadata: Annotated[
        dict[str, str], Meta(description="Only those with these entries, as in metadata[table]=7.")
    ] = {}
    created_from: CreatedFrom = None
    created_before: CreatedBefore = None


class PaymentPage(msgspec.Struct, frozen=True):
    """Payments, newest first; ``has_more``: older ones follow the last."""

    data: Sequence[Payment]
    has_more: bool


class TimelineStep(msgspec.Struct, frozen=True):
    """One thing that happened: when, what in one stable word, and its details."""

    at: datetime
    kind: str
    detail: dict[str, Any]


class Timeline(msgspec.Struct, frozen=True):
    """What happened to a payment, oldest first."""

    data: list[TimelineStep]


_CREATE: Final = msgspec.json.Decoder(CreatePayment)
_UPDATE: Final = msgspec.json.Decoder(UpdatePayment)
_CONFIRM: Final = msgspec.json.Decoder(ConfirmPayment)
_CAPTURE: Final = msgspec.json.Decoder(CapturePayment)
_CANCEL: Final = msgspec.json.Decoder(CancelPayment)


def idempotency_key(request: Request) -> str:
    """Return the request's key, empty where there is none."""
    return (header(request, KEY_HEADER.encode()) or b"").decode("latin-1")


async def create(services: Services, caller: Caller, request: Request) -> Response:
    """Make a payment."""
    until = deadline(request)
    asked = (idempotency_key(request), await read_json(request, _CREATE))
    (outcome,) = await services.payments.payments.create(caller.tenant, [asked], deadline=until)
    if isinstance(outcome, PycoreError):
        raise outcome
    return json_response(outcome)


async def get(services: Services, caller: Caller, request: Request) -> Response:
    """Return a payment."""
    return json_response(await services.payments.payments.get(caller.tenant, path_id(request, PREFIX)))


async def list_all(services: Services, caller: Caller, request: Request) -> Response:
    """Return payments."""
    query = read_query(request, PaymentQuery)
    page = await services.payments.lists.page(
        caller.tenant,
        PaymentFilter(
            limit=query.limit,
            before_id=read_id_or_none(query.starting_after, PREFIX, "starting_after"),
            status=query.status,
            customer_id=read_id_or_none(query.customer_id, CUSTOMER_PREFIX, "customer_id"),
            store_id=read_id_or_none(query.store_id, STORE_PREFIX, "store_id"),
            merchant_reference=query.merchant_reference,
            channel_transaction_id=query.channel_transaction_id,
            channel_order_number=query.channel_order_number,
            metadata=query.metadata,
            created_from=query.created_from,
            created_before=query.created_before,
        ),
    )
    return json_response(PaymentPage(page.items, page.has_more))


async def update(services: Services, caller: Caller, request: Request) -> Response:
    """Change a payment's metadata."""
    asked = await read_json(request, _UPDATE)
    payment_id, key = path_id(request, PREFIX), idempotency_key(request)
    return json_response(await services.payments.payments.update(caller.tenant, payment_id, key, asked))


async def confirm(services: Services, caller: Caller, request: Request) -> Response:
    """Ask the payer to pay."""
    asked = await read_json(request, _CONFIRM)
    payment_id, key = path_id(request, PREFIX), idempotency_key(request)
    return json_response(await services.payments.payments.confirm(caller.tenant, payment_id, key, asked))


async def capture(services: Services, caller: Caller, request: Request) -> Response:
    """Take what was authorized."""
    asked = await read_json(request, _CAPTURE)
    payment_id, key = path_id(request, PREFIX), idempotency_key(request)
    return json_response(await services.payments.payments.capture(caller.tenant, payment_id, key, asked))


async def cancel(services: Services, caller: Caller, request: Request) -> Response:
    """Call a payment off."""
    await read_json(request, _CANCEL)
    payment_id, key = path_id(request, PREFIX), idempotency_key(request)
    return json_response(await services.payments.payments.cancel(caller.tenant, payment_id, key))


async def timeline(services: Services, caller: Caller, request: Request) -> Response:
    """Return what happened to a payment."""
    entries = await services.payments.lists.timeline(caller.tenant, path_id(request, PREFIX))
    return json_response({"data": entries})


ENDPOINTS: Final = (
    TenantEndpoint(
        method="POST",
        path="/v1/payments",
        handler=create,
        scope=Scope.PAYMENTS_WRITE,
        summary="Make a payment",
        description="With `confirm` the payer is asked at once.",
        body=CreatePayment,
        answer=Payment,
        errors=(*CHANGE_ERRORS, AlreadyExistsError),
        tag="payments",
        has_deadline=True,
        has_key=True,
    ),
    TenantEndpoint(
        method="GET",
        path="/v1/payments",
        handler=list_all,
        scope=Scope.PAYMENTS_READ,
        summary="List payments",
        query=PaymentQuery,
        answer=PaymentPage,
        errors=LIST_ERRORS,
        tag="payments",
    ),
    TenantEndpoint(
        method="GET",
        path="/v1/payments/{id}",
        id_prefix=PREFIX,
        handler=get,
        scope=Scope.PAYMENTS_READ,
        summary="Get a payment",
        answer=Payment,
        errors=_GET_ERRORS,
        tag="payments",
    ),
    TenantEndpoint(
        method="PATCH",
        path="/v1/payments/{id}",
        id_prefix=PREFIX,
        handler=update,
        scope=Scope.PAYMENTS_WRITE,
        summary="Change a payment's metadata",
        description="Whatever the payment's status. Entries that are not named stay; null takes one away.",
        body=UpdatePayment,
        answer=Payment,
        errors=CHANGE_ERRORS,
        tag="payments",
        has_key=True,
    ),
    TenantEndpoint(
        method="POST",
        path="/v1/payments/{id}/confirm",
        id_prefix=PREFIX,
        handler=confirm,
        scope=Scope.PAYMENTS_WRITE,
        summary="Ask the payer to pay",
        body=ConfirmPayment,
        answer=Payment,
        errors=CHANGE_ERRORS,
        tag="payments",
        has_key=True,
    ),
    TenantEndpoint(
        method="POST",
        path="/v1/payments/{id}/capture",
        id_prefix=PREFIX,
        handler=capture,
        scope=Scope.PAYMENTS_WRITE,
        summary="Take what was authorized, or a part of it",
        body=CapturePayment,
        answer=Payment,
        errors=CHANGE_ERRORS,
        tag="payments",
        has_key=True,
    ),
    TenantEndpoint(
        method="POST",
        path="/v1/payments/{id}/cancel",
        id_prefix=PREFIX,
        handler=cancel,
        scope=Scope.PAYMENTS_WRITE,
        summary="Call a payment off before it is paid",
        body=CancelPayment,
        answer=Payment,
        errors=CHANGE_ERRORS,
        tag="payments",
        has_key=True,
    ),
    TenantEndpoint(
        method="GET",
        path="/v1/payments/{id}/timeline",
        id_prefix=PREFIX,
        handler=timeline,
        scope=Scope.PAYMENTS_READ,
        summary="See what happened to a payment",
        answer=Timeline,
        errors=_GET_ERRORS,
        tag="payments",
    ),
)
