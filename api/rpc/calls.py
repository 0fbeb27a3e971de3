"""What every call shares: its deadline, and how it ends when it fails."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import lru_cache, partial
from typing import Any, Final, NoReturn, TypeVar
from urllib.parse import unquote

import grpc
from grpc import aio

from api import limits
from api.auth import Access
from api.errors import MalformedRequestError, RequestTimeoutError, public_error, rpc_status
from api.proxies import FORWARDED, FORWARDED_FOR, Proxies
from api.request_id import REQUEST_ID, begin_request, current_request
from pycore.errors import LedgerUnavailableError
from pycore.merchants import Caller, OperatorScope, Scope

Response = TypeVar("Response")
Context = aio.ServicerContext[Any, Any]

CHECK_SECONDS: Final = 2.0
"""How often it is looked whether the key of a stream is still good, where no change of it is heard of."""

_CODES: Final = {code.value[0]: code for code in grpc.StatusCode}


def deadline(context: Context) -> float | None:
    """Return the caller's deadline in ``time.monotonic()`` seconds, or None."""
    remaining: float | None = context.time_remaining()
    return None if remaining is None else time.monotonic() + remaining


def begin(context: Context) -> None:
    """Give the call its name, which its answer brings back in the trailing metadata."""
    context.set_trailing_metadata(((REQUEST_ID, begin_request()),))


async def message(context: Context) -> Any:
    """Return the one message of a call. Raises RequestTimeoutError, MalformedRequestError."""
    try:
        async with asyncio.timeout(limits.RPC_MESSAGE_SECONDS_MAX):
            request = await context.read()
    except TimeoutError:
        raise RequestTimeoutError from None
    if request is aio.EOF:
        raise MalformedRequestError("the call ended before its message came")
    return request


def answered(method: Callable[[Context], Awaitable[Response]]) -> Callable[[Any, Context], Awaitable[Response]]:
    """Return ``method``, its calls with names, its exceptions as statuses by the one table in :mod:`api.errors`.

    It reads the call's message itself, once it knows who calls.
    """

    async def call(_requests: Any, context: Context) -> Response:
        begin(context)
        try:
            return await method(context)
        except Exception as error:
            await fail(context, error)

    return call


def authorized(
    access: Access, scope: Scope, method: Callable[[Any, Context, Caller], Awaitable[Response]]
) -> Callable[[Any, Context], Awaitable[Response]]:
    """Return ``method`` for merchants whose key has ``scope``; it is given who calls."""

    async def call(context: Context) -> Response:
        caller = await tenant_caller(access, scope, context)
        return await method(await message(context), context, caller)

    return answered(call)


def operated(
    access: Access, scope: OperatorScope, method: Callable[[Any, Context], Awaitable[Response]]
) -> Callable[[Any, Context], Awaitable[Response]]:
    """Return ``method`` for operators whose key has ``scope``."""

    async def call(context: Context) -> Response:
        await operator_allowed(access, scope, context)
        return await method(await message(context), context)

    return answered(call)


async def tenant_caller(access: Access, scope: Scope, context: Context, requests: int = 1) -> Caller:
    """Return the merchant's system that makes this call. Raises UnauthenticatedError, and as ``Access.caller``."""
    address = caller_address(context, access.proxies)
    return await access.caller(_sent(context, "authorization"), address, scope, requests=requests)


async def operator_allowed(access: Access, scope: OperatorScope, context: Context, requests: int = 1) -> None:
    """Let an operator pass. Raises UnauthenticatedError, and as ``Access.operator``."""
    address = caller_address(context, access.proxies)
    await access.operator(_sent(context, "authorization"), address, scope, requests=requests)


def watched(
    access: Access, check: Callable[[Context, int], Awaitable[object]], stream: Callable[[Context], Awaitable[None]]
) -> Callable[[Any, Context], Awaitable[None]]:
    """Return ``stream`` for as long as its caller may: where this process ends its key it ends at once, else soon.

    ``check`` raises where the caller may not, and counts so many requests.
    """

    async def call(context: Context) -> None:
        await check(context, 1)
        work = asyncio.ensure_future(stream(context))
        refusal = asyncio.ensure_future(_refused(access, partial(check, context, 0)))
        try:
            await asyncio.wait((work, refusal), return_when=asyncio.FIRST_COMPLETED)
            await (work if work.done() else refusal)
        finally:
            work.cancel()
            refusal.cancel()

    return answered(call)


async def _refused(access: Access, check: Callable[[], Awaitable[object]]) -> None:
    """End, with its error, when the check fails for good."""
    while True:
        # Taken before the check: a change during it is looked at too.
        change = access.change()
        with suppress(LedgerUnavailableError):
            await check()
        with suppress(TimeoutError):
            await asyncio.wait_for(change.wait(), CHECK_SECONDS)


def _sent(context: Context, wanted: str) -> str | None:
    """Return what the caller sent in the metadata under a name."""
    for name, value in context.invocation_metadata() or ():
        if name == wanted:
            return str(value)
    return None


def caller_address(context: Context, proxies: Proxies) -> str:
    """Return the address of who calls, as trusted proxies tell it. Raises MalformedRequestError."""
    peer = _address_of(context.peer())
    if not proxies.trust(peer):
        return peer
    sent: dict[str, list[str]] = {FORWARDED_FOR: [], FORWARDED: []}
    for name, value in context.invocation_metadata() or ():
        if name in sent:
            sent[name].append(str(value))
    return proxies.caller(peer, sent[FORWARDED_FOR], sent[FORWARDED])


@lru_cache(maxsize=4096)
def _address_of(peer: str) -> str:
    """Return the IP address out of ``ipv4:127.0.0.1:5000`` or ``ipv6:%5B::1%5D:5000``; a connection's never changes."""
    return unquote(peer.partition(":")[2].rpartition(":")[0]).strip("[]")


async def fail(context: Context, error: BaseException) -> NoReturn:
    """End the call with the error's status and details."""
    status = rpc_status(public_error(error), _sent(context, "accept-language"))
    details = [("grpc-status-details-bin", status.SerializeToString())]
    if (id := current_request()) is not None:
        details.append((REQUEST_ID, id))
    await context.abort(_CODES[status.code], status.message, tuple(details))
    raise AssertionError("abort returned")
