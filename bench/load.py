"""One client process: sends transfers through a front door and prints what came of it as a line of JSON.

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
from collections.abc import AsyncIterator, Iterator
from typing import Literal

import aiohttp
import grpc
import msgspec
import uvloop

from bench.arrivals import Pattern, schedule
from bench.echo import SERVICE as ECHO
from bench.latency import summary_ms
from bench.records import LEDGER, Skew, TransferSource, amount_of
from pycore import _core
from pycore.ids import format_id
from pycore.ledger import CreateTransferStatus, Operation
from pycore.ledger.status import unpack_transfer_results
from pycore.ledger.transfer import unpack_transfers

_SERVICE = "/pycore.ledger.v1.LedgerService"
_PATHS = {
    ("ledger", "unary"): f"{_SERVICE}/CreateTransfers",
    ("ledger", "stream"): f"{_SERVICE}/StreamTransfers",
    ("echo", "unary"): f"/{ECHO}/Unary",
    ("echo", "stream"): f"/{ECHO}/Stream",
    ("ledger", "http"): "/v1/ledger/transfers",
    ("echo", "http"): "/transfers",
}
# Over all streams of one process.
_STREAMED_IN_FLIGHT = 256
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


class Outcome(msgspec.Struct, kw_only=True):
    """What came of it. Latencies are milliseconds; ``amount`` is what the created transfers moved in all."""

    offered: int
    accepted: int = 0
    refused: int = 0
    failed: int = 0
    seconds: float = 0.0
    transfers: int = 0
    amount: int = 0
    latency_ms: dict[str, float] = {}
    cpu_seconds: float = 0.0


class _Run:
    """The requests, and what is known of each: its latency, its answer."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        source = TransferSource(spec.accounts, skew=spec.skew, seed=spec.seed)
        self.records = source.batches(spec.batch, spec.requests_max)
        encode = _http_body if spec.door == "http" else _core.encode_transfers
        self.requests = [encode(records) for records in self.records]
        self.answers: list[bytes | None] = [None] * len(self.requests)
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

    def answered(self, number: int, answer: bytes, since: float) -> None:
        """Keep an answer; it is decoded when the clock has stopped."""
        self.answers[number] = answer
        self.latencies[number] = time.perf_counter() - since

    def failure(self, error: grpc.aio.AioRpcError) -> None:
        """Count an error: refused with a hint to come back, or failed."""
        if error.code() in (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE):
            self.refused += 1
        else:
            self.failed += 1

    def check(self) -> tuple[int, int]:
        """Return how many transfers the answers call created, and what they moved. Raises where one was refused."""
        if self.spec.target == "echo":
            return len(self.latencies) * self.spec.batch, 0
        answered = [(records, answer) for records, answer in zip(self.records, self.answers, strict=True) if answer]
        for _, answer in answered:
            if (statuses := self._statuses(answer)) != {CreateTransferStatus.CREATED}:
                raise RuntimeError(f"transfers were refused: {statuses}")
        batches = [records for records, _ in answered]
        return len(batches) * self.spec.batch, amount_of(batches)

    def _statuses(self, answer: bytes) -> set[int]:
        if self.spec.door == "http":
            return {CreateTransferStatus[result["status"].upper()] for result in msgspec.json.decode(answer)["results"]}
        results = _core.decode_results(Operation.CREATE_TRANSFERS, answer)
        return {result.status for result in unpack_transfer_results(results)}


def _http_body(records: bytes) -> bytes:
    transfers = [
        {
            "id": format_id(transfer.id),
            "debit_account_id": format_id(transfer.debit_account_id),
            "credit_account_id": format_id(transfer.credit_account_id),
            "amount": str(transfer.amount),
            "ledger": LEDGER,
            "code": 1,
        }
        for transfer in unpack_transfers(records)
    ]
    return msgspec.json.encode({"transfers": transfers})


async def _unary_caller(run: _Run, call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]) -> None:
    for number in run.numbers():
        since = time.perf_counter()
        try:
            run.answered(number, await call(run.requests[number]), since)
        except grpc.aio.AioRpcError as error:
            run.failure(error)


async def _stream_caller(run: _Run, call: grpc.aio.StreamStreamMultiCallable[bytes, bytes]) -> None:
    """Keep one stream full: so many transfers under way, the next sent as answers come.

    One answer may hold the results of several requests, so answers are matched by counting results.
    """
    room = asyncio.Semaphore(max(1, _STREAMED_IN_FLIGHT // run.spec.callers))
    waiting: list[tuple[int, float]] = []

    async def requests() -> AsyncIterator[bytes]:
        for number in run.numbers():
            await room.acquire()
            waiting.append((number, time.perf_counter()))
            yield run.requests[number]

    first = 0
    try:
        async for answer in call(requests()):
            for part in _split(run.spec, answer):
                number, since = waiting[first]
                run.answered(number, part, since)
                first += 1
                room.release()
    except grpc.aio.AioRpcError as error:
        run.failure(error)


def _split(spec: Spec, answer: bytes) -> list[bytes]:
    """Return a stream's answer as one per request: whole where it answers one, else cut by encoded result."""
    if spec.target == "echo":
        return [answer]
    results = _core.decode_results(Operation.CREATE_TRANSFERS, answer)
    size = spec.batch * 16
    if len(results) == size:
        return [answer]
    return [_core.encode_results(results[start : start + size]) for start in range(0, len(results), size)]


async def _http_caller(run: _Run, session: aiohttp.ClientSession, url: str) -> None:
    headers = {"content-type": "application/json"}
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
    path = _PATHS[spec.target, spec.door]
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
        streams = [_OpenStream(run, channel.stream_stream(_PATHS[spec.target, "stream"])) for _ in range(spec.callers)]
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
        self._task = asyncio.create_task(self._receive(call(self._requests())))

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
                for part in _split(self._run.spec, answer):
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
    transfers, amount = run.check()
    return Outcome(
        offered=run.sent(),
        accepted=len(run.latencies),
        refused=run.refused,
        failed=run.failed,
        seconds=seconds,
        transfers=transfers,
        amount=amount,
        latency_ms=summary_ms(list(run.latencies.values())),
        cpu_seconds=round(used.user + used.system - cpu.user - cpu.system, 2),
    )


def main() -> None:
    """Read specs from standard input, a line each; print an outcome for each."""
    for line in sys.stdin:
        print(msgspec.json.encode(_measured(msgspec.json.decode(line, type=Spec))).decode(), flush=True)


if __name__ == "__main__":
    main()
