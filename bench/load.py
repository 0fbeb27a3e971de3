"""One client process: sends transfers or payments through a front door and prints what came of it as a line of JSON.

Closed loop: so many callers, each sending its next request when it has the answer to the last one; a figure for
ceilings only. Open loop (``rate``): requests leave on a schedule that does not wait for answers, and a latency counts
from the scheduled moment, so a slow server cannot hide behind its own slowness.

All requests are encoded before the clock starts, so that the client costs as little as a client can.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, Literal

import aiohttp
import grpc
import msgspec
import uvloop

from bench.arrivals import Pattern, schedule
from bench.cargo import Cargo, Delivered, Payments, Till, Transfers
from bench.echo import SERVICE as ECHO
from bench.latency import summary_ms
from bench.records import Skew

_LEDGER = "/pycore.ledger.v1.LedgerService"
_PAYMENTS = "/pycore.payments.v1.PaymentService"
_ECHO = {"unary": f"/{ECHO}/Unary", "stream": f"/{ECHO}/Stream", "http": "/transfers"}
_TRANSFERS = {
    "unary": f"{_LEDGER}/CreateTransfers",
    "stream": f"{_LEDGER}/StreamTransfers",
    "http": "/v1/ledger/transfers",
}
_HTTP_OK = 200

DoorKind = Literal["unary", "stream", "http"]


class Spec(msgspec.Struct, kw_only=True, frozen=True):
    """What one client process does."""

    address: str
    door: DoorKind
    target: Literal["ledger", "echo"] = "ledger"
    callers: int = 64
    batch: int = 1
    seconds: float = 5.0
    requests_max: int = 200_000
    rate: float = 0.0
    pattern: Pattern = "poisson"
    accounts: int = 10_000
    skew: Skew = "uniform"
    seed: int = 1
    in_flight: int = 256
    """Requests on their way at once, over all streams of a closed loop."""
    key: str = ""
    """An operator's, for transfers."""
    till: str = ""
    """A file of ``Till``: payments are sent instead of transfers."""

    @property
    def path(self) -> str:
        """The method called."""
        if self.target == "echo":
            return _ECHO[self.door]
        if not self.till:
            return _TRANSFERS[self.door]
        if self.door == "stream":
            return f"{_PAYMENTS}/StreamPayments"
        return f"{_PAYMENTS}/CreatePayment" if self.batch == 1 else f"{_PAYMENTS}/SubmitPayments"

    def cargo(self) -> Cargo:
        """Return the requests to send."""
        if self.till:
            streamed = self.door == "stream"
            count = self.requests_max
            return Payments(Till.read(self.till), seed=self.seed, batch=self.batch, count=count, streamed=streamed)
        return Transfers(
            accounts=self.accounts,
            skew=self.skew,
            seed=self.seed,
            batch=self.batch,
            count=self.requests_max,
            json=self.door == "http",
            key=self.key,
        )


class Outcome(msgspec.Struct, kw_only=True):
    """What came of it. Latencies are milliseconds; ``amount`` is what the transfers or payments moved in all."""

    offered: int
    accepted: int = 0
    refused: int = 0
    failed: int = 0
    seconds: float = 0.0
    done: int = 0
    amount: int = 0
    latency_ms: dict[str, float] = {}
    cpu_seconds: float = 0.0


class _Run:
    """The requests, and what is known of each: its latency, its answer."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.cargo = spec.cargo()
        self.requests = self.cargo.requests
        self.metadata = self.cargo.metadata
        self.answers: list[Any] = [None] * len(self.requests)
        self.latencies: dict[int, float] = {}
        self.refused = 0
        self.failed = 0
        self._next = 0
        self._end = float("inf")

    def numbers(self) -> Iterator[int]:
        """Yield the numbers of requests to send, shared by all callers, until the time or the supply is over."""
        while self._next < len(self.requests) and time.perf_counter() < self._end:
            self._next += 1
            yield self._next - 1

    def sent(self) -> int:
        """Return how many were sent."""
        return self._next

    def stop_after(self, seconds: float) -> None:
        """Stop giving out numbers so long from now."""
        self._end = time.perf_counter() + seconds

    def answered(self, number: int, answer: Any, since: float) -> None:
        """Keep an answer; it is decoded when the clock has stopped."""
        self.answers[number] = answer
        self.latencies[number] = time.perf_counter() - since

    def failure(self, error: grpc.aio.AioRpcError) -> None:
        """Count an error: refused with a hint to come back, or failed."""
        if error.code() in (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE):
            self.refused += 1
        else:
            self.failed += 1

    def delivered(self) -> Delivered:
        """Return what the answers say was done. Raises RuntimeError for what no caller expects."""
        if self.spec.target == "echo":
            return Delivered(len(self.latencies) * self.spec.batch, 0)
        return self.cargo.delivered(self.answers)

    def split(self, answer: bytes) -> Sequence[Any]:
        """Return a stream's answer as one per request."""
        return [answer] if self.spec.target == "echo" else self.cargo.split(answer)


async def _unary_caller(run: _Run, call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]) -> None:
    for number in run.numbers():
        since = time.perf_counter()
        try:
            run.answered(number, await call(run.requests[number], metadata=run.metadata), since)
        except grpc.aio.AioRpcError as error:
            run.failure(error)


async def _stream_caller(run: _Run, call: grpc.aio.StreamStreamMultiCallable[bytes, bytes]) -> None:
    """Keep one stream full: so many transfers under way, the next sent as answers come.

    One answer may hold the results of several requests, so answers are matched by counting results.
    """
    room = asyncio.Semaphore(max(1, run.spec.in_flight // run.spec.callers))
    waiting: list[tuple[int, float]] = []

    async def requests() -> AsyncIterator[bytes]:
        for number in run.numbers():
            await room.acquire()
            waiting.append((number, time.perf_counter()))
            yield run.requests[number]

    first = 0
    try:
        async for answer in call(requests(), metadata=run.metadata):
            for part in run.split(answer):
                number, since = waiting[first]
                run.answered(number, part, since)
                first += 1
                room.release()
    except grpc.aio.AioRpcError as error:
        run.failure(error)


async def _http_caller(run: _Run, session: aiohttp.ClientSession, url: str) -> None:
    headers = {"content-type": "application/json", **dict(run.metadata)}
    for number in run.numbers():
        since = time.perf_counter()
        async with session.post(url, data=run.requests[number], headers=headers) as response:
            answer = await response.read()
            if response.status == _HTTP_OK:
                run.answered(number, answer, since)
            elif response.status in (429, 503):
                run.refused += 1
            else:
                run.failed += 1


async def _closed_loop(run: _Run) -> float:
    spec = run.spec
    path = spec.path
    run.stop_after(spec.seconds)
    started = time.perf_counter()
    if spec.door == "http":
        connector = aiohttp.TCPConnector(limit=spec.callers)
        async with aiohttp.ClientSession(connector=connector) as session:
            url = f"http://{spec.address}{path}"
            await asyncio.gather(*[_http_caller(run, session, url) for _ in range(spec.callers)])
        return time.perf_counter() - started
    async with grpc.aio.insecure_channel(spec.address, options=_OPTIONS) as channel:
        if spec.door == "unary":
            unary: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(path)
            await asyncio.gather(*[_unary_caller(run, unary) for _ in range(spec.callers)])
        else:
            stream: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(path)
            await asyncio.gather(*[_stream_caller(run, stream) for _ in range(spec.callers)])
    return time.perf_counter() - started


async def _open_loop(run: _Run) -> float:
    """Send on schedule over ``callers`` streams in turn; latencies count from the schedule."""
    spec = run.spec
    moments = schedule(spec.pattern, spec.rate / spec.batch, spec.seconds, spec.seed)[: len(run.requests)]
    started = time.perf_counter()
    async with grpc.aio.insecure_channel(spec.address, options=_OPTIONS) as channel:
        streams = [_OpenStream(run, channel.stream_stream(spec.path)) for _ in range(spec.callers)]
        for number, moment in zip(run.numbers(), moments, strict=False):
            due = started + moment
            delay = due - time.perf_counter()
            if delay > 0:
                await asyncio.sleep(delay)
            streams[number % spec.callers].send(number, due)
        await asyncio.gather(*[stream.finish() for stream in streams])
    return time.perf_counter() - started


class _OpenStream:
    """A stream that takes requests whenever they are due."""

    def __init__(self, run: _Run, call: grpc.aio.StreamStreamMultiCallable[bytes, bytes]) -> None:
        self._run = run
        self._queue: asyncio.Queue[int | None] = asyncio.Queue()
        self._waiting: list[tuple[int, float]] = []
        self._task = asyncio.create_task(self._receive(call(self._requests(), metadata=run.metadata)))

    def send(self, number: int, due: float) -> None:
        """Send a request that was due at ``due``."""
        self._waiting.append((number, due))
        self._queue.put_nowait(number)

    async def finish(self) -> None:
        """Return when everything sent is answered."""
        self._queue.put_nowait(None)
        await self._task

    async def _requests(self) -> AsyncIterator[bytes]:
        while (number := await self._queue.get()) is not None:
            yield self._run.requests[number]

    async def _receive(self, answers: grpc.aio.StreamStreamCall[bytes, bytes]) -> None:
        first = 0
        try:
            async for answer in answers:
                for part in self._run.split(answer):
                    number, due = self._waiting[first]
                    self._run.answered(number, part, due)
                    first += 1
        except grpc.aio.AioRpcError as error:
            self._run.failure(error)


_OPTIONS = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


def _measured(spec: Spec) -> Outcome:
    run = _Run(spec)
    cpu = os.times()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        seconds = runner.run(_open_loop(run) if spec.rate else _closed_loop(run))
    used = os.times()
    delivered = run.delivered()
    return Outcome(
        offered=run.sent(),
        accepted=len(run.latencies),
        refused=run.refused,
        failed=run.failed + delivered.faults,
        seconds=seconds,
        done=delivered.done,
        amount=delivered.amount,
        latency_ms=summary_ms(list(run.latencies.values())),
        cpu_seconds=round(used.user + used.system - cpu.user - cpu.system, 2),
    )


def main() -> None:
    """Read specs from standard input, a line each; print an outcome for each."""
    for line in sys.stdin:
        print(msgspec.json.encode(_measured(msgspec.json.decode(line, type=Spec))).decode(), flush=True)


if __name__ == "__main__":
    main()
