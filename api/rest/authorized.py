"""Handlers behind the check of who calls."""

from starlette.requests import Request
from starlette.responses import Response

from api.rest.body import text_header
from api.rest.endpoint import AnyEndpoint, Endpoint, Handler, TenantHandler
from api.services import Services
from api.strangers import KNOWN
from pycore.merchants import OperatorScope, Scope


def served(endpoint: AnyEndpoint) -> Handler:
    """Return the endpoint's handler; where it has a scope, nobody without it gets so far."""
    if not isinstance(endpoint, Endpoint):
        return _for_tenants(endpoint.handler, endpoint.scope)
    return endpoint.handler if endpoint.scope is None else _for_operators(endpoint.handler, endpoint.scope)


def _for_tenants(handler: TenantHandler, scope: Scope) -> Handler:
    async def handle(services: Services, request: Request) -> Response:
        caller = await services.access.caller(text_header(request, b"authorization"), _address(request), scope)
        request.scope[KNOWN] = True
        return await handler(services, caller, request)

    return handle


def _for_operators(handler: Handler, scope: OperatorScope) -> Handler:
    async def handle(services: Services, request: Request) -> Response:
        await services.access.operator(text_header(request, b"authorization"), _address(request), scope)
        request.scope[KNOWN] = True
        return await handler(services, request)

    return handle


def _address(request: Request) -> str:
    host: str = request.scope["client"][0]
    return host
