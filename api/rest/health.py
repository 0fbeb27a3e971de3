"""Whether the process lives, and whether it can write."""

from typing import Final, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from api.rest.body import json_response
from api.rest.endpoint import Endpoint
from api.services import Services
from pycore.errors import LedgerFencedError, LedgerUnavailableError

_RETRY_AFTER_MS: Final = 500


class Health(msgspec.Struct, frozen=True):
    """The process answers."""

    status: Literal["ok"] = "ok"


async def live(_services: Services, _request: Request) -> Response:
    """Answer while the event loop turns."""
    return json_response(Health())


async def ready(services: Services, _request: Request) -> Response:
    """Answer while the ledger can write; reads go on when it cannot."""
    if not await services.ledger.ready():
        raise services.ledger.refusal or LedgerUnavailableError(retry_after_ms=_RETRY_AFTER_MS)
    return json_response(Health())


ENDPOINTS: Final = (
    Endpoint(
        method="GET", path="/healthz", handler=live, summary="Whether the process lives", answer=Health, tag="operation"
    ),
    Endpoint(
        method="GET",
        path="/readyz",
        handler=ready,
        summary="Whether the ledger can write",
        answer=Health,
        errors=(LedgerUnavailableError, LedgerFencedError),
        tag="operation",
    ),
)
PATHS: Final = frozenset(endpoint.path for endpoint in ENDPOINTS)
"""What is answered apart: by nobody's leave, whatever else is refused."""
