"""What every call shares: its deadline, and how it ends when it fails."""

import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, NoReturn, TypeVar

import grpc
from grpc import aio

from api.errors import public_error, rpc_status

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


async def fail(context: Context, error: BaseException) -> NoReturn:
    """End the call with the error's status and details."""
    status = rpc_status(public_error(error))
    details = (("grpc-status-details-bin", status.SerializeToString()),)
    await context.abort(_CODES[status.code], status.message, details)
    raise AssertionError("abort returned")
