"""One pipelined stream of requests that survives the loss of its connection."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from typing import Final, Generic, TypeVar

import grpc
from grpc import aio

from pycore.client.failure import Failure, outcome_unknown
from pycore.errors import PycoreError

Request = TypeVar("Request")
Results = TypeVar("Results")

_DELAY_SECONDS: Final = 0.05


class PipelinedStream(Generic[Request, Results]):
    """Requests are kept until they are answered. A new connection begins with those, as they were."""

    def __init__(
        self,
        open_call: Callable[[], "aio.StreamStreamCall[bytes, bytes]"],
        requests: AsyncIterable[Request] | Iterable[Request],
        *,
        encode: Callable[[Request], tuple[bytes, int]],
        decode: Callable[[bytes], tuple[Results, int]],
        unanswered_items_max: int,
        timeout_seconds: float,
    ) -> None:
        """Use ``results`` and ``close``.

        Args:
            open_call: begins a call.
            requests: what to send.
            encode: returns a request's message and how many items it has.
            decode: returns a response's results and how many items they answer.
            unanswered_items_max: items on their way without an answer; beyond, the source is not asked for more.
            timeout_seconds: so long there may be trouble without one answer in between.
        """
        self._encode = encode
        self._decode = decode
        self._unanswered_items_max = unanswered_items_max
        self._open_call = open_call
        self._timeout_seconds = timeout_seconds
        self._unanswered: deque[tuple[bytes, int]] = deque()
        self._unanswered_items = 0
        self._taken = 0
        self._answered = 0
        self._more = asyncio.Event()
        self._room = asyncio.Event()
        self._exhausted = False
        self._source_error: Exception | None = None
        self._source = asyncio.create_task(self._take(requests), name="stream-source")

    async def close(self) -> None:
        """Stop asking the source."""
        self._source.cancel()
        await asyncio.gather(self._source, return_exceptions=True)

    async def results(self) -> AsyncIterator[Results]:
        """Yield results in order, until every request is answered. Raises the source's errors and its own."""
        until = time.monotonic() + self._timeout_seconds
        while True:
            call = self._open_call()
            sender = asyncio.create_task(self._send(call), name="stream-sender")
            try:
                while isinstance(response := await call.read(), bytes):
                    results = self._accept(response)
                    until = time.monotonic() + self._timeout_seconds
                    yield results
                failure = await _failure(call)
            except aio.AioRpcError as error:
                failure = Failure(error)
            finally:
                sender.cancel()
                await asyncio.gather(sender, return_exceptions=True)
                call.cancel()
            if self._source_error is not None:
                raise self._source_error
            if failure is None:
                return
            wait = max(failure.delay_seconds, _DELAY_SECONDS)
            if not failure.is_retried or time.monotonic() + wait >= until:
                raise self._given_up(failure)
            await asyncio.sleep(wait)

    async def _take(self, requests: AsyncIterable[Request] | Iterable[Request]) -> None:
        """Take requests from the source, as far as there is room for them."""
        try:
            if isinstance(requests, AsyncIterable):
                async for request in requests:
                    await self._keep(request)
            else:
                for request in requests:
                    await self._keep(request)
        except Exception as error:
            # It is the caller's, and raised where the caller is.
            self._source_error = error
        self._exhausted = True
        self._more.set()

    async def _keep(self, request: Request) -> None:
        message, items = self._encode(request)
        self._unanswered.append((message, items))
        self._unanswered_items += items
        self._taken += 1
        self._more.set()
        while self._unanswered_items >= self._unanswered_items_max:
            self._room.clear()
            await self._room.wait()

    async def _send(self, call: "aio.StreamStreamCall[bytes, bytes]") -> None:
        """Send what has no answer, then what comes, then the end."""
        position = self._answered
        try:
            while True:
                while position < self._taken:
                    await call.write(self._unanswered[position - self._answered][0])
                    position += 1
                if self._exhausted and position == self._taken:
                    await call.done_writing()
                    return
                self._more.clear()
                await self._more.wait()
        except (aio.AioRpcError, asyncio.InvalidStateError):
            # The reader of the same call meets the reason.
            return

    def _accept(self, response: bytes) -> Results:
        """Return the results of a response and forget the requests they answer."""
        results, items = self._decode(response)
        self._unanswered_items -= items
        while items > 0:
            items -= self._unanswered.popleft()[1]
            self._answered += 1
        if items:
            raise PycoreError("the server answered half a request")
        self._room.set()
        return results

    def _given_up(self, failure: Failure) -> PycoreError:
        if failure.is_retried and self._unanswered:
            unknown = outcome_unknown(failure.error)
            unknown.__cause__ = failure.error
            return unknown
        return failure.error


async def _failure(call: "aio.StreamStreamCall[bytes, bytes]") -> Failure | None:
    """Return why a call that gives no more responses ended, or None when it was complete."""
    code = await call.code()
    if code is grpc.StatusCode.OK:
        return None
    error = aio.AioRpcError(
        code, await call.initial_metadata(), await call.trailing_metadata(), details=await call.details()
    )
    return Failure(error)
