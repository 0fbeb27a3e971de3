"""What every call shares: its deadline, and how it ends when it fails."""

import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, NoReturn, TypeVar
from urllib.parse import unquote

import grpc
from grpc import aio

from api.auth import Access
from api.errors import public_error, rpc_status
from pycore.merchants import Caller, OperatorScope, Scope

Request = TypeVar("Request")
Response = TypeVar("Response")
Context = aio.ServicerContext[Any, Any]

_CODES: Final = {code.value[0]: code for code in grpc.StatusCode}


def deadline(context: Context) -> float | None:
    """Return the caller's deadline in ``time.monotonic()`` seconds, or None."""
    remaining: float | None = context.time_remaining()
    return None if remaining is None else time.monotonic() + remaining


def answered(
    method: Callable[[Request, Context], Awaitable[Response]],
) -> Callable[[Request, Context], Awaitable[Response]]:
    """Return ``method`` with its exceptions turned into statuses by the one table in :mod:`api.errors`."""

    async def call(request: Request, context: Context) -> Response:
        try:
            return await method(request, context)
        except Exception as error:
            await fail(context, error)

    return call


def authorized(
    access: Access, scope: Scope, method: Callable[[Request, Context, Caller], Awaitable[Response]]
) -> Callable[[Request, Context], Awaitable[Response]]:
    """Return ``method`` for merchants whose key has ``scope``; it is given who calls."""

    async def call(request: Request, context: Context) -> Response:
        return await method(request, context, await tenant_caller(access, scope, context))

    return answered(call)


def operated(
    access: Access, scope: OperatorScope, method: Callable[[Request, Context], Awaitable[Response]]
) -> Callable[[Request, Context], Awaitable[Response]]:
    """Return ``method`` for operators whose key has ``scope``."""

    async def call(request: Request, context: Context) -> Response:
        await access.allow_operator(_sent(context, "authorization"), _address(context), scope)
        return await method(request, context)

    return answered(call)


async def tenant_caller(access: Access, scope: Scope, context: Context) -> Caller:
    """Return the merchant's system that makes this call. Raises UnauthenticatedError, and as ``Access.caller``."""
    return await access.caller(_sent(context, "authorization"), _address(context), scope)


def _sent(context: Context, wanted: str) -> str | None:
    """Return what the caller sent in the metadata under a name."""
    for name, value in context.invocation_metadata() or ():
        if name == wanted:
            return str(value)
    return None


def _address(context: Context) -> str:
    """Return the caller's IP address out of ``ipv4:127.0.0.1:5000`` or ``ipv6:%5B::1%5D:5000``."""
    host = context.peer().partition(":")[2].rpartition(":")[0]
    return unquote(host).strip("[]")


async def fail(context: Context, error: BaseException) -> NoReturn:
    """End the call with the error's status and details."""
    status = rpc_status(public_error(error), _sent(context, "accept-language"))
    details = (("grpc-status-details-bin", status.SerializeToString()),)
    await context.abort(_CODES[status.code], status.message, details)
    raise AssertionError("abort returned")
