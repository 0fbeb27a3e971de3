"""The Starlette application: every endpoint, with errors turned into problems by one table."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.errors import MalformedRequestError, MethodNotAllowedError, NotFoundError
from api.limits import HTTP_CONCURRENCY_MAX
from api.rest import account, docs, health, history, metrics, openapi, transfer, trial_balance
from api.rest.endpoint import Endpoint
from api.rest.problem import problem_response
from pycore.errors import LedgerOverloadedError, PycoreError
from pycore.ledger import Ledger

ENDPOINTS = (
    *account.ENDPOINTS,
    *transfer.ENDPOINTS,
    *history.ENDPOINTS,
    *trial_balance.ENDPOINTS,
    *health.ENDPOINTS,
)
_RETRY_AFTER_MS = 200


class _Gate:
    """Counts requests under way; beyond the limit they are refused at once."""

    def __init__(self) -> None:
        self._count = 0

    def __enter__(self) -> None:
        if self._count >= HTTP_CONCURRENCY_MAX:
            raise LedgerOverloadedError(
                f"{self._count} HTTP requests are under way; nothing was recorded, come back later",
                retry_after_ms=_RETRY_AFTER_MS,
            )
        self._count += 1

    def __exit__(self, *_: object) -> None:
        self._count -= 1


def application(ledger: Ledger) -> Starlette:
    """Return the HTTP application of one ledger."""
    gate = _Gate()
    endpoints = (*ENDPOINTS, metrics.endpoint(ledger))
    document = msgspec.json.encode(openapi.document(endpoints))

    async def show_document(_request: Request) -> Response:
        return Response(document, media_type="application/json")

    routes = [
        Route(each.path, _serve(each, ledger, gate), methods=[each.method], name=each.summary) for each in endpoints
    ]
    return Starlette(
        routes=[*routes, Route("/openapi.json", show_document, methods=["GET"]), *docs.routes()],
        exception_handlers={HTTPException: _refuse, Exception: _report},
    )


def _serve(endpoint: Endpoint, ledger: Ledger, gate: _Gate) -> Callable[[Request], Awaitable[Response]]:
    handler = endpoint.handler

    async def serve(request: Request) -> Response:
        try:
            with gate:
                return await handler(ledger, request)
        except Exception as error:
            return problem_response(error)

    return serve


async def _refuse(request: Request, error: Exception) -> Response:
    """Answer what Starlette itself refuses: paths and methods that do not exist."""
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        refused: PycoreError = MethodNotAllowedError(f"{request.method} is not for this path")
    elif error.status_code == HTTPStatus.NOT_FOUND:
        refused = NotFoundError("there is no such path; /docs lists them")
    else:
        refused = MalformedRequestError(error.detail)
    response = problem_response(refused)
    response.headers.update(dict[str, Any](error.headers or {}))
    return response


async def _report(_request: Request, error: Exception) -> Response:
    return problem_response(error)
