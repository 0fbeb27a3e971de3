"""What every gRPC call passes before its message is read: how many its address has under way, and who may ask what.

A unary call is the same on the wire as a stream of one message. Taken as such, its handler is reached when the call
begins, not when its message has come: so a key is checked before a message is waited for, and the wait has an end.
"""

from __future__ import annotations

import asyncio
import inspect
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

import grpc
from grpc import aio

from api import limits
from api.proxies import Proxies, origin_of
from api.rpc.calls import Context, caller_address, fail, message
from api.strangers import Strangers
from pycore.errors import LedgerOverloadedError, PycoreError, RateLimitedError

Call = Callable[[Any, Context], Awaitable[Any]]
Check = Callable[[Context], Awaitable[object]]

if TYPE_CHECKING:
    Handler = grpc.RpcMethodHandler[Any, Any]

SLOW_SECONDS: Final = 2.0
"""How long a call waits for its refusal where its address asks too often."""

_NAMES: Final = {
    (False, False): "unary_unary",
    (False, True): "unary_stream",
    (True, False): "stream_unary",
    (True, True): "stream_stream",
}
_RETRY_AFTER_MS: Final = 1000
_UNKNOWN: Final = frozenset({grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.RESOURCE_EXHAUSTED})


class Places:
    """Calls under way, by what their addresses count as."""

    def __init__(self, places: int, places_per_address: int) -> None:
        self._places = places
        self._places_per_address = places_per_address
        self._taken: Counter[str] = Counter()
        self._count = 0

    def enter(self, origin: str) -> None:
        """Count one more. Raises LedgerOverloadedError; where all are taken, only for who has its part of them."""
        own = self._taken[origin]
        if own >= self._places_per_address or (self._count >= self._places <= (own + 1) * len(self._taken)):
            raise LedgerOverloadedError(
                f"{own} calls of this address are under way; nothing was recorded, come back later",
                retry_after_ms=_RETRY_AFTER_MS,
            )
        self._taken[origin] += 1
        self._count += 1

    def leave(self, origin: str) -> None:
        """Count one less."""
        self._count -= 1
        self._taken[origin] -= 1
        if not self._taken[origin]:
            del self._taken[origin]


class CallBounds(aio.ServerInterceptor):
    """Stands before every service, those of gRPC's own packages too.

    ``checks`` are asked before a call of a service is let in, by the service's name; ``apart`` are services that have
    places of their own, so that they answer whatever the others do.
    """

    def __init__(self, proxies: Proxies, checks: dict[str, Check], apart: frozenset[str]) -> None:
        self._proxies = proxies
        self._checks = checks
        self._apart = apart
        self._places = Places(limits.RPC_CONCURRENCY_MAX, limits.RPC_CALLS_PER_ADDRESS_MAX)
        self._apart_places = Places(limits.RPC_APART_CALLS_MAX, limits.RPC_APART_CALLS_PER_ADDRESS_MAX)
        self._strangers = Strangers()
        self._apart_strangers = Strangers()
        self._slowed = 0
        self._bounded: dict[str, Handler] = {}
        """By method, of those that exist."""

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        """Return the method's handler behind its bounds, or None where there is no such method."""
        method = handler_call_details.method
        bounded = self._bounded.get(method)
        if bounded is None:
            handler = await continuation(handler_call_details)
            if handler is None:
                return None
            bounded = self._bounded[method] = self._bound(method.split("/")[1], handler)
        return bounded

    def _bound(self, service: str, handler: Handler) -> Handler:
        if service in self._apart:
            places, strangers = self._apart_places, self._apart_strangers
        else:
            places, strangers = self._places, self._strangers
        call = self._counted(places, strangers, _checked(self._checks.get(service), _call_of(handler)))
        make = (
            grpc.stream_stream_rpc_method_handler
            if handler.response_streaming
            else grpc.stream_unary_rpc_method_handler
        )
        return make(call, handler.request_deserializer, handler.response_serializer)

    def _counted(self, places: Places, strangers: Strangers, call: Call) -> Call:
        async def counted(requests: Any, context: Context) -> Any:
            try:
                origin = origin_of(caller_address(context, self._proxies))
                if strangers.is_slowed(origin):
                    await self._wait()
                    raise RateLimitedError(
                        "too many calls without a good key come from this address; nothing was recorded, come back"
                        " later",
                        retry_after_ms=_RETRY_AFTER_MS,
                    )
                places.enter(origin)
            except PycoreError as error:
                await fail(context, error)
            try:
                return await call(requests, context)
            finally:
                places.leave(origin)
                if context.code() in _UNKNOWN or strangers is self._apart_strangers:
                    strangers.count(origin)

        return counted

    async def _wait(self) -> None:
        """Let a caller wait for its refusal, as long as not too many do."""
        if self._slowed < limits.RPC_SLOWED_CALLS_MAX:
            self._slowed += 1
            try:
                await asyncio.sleep(SLOW_SECONDS)
            finally:
                self._slowed -= 1


def _checked(check: Check | None, call: Call) -> Call:
    if check is None:
        return call

    async def checked(requests: Any, context: Context) -> Any:
        try:
            await check(context)
        except PycoreError as error:
            await fail(context, error)
        return await call(requests, context)

    return checked


def _call_of(handler: Handler) -> Call:
    """Return what a handler does as a function of a stream of requests."""
    method: Any = getattr(handler, _NAMES[handler.request_streaming, handler.response_streaming])
    answers = _written(method) if inspect.isasyncgenfunction(method) else method
    if handler.request_streaming:
        return answers

    async def call(_requests: Any, context: Context) -> Any:
        try:
            request = await message(context)
        except PycoreError as error:
            await fail(context, error)
        return await answers(request, context)

    return call


def _written(generator: Callable[[Any, Context], AsyncIterator[Any]]) -> Call:
    async def call(requests: Any, context: Context) -> None:
        async for each in generator(requests, context):
            await context.write(each)

    return call
