"""The Starlette application: every endpoint, with errors turned into problems by one table."""

import asyncio
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.cashier.door import CashierDoor
from api.errors import MalformedRequestError, MethodNotAllowedError
from api.hosts import Hosts
from api.limits import HTTP_CONCURRENCY_MAX
from api.rest import (
    account,
    api_key,
    customer,
    docs,
    event,
    health,
    history,
    merchant,
    metrics,
    notification,
    openapi,
    payment,
    posting,
    refund,
    routing_rules,
    store,
    transfer,
    trial_balance,
    wallet,
    webhook_endpoint,
)
from api.rest.authorized import served
from api.rest.body import text_header
from api.rest.endpoint import AnyEndpoint
from api.rest.front import Front
from api.rest.problem import problem_response
from api.rest.start import StartPage
from api.services import Services
from pycore.errors import LedgerOverloadedError, NotFoundError, PycoreError

ENDPOINTS = (
    # Routes are tried in this order: what is called most comes first.
    *payment.ENDPOINTS,
    *refund.ENDPOINTS,
    *wallet.ENDPOINTS,
    *transfer.ENDPOINTS,
    *account.ENDPOINTS,
    *history.ENDPOINTS,
    *trial_balance.ENDPOINTS,
    *posting.ENDPOINTS,
    *customer.ENDPOINTS,
    *api_key.ENDPOINTS,
    *store.ENDPOINTS,
    *merchant.ENDPOINTS,
    *routing_rules.ENDPOINTS,
    *event.ENDPOINTS,
    *webhook_endpoint.ENDPOINTS,
    *notification.ENDPOINTS,
    *health.ENDPOINTS,
)
_RETRY_AFTER_MS = 200


class _Gate:
    """Counts requests under way; beyond the limit they are refused at once."""

    def __init__(self) -> None:
        self.count = 0

    def enter(self) -> None:
        """Count one more. Raises LedgerOverloadedError."""
        if self.count >= HTTP_CONCURRENCY_MAX:
            raise LedgerOverloadedError(
                f"{self.count} HTTP requests are under way; nothing was recorded, come back later",
                retry_after_ms=_RETRY_AFTER_MS,
            )
        self.count += 1

    def leave(self) -> None:
        """Count one less."""
        self.count -= 1


class _OpenGate(_Gate):
    """The gate of health, which is told whatever else is under way."""

    def enter(self) -> None:
        """Count one more."""
        self.count += 1


class _Admission:
    """One request's place in the gate, given back for as long as its body is waited for."""

    def __init__(self, gate: _Gate, receive: Receive) -> None:
        self._gate = gate
        self._receive = receive
        self._is_inside = False

    def enter(self) -> None:
        """Take the place. Raises LedgerOverloadedError."""
        self._gate.enter()
        self._is_inside = True

    def leave(self) -> None:
        """Give the place back, where it is held."""
        if self._is_inside:
            self._is_inside = False
            self._gate.leave()

    async def receive(self) -> Message:
        """Return what came next, outside the gate. Raises LedgerOverloadedError."""
        self.leave()
        message = await self._receive()
        self.enter()
        return message


class _Served:
    """An endpoint as an ASGI application of its own, so that Starlette wraps nothing else around it."""

    def __init__(self, endpoint: AnyEndpoint, services: Services, gate: _Gate) -> None:
        self._handler = served(endpoint)
        self._services = services
        self._gate = gate
        # What a channel or a probe adds to an address is none of our callers' mistakes.
        self._takes_query = endpoint.query is not None or endpoint in (*notification.ENDPOINTS, *health.ENDPOINTS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; whatever goes wrong becomes a problem by the one table in :mod:`api.errors`."""
        admission = _Admission(self._gate, receive)
        request = Request(scope, admission.receive, send)
        try:
            if scope["query_string"] and not self._takes_query:
                raise MalformedRequestError("this path takes no query parameters; nothing was recorded: leave them out")
            admission.enter()
            try:
                response = await self._handler(self._services, request)
            finally:
                admission.leave()
        except Exception as error:
            response = problem_response(error, text_header(request, b"accept-language"))
        await response(scope, receive, send)


def application(services: Services, stopping: asyncio.Event, start: StartPage, hosts: Hosts) -> ASGIApp:
    """Return the HTTP application of these services, with its first page; once ``stopping`` is set, streams end.

    ``hosts`` are those it answers to.
    """
    gate, health_gate = _Gate(), _OpenGate()
    endpoints = (*ENDPOINTS, metrics.endpoint(services))
    document = msgspec.json.encode(openapi.document(endpoints))

    async def show_document(_request: Request) -> Response:
        return Response(document, media_type="application/json")

    routes = [
        Route(
            each.path,
            _Served(each, services, health_gate if each.path in health.PATHS else gate),
            methods=[each.method],
            name=each.summary,
        )
        for each in endpoints
    ]
    routed = Starlette(
        routes=[
            *routes,
            Route("/openapi.json", show_document, methods=["GET"]),
            *start.routes(),
            *docs.routes(),
            *CashierDoor(services, stopping).routes(),
        ],
        exception_handlers={HTTPException: _refuse, Exception: _report},
    )
    return Front(routed, services.access.proxies, hosts)


async def _refuse(request: Request, error: Exception) -> Response:
    """Answer what Starlette itself refuses: paths and methods that do not exist."""
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        refused: PycoreError = MethodNotAllowedError(f"{request.method} is not for this path")
    elif error.status_code == HTTPStatus.NOT_FOUND:
        refused = NotFoundError("there is no such path; /docs lists them")
    else:
        refused = MalformedRequestError(error.detail)
    response = problem_response(refused, text_header(request, b"accept-language"))
    response.headers.update(dict[str, Any](error.headers or {}))
    return response


async def _report(request: Request, error: Exception) -> Response:
    return problem_response(error, text_header(request, b"accept-language"))
