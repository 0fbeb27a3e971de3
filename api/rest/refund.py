"""Refunds over HTTP."""

from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from api.rest.body import json_response, read_json
from api.rest.endpoint import TenantEndpoint
from api.rest.payment import CHANGE_ERRORS, idempotency_key
from api.rest.resource import path_id
from api.services import Services
from pycore.errors import AlreadyExistsError, LedgerUnavailableError, NotFoundError
from pycore.merchants import Caller, Scope
from pycore.payments import CreateRefund, Refund
from pycore.payments.payment import PREFIX
from pycore.payments.record import REFUND_PREFIX

_CREATE: Final = msgspec.json.Decoder(CreateRefund)
_GET_ERRORS: Final = (NotFoundError, LedgerUnavailableError)


class Refunds(msgspec.Struct, frozen=True):
    """A payment's refunds, oldest first."""

    data: list[Refund]


async def create(services: Services, caller: Caller, request: Request) -> Response:
    """Give a payment back."""
    asked = await read_json(request, _CREATE)
    payment_id, key = path_id(request, PREFIX), idempotency_key(request)
    return json_response(await services.payments.refunds.create(caller.tenant, payment_id, key, asked))


async def of_payment(services: Services, caller: Caller, request: Request) -> Response:
    """Return a payment's refunds."""
    found = await services.payments.refunds.of_payment(caller.tenant, path_id(request, PREFIX))
    return json_response({"data": found})


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
        answer=Refunds,
        errors=_GET_ERRORS,
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
