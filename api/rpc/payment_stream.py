"""One ``StreamPayments`` call: what has come goes on together, results leave in the order of the requests."""

import asyncio
from collections import deque
from typing import Final

from grpc import aio

from api.errors import public_error
from api.rpc import payment_messages as messages
from api.rpc.calls import Context, deadline, fail, tenant_caller
from api.services import Services
from pycore.errors import InvalidRequestError, LedgerUnavailableError, RateLimitedError
from pycore.merchants import Caller, Scope
from pycore.payments.creation import Asked, Made
from pycore.tenant import Tenant

_WAITING_MAX: Final = 4096
"""Requests read and not answered yet; beyond, the stream is not read further."""
_BATCH_MAX: Final = 512
_BATCHES_UNDER_WAY_MAX: Final = 4

_Requests = list[tuple[str, Asked]]
_Outcomes = asyncio.Task[list[Made]]


class PaymentStream:
    """Several batches are under way at once, so that one looks up its keys while another becomes durable.

    A caller that goes away ends the call, never what was taken from it.
    """

    def __init__(self, services: Services, context: Context, stopping: asyncio.Event) -> None:
        self._services = services
        self._context = context
        self._stopping = stopping
        self._deadline = deadline(context)
        self._asked: deque[tuple[str, Asked]] = deque()
        self._under_way: deque[tuple[_Requests, _Outcomes]] = deque()
        self._waiting = 0
        self._news = asyncio.Event()
        """Something for the writer: a request came, a batch is done, or the reader ended."""
        self._room = asyncio.Event()
        """Something for the reader: results have left."""
        self._read_all = False
        self._failure: BaseException | None = None

    async def run(self) -> None:
        """Serve the call to its end."""
        try:
            caller = await self._caller()
        except Exception as error:
            await fail(self._context, error)
        reader = asyncio.create_task(self._read(caller))
        stopper = asyncio.create_task(self._stop_reading(reader))
        try:
            await self._answer(caller)
        finally:
            stopper.cancel()
            reader.cancel()
            for _, task in self._under_way:
                task.add_done_callback(_retrieve)
        if self._failure is not None:
            await fail(self._context, self._failure)

    async def _stop_reading(self, reader: asyncio.Task[None]) -> None:
        await self._stopping.wait()
        reader.cancel()

    async def _read(self, caller: Caller) -> None:
        """Take requests until the caller is done, something fails, or the server stops."""
        try:
            while (request := await self._context.read()) is not aio.EOF:
                while self._waiting >= _WAITING_MAX:
                    self._room.clear()
                    await self._room.wait()
                self._asked.append(self._read_one(request, caller.tenant))
                self._waiting += 1
                self._news.set()
        except asyncio.CancelledError:
            self._failure = LedgerUnavailableError("the server is stopping", retry_after_ms=1000)
            raise
        except Exception as error:
            self._failure = error
        finally:
            self._read_all = True
            self._news.set()

    def _read_one(self, request: bytes, tenant: Tenant) -> tuple[str, Asked]:
        keys, asked = messages.read_creates(self._services.payments.payments, tenant, request)
        if len(asked) != 1:
            raise InvalidRequestError("request: is missing; nothing of this message was recorded")
        return keys[0], asked[0]

    async def _answer(self, caller: Caller) -> None:
        while True:
            self._news.clear()
            await self._begin(caller)
            if done := self._done():
                await self._send(done)
            elif self._read_all and not self._under_way and not self._asked:
                return
            else:
                await self._news.wait()

    async def _begin(self, caller: Caller) -> None:
        while self._asked and len(self._under_way) < _BATCHES_UNDER_WAY_MAX:
            batch = [self._asked.popleft() for _ in range(min(len(self._asked), _BATCH_MAX))]
            await self._charge(caller, len(batch))
            task = asyncio.create_task(self._create(batch))
            task.add_done_callback(lambda _: self._news.set())
            self._under_way.append((batch, task))

    async def _charge(self, caller: Caller, requests: int) -> None:
        """Count requests; a caller beyond its quota is slowed down instead of refused."""
        while True:
            try:
                self._services.access.charge(caller, requests)
                return
            except RateLimitedError as error:
                await asyncio.sleep(error.retry_after_ms / 1000)

    async def _create(self, batch: _Requests) -> list[Made]:
        # Asked again for each batch: a stream can outlive its key.
        await self._caller()
        payments = self._services.payments.payments
        return await payments.make([asked for _, asked in batch], deadline=self._deadline)

    async def _caller(self) -> Caller:
        return await tenant_caller(self._services.access, Scope.PAYMENTS_WRITE, self._context, requests=0)

    def _done(self) -> list[tuple[_Requests, _Outcomes]]:
        """Return the batches whose results may leave now."""
        done = []
        while self._under_way and self._under_way[0][1].done():
            done.append(self._under_way.popleft())
        return done

    async def _send(self, done: list[tuple[_Requests, _Outcomes]]) -> None:
        results = []
        for batch, task in done:
            error = task.exception()
            # What concerns the whole batch (a full queue, a database away) is each one's outcome; the stream goes on.
            made = task.result() if error is None else [public_error(error)] * len(batch)
            results.append(messages.write_results((key for key, _ in batch), made))
            self._waiting -= len(batch)
        await self._context.write(b"".join(results))
        self._room.set()


def _retrieve(task: _Outcomes) -> None:
    """Take note of a failure that nobody is there to hear of, so that asyncio does not log it as forgotten."""
    if not task.cancelled():
        task.exception()
