"""One ``StreamTransfers`` call: a reader that does not wait for results, a writer that sends all there are at once."""

import asyncio
from collections import deque
from contextlib import suppress

from grpc import aio

from api.errors import MalformedRequestError
from api.limits import STREAM_EVENTS_MAX
from api.rpc.calls import Context, deadline, fail
from pycore import _core
from pycore.errors import LedgerOverloadedError, LedgerUnavailableError
from pycore.ledger import Ledger, Operation

_RECORD_BYTES = _core.RECORD_SIZE
_RESULT_BYTES = _core.RESULT_SIZE


class TransferStream:
    """Results leave in the order of the requests: the ledger answers in that order, and so does this.

    A caller that goes away ends the call, never what the ledger took from it.
    """

    def __init__(self, ledger: Ledger, context: Context, stopping: asyncio.Event) -> None:
        self._ledger = ledger
        self._context = context
        self._stopping = stopping
        self._deadline = deadline(context)
        self._waiting: deque[asyncio.Future[bytes]] = deque()
        self._waiting_events = 0
        self._progress = asyncio.Event()
        """Something for the writer: a first request was taken, the oldest was answered, or the reader ended."""
        self._room = asyncio.Event()
        """Something for the reader: results have left."""
        self._read_all = False
        self._failure: BaseException | None = None

    async def run(self) -> None:
        """Serve the call to its end."""
        reader = asyncio.create_task(self._read())
        stopper = asyncio.create_task(self._stop_reading(reader))
        try:
            await self._write()
        finally:
            stopper.cancel()
            reader.cancel()
            for future in self._waiting:
                future.add_done_callback(_retrieve)
        if self._failure is not None:
            await fail(self._context, self._failure)

    async def _stop_reading(self, reader: asyncio.Task[None]) -> None:
        await self._stopping.wait()
        reader.cancel()

    async def _read(self) -> None:
        """Take requests until the caller is done, something fails, or the server stops."""
        try:
            while (request := await self._context.read()) is not aio.EOF:
                await self._take(request)
        except asyncio.CancelledError:
            self._failure = LedgerUnavailableError("the server is stopping", retry_after_ms=1000)
            raise
        except Exception as error:
            self._failure = error
        finally:
            self._read_all = True
            self._progress.set()

    async def _take(self, request: bytes) -> None:
        """Hand one request to the ledger; where that is full, the caller is slowed down instead of refused."""
        try:
            records = _core.decode_transfers(request)
        except ValueError as error:
            raise MalformedRequestError(str(error)) from None
        while self._waiting_events >= STREAM_EVENTS_MAX:
            await self._next_room()
        future: asyncio.Future[bytes] | None = None
        while future is None:
            try:
                future = self._ledger.enqueue(Operation.CREATE_STRANGERS_TRANSFERS, records, deadline=self._deadline)
            except LedgerOverloadedError as error:
                await self._next_room(error.retry_after_ms / 1000)
        self._waiting.append(future)
        self._waiting_events += len(records) // _RECORD_BYTES
        if len(self._waiting) == 1:
            self._progress.set()

    async def _next_room(self, seconds: float | None = None) -> None:
        self._room.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._room.wait(), seconds)

    async def _write(self) -> None:
        """Send results until the reader has ended and everything it took is answered, or the oldest request failed."""
        while True:
            self._progress.clear()
            if results := self._finished():
                await self._context.write(_core.encode_results(results))
                self._waiting_events -= len(results) // _RESULT_BYTES
                self._room.set()
                continue
            if self._waiting:
                oldest = self._waiting[0]
                if oldest.done():
                    self._failure = oldest.exception()
                    return
                oldest.add_done_callback(self._wake)
            elif self._read_all:
                return
            await self._progress.wait()

    def _finished(self) -> bytes:
        """Return the results of all leading requests that have them."""
        finished = []
        while self._waiting and self._waiting[0].done() and self._waiting[0].exception() is None:
            finished.append(self._waiting.popleft().result())
        return b"".join(finished)

    def _wake(self, _future: asyncio.Future[bytes]) -> None:
        self._progress.set()


def _retrieve(future: asyncio.Future[bytes]) -> None:
    """Take note of a failure that nobody is there to hear of, so that asyncio does not log it as forgotten."""
    if not future.cancelled():
        future.exception()
