"""Handlers behind the check of who calls."""

from starlette.requests import Request
from starlette.responses import Response

from api.rest.body import text_header
from api.rest.endpoint import AnyEndpoint, Handler, OperatorEndpoint, OperatorHandler, TenantEndpoint, TenantHandler
from api.services import Services
from api.strangers import KNOWN
from pycore.merchants import Operator, OperatorScope, Scope


def served(endpoint: AnyEndpoint) -> Handler:
    """Return the endpoint's handler; where it has a scope, nobody without it gets so far."""
    if isinstance(endpoint, TenantEndpoint):
        return _for_tenants(endpoint.handler, endpoint.scope)
    if isinstance(endpoint, OperatorEndpoint):
        return _for_operators(endpoint.handler, endpoint.scope)
    if endpoint.scope is None:
        return endpoint.handler
    handler = endpoint.handler

    async def handle(services: Services, _operator: Operator, request: Request) -> Response:
        return await handler(services, request)

    return _for_operators(handle, endpoint.scope)


def _for_tenants(handler: TenantHandler, scope: Scope) -> Handler:
    async def handle(services: Services, request: Request) -> Response:
        caller = await services.access.caller(text_header(request, b"authorization"), _address(request), scope)
        request.scope[KNOWN] = True
        return await handler(services, caller, request)

    return handle


def _for_operators(handler: OperatorHandler, scope: OperatorScope) -> Handler:
    async def handle(services: Services, request: Request) -> Response:
        operator = await services.access.operator(text_header(request, b"authorization"), _address(request), scope)
        request.scope[KNOWN] = True
        return await handler(services, operator, request)

    return handle


def _address(request: Request) -> str:
    host: str = request.scope["client"][0]
    return host
