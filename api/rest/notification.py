"""Where channels tell what happened. No key is asked for: the signature over the raw bytes is the proof."""

from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from api.limits import NOTIFICATION_BYTES_MAX
from api.rest.body import read_bytes
from api.rest.endpoint import Endpoint
from api.services import Services
from api.strangers import KNOWN
from pycore.channels import HttpNotification
from pycore.errors import (
    LedgerFencedError,
    LedgerOverloadedError,
    LedgerUnavailableError,
    NotFoundError,
    OutcomeUnknownError,
    RequestTooLargeError,
)

_MODES: Final = {"live": True, "test": False}


async def take(services: Services, request: Request) -> Response:
    """Take a notification; what it says is durable before it is answered."""
    live = _MODES.get(request.path_params["mode"])
    if live is None:
        raise NotFoundError("there is no such path; /docs lists them")
    body = await read_bytes(request, NOTIFICATION_BYTES_MAX)
    received = HttpNotification(headers=dict(request.headers), body=body)
    answer = await services.channels.notifications.take(request.path_params["channel"], received, live=live)
    if answer.status < HTTPStatus.BAD_REQUEST:
        request.scope[KNOWN] = True
    return Response(answer.body, answer.status, dict(answer.headers))


ENDPOINTS: Final = (
    Endpoint(
        method="POST",
        path="/notifications/{channel}/{mode}",
        handler=take,
        summary="Take what a channel tells of a payment or refund",
        description=(
            "For the channels themselves: each in its own protocol, proven by its signature. A notification that is not"
            " taken is answered as the channel expects, so that it is sent again."
        ),
        answer=str,
        media_type="text/plain",
        errors=(
            NotFoundError,
            RequestTooLargeError,
            LedgerOverloadedError,
            LedgerUnavailableError,
            LedgerFencedError,
            OutcomeUnknownError,
        ),
        tag="operation",
    ),
)
