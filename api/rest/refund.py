"""Refunds over HTTP."""

from collections.abc import Sequence
from typing import Annotated, Final

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from api.rest.body import json_response, read_json
from api.rest.endpoint import TenantEndpoint, read_query
from api.rest.payment import CHANGE_ERRORS, LIST_ERRORS, CreatedBefore, CreatedFrom, idempotency_key
from api.rest.resource import ListQuery, path_id, read_after
from api.services import Services
from pycore.errors import AlreadyExistsError, LedgerUnavailableError, NotFoundError
from pycore.merchants import Caller, Scope
from pycore.payments import CreateRefund, Refund, RefundFilter, RefundStatus
from pycore.payments.payment import PREFIX
from pycore.payments.record import REFUND_PREFIX

_CREATE: Final = msgspec.json.Decoder(CreateRefund)
_GET_ERRORS: Final = (NotFoundError, LedgerUnavailableError)


class RefundQuery(ListQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which refunds, newest first: those for which everything holds that is given."""

    status: Annotated[RefundStatus | None, Meta(description="Only those with this status.")] = None
    merchant_reference: Annotated[str | None, Meta(description="The one with the merchant's own number.")] = None
    channel_transaction_id: Annotated[str | None, Meta(description="The one with the channel's own number.")] = None
    created_from: CreatedFrom = None
    created_before: CreatedBefore = None


class RefundPage(msgspec.Struct, frozen=True):
    """Refunds, newest first; ``has_more``: older ones follow the last."""

    data: Sequence[Refund]
    has_more: bool


async def create(services: Services, caller: Caller, request: Request) -> Response:
    """Give a payment back."""
    asked = await read_json(request, _CREATE)
    payment_id, key = path_id(request, PREFIX), idempotency_key(request)
    return json_response(await services.payments.refunds.create(caller.tenant, payment_id, key, asked))


async def list_all(services: Services, caller: Caller, request: Request) -> Response:
    """Return refunds."""
    query = read_query(request, RefundQuery)
    page = await services.payments.lists.refunds(
        caller.tenant,
        RefundFilter(
            limit=query.limit,
            before_id=read_after(query, REFUND_PREFIX),
            status=query.status,
            merchant_reference=query.merchant_reference,
            channel_transaction_id=query.channel_transaction_id,
            created_from=query.created_from,
            created_before=query.created_before,
        ),
    )
    return json_response(RefundPage(page.items, page.has_more))


async def of_payment(services: Services, caller: Caller, request: Request) -> Response:
    """Return a payment's refunds."""
    query = read_query(request, ListQuery)
    wanted = RefundFilter(
        limit=query.limit, before_id=read_after(query, REFUND_PREFIX), payment_id=path_id(request, PREFIX)
    )
    page = await services.payments.lists.refunds(caller.tenant, wanted)
    return json_response(RefundPage(page.items, page.has_more))


async def get(services: Services, caller: Caller, request: Request) -> Response:
    """Return a refund."""
    return json_response(await services.payments.refunds.get(caller.tenant, path_id(request, REFUND_PREFIX)))


ENDPOINTS: Final = (
    TenantEndpoint(
        method="POST",
        path="/v1/payments/{id}/refunds",
        id_prefix=PREFIX,
        handler=create,
        scope=Scope.REFUNDS_WRITE,
        summary="Give a payment back, in whole or in part",
        body=CreateRefund,
        answer=Refund,
        errors=(*CHANGE_ERRORS, AlreadyExistsError),
        tag="refunds",
        has_key=True,
    ),
    TenantEndpoint(
        method="GET",
        path="/v1/payments/{id}/refunds",
        id_prefix=PREFIX,
        handler=of_payment,
        scope=Scope.PAYMENTS_READ,
        summary="List a payment's refunds",
        query=ListQuery,
        answer=RefundPage,
        errors=LIST_ERRORS,
        tag="refunds",
    ),
    TenantEndpoint(
        method="GET",
        path="/v1/refunds",
        handler=list_all,
        scope=Scope.PAYMENTS_READ,
        summary="List refunds",
        query=RefundQuery,
        answer=RefundPage,
        errors=LIST_ERRORS,
        tag="refunds",
    ),
    TenantEndpoint(
        method="GET",
        path="/v1/refunds/{id}",
        id_prefix=REFUND_PREFIX,
        handler=get,
        scope=Scope.PAYMENTS_READ,
        summary="Get a refund",
        answer=Refund,
        errors=_GET_ERRORS,
        tag="refunds",
    ),
)
