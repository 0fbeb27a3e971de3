"""T13: a server is exhausted by peers it does not know, and everybody else must not notice.

The story: unread pipelines, slow bodies, silent connections and calls without a message each took what all callers
share (memory, places, descriptors), with no key and from one machine, and health was refused with everybody else.

Each attack runs for ``--count`` seconds against a server of its own, in a network namespace with loopback alone, where
40 addresses attack and others go on paying, looking and asking for health. Making the namespace needs root and ``ip``.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Final

import msgspec
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from bench.database import DatabaseServer
from pycore.config import split_address
from tests.api.demo_process import running
from tests.simulation.attacks import ATTACKS, exchange, post
from tests.simulation.report import Arguments, Outcome, main

GROWTH_MIB_MAX: Final = 200
LEFT_MIB_MAX: Final = 100
"""What may stay afterwards: the allocator's, not the attacker's."""
HEALTH_MS_MAX: Final = 1000
SUCCESS_PERMILLE_MIN: Final = 990
_CALM_SECONDS: Final = 2
_RETURN_SECONDS: Final = 20
_CALL_SECONDS: Final = 10
_NAMESPACE: Final = "EXHAUSTION_NAMESPACE"


class ExhaustionError(AssertionError):
    """A bar was missed."""


class Witness:
    """Asks for what others ask for, from addresses of its own, and notes how that went."""

    def __init__(self, http: str, grpc: str, store: str, key: str) -> None:
        self._http, self._grpc, self._store = split_address(http), grpc, store
        self._authorization = f"authorization: Bearer {key}"
        self.asked: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.health_ms_max = 0

    async def watch(self, stop: asyncio.Event) -> None:
        """Ask until told to stop."""
        await asyncio.gather(
            self._repeat(stop, 0.25, "health", self._health),
            self._repeat(stop, 0.25, "rpc_health", self._rpc_health),
            self._repeat(stop, 0.1, "payments", self._pay),
            self._repeat(stop, 0.5, "store", self._order),
        )

    async def _repeat(
        self, stop: asyncio.Event, seconds: float, name: str, ask: Callable[[int], Awaitable[bool]]
    ) -> None:
        for number in count():
            if stop.is_set():
                return
            began = time.monotonic()
            self.asked[name] += 1
            good = False
            with suppress(Exception):
                good = await asyncio.wait_for(ask(number), _CALL_SECONDS)
            if not good:
                self.failed[name] += 1
            if name.endswith("health"):
                self.health_ms_max = max(self.health_ms_max, round((time.monotonic() - began) * 1000))
            await asyncio.sleep(seconds)

    async def _health(self, number: int) -> bool:
        path = ("/healthz", "/readyz")[number % 2]
        answer = await self._ask("127.0.0.3", f"GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode())
        return answer.startswith(b"HTTP/1.1 200")

    async def _rpc_health(self, _number: int) -> bool:
        async with aio.insecure_channel(self._grpc, options=(("grpc.use_local_subchannel_pool", 1),)) as channel:
            answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=5)
            return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    async def _pay(self, number: int) -> bool:
        body = msgspec.json.encode(
            {"merchant_reference": f"m{number}-{time.time_ns()}", "amount": 100, "subject": "tea", "method": "qr_code"}
        )
        request = post("/v1/payments", body, self._authorization, f"idempotency-key: k{number}-{time.time_ns()}")
        return (await self._ask("127.0.0.2", request)).startswith((b"HTTP/1.1 200", b"HTTP/1.1 201"))

    async def _order(self, number: int) -> bool:
        """Be a customer who scans the store's code and types an amount, each time another one."""
        source = f"127.0.{3 + number // 250}.{number % 250 + 1}"
        state = await self._ask(source, f"GET {self._store}/state HTTP/1.1\r\nhost: localhost\r\n\r\n".encode())
        shown = msgspec.json.decode(state.partition(b"\r\n\r\n")[2])
        chosen = {"order": shown["order"], "amount": "12.00", "channel": shown["offers"][0]["channel"]}
        body = msgspec.json.encode(chosen)
        answer = await self._ask(source, post(f"{self._store}/order", body))
        return answer.startswith(b"HTTP/1.1 200")

    async def _ask(self, source: str, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(*self._http, local_addr=(source, 0))
        try:
            return await exchange(reader, writer, request)
        finally:
            writer.close()


async def attack(name: str, seconds: int, folder: Path, dsn: str) -> Outcome:
    """Attack a fresh server and return what was measured."""
    folder.mkdir()
    async with running(dsn, folder) as demo:
        http, grpc = demo.http, re.findall(r"gRPC (\S+)", "\n".join(demo.lines))[0]
        store = "/" + demo.said("cashier").split("/", 3)[3]
        witness = Witness(http, grpc, store, demo.said("key"))
        stop = asyncio.Event()
        watching = asyncio.create_task(witness.watch(stop))
        await asyncio.sleep(_CALM_SECONDS)
        before = resident_mib(demo.process.pid)
        attacker = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.simulation.attacks", name, http, grpc, store, str(seconds)
        )
        peak = before
        while attacker.returncode is None:
            peak = max(peak, resident_mib(demo.process.pid))
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(attacker.wait()), 0.1)
        stop.set()
        await watching
        left = await _settled(demo.process.pid, before)
        began = time.monotonic()
        demo.process.terminate()
        await asyncio.wait_for(demo.process.wait(), 60)
        stopped_ms = round((time.monotonic() - began) * 1000)
    asked, failed = witness.asked.total(), witness.failed.total()
    outcome = {
        "grown_mib": peak - before,
        "left_mib": left - before,
        "health_ms_max": witness.health_ms_max,
        "others_asked": asked,
        "others_failed": failed,
        "stopped_ms": stopped_ms,
    }
    return {f"{name}_{field}": value for field, value in outcome.items()} | {
        f"{name}_{who}_failed": times for who, times in witness.failed.items()
    }


async def _settled(pid: int, before: int) -> int:
    """Return the memory that is left, once it is back or has had its time."""
    for _ in range(_RETURN_SECONDS * 2):
        if (left := resident_mib(pid)) - before <= LEFT_MIB_MAX // 2:
            return left
        await asyncio.sleep(0.5)
    return resident_mib(pid)


def resident_mib(pid: int) -> int:
    """Return the memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20


def missed(outcome: Outcome) -> list[str]:
    """Return which bars were missed."""
    found = []
    for name in ATTACKS:
        if f"{name}_grown_mib" not in outcome:
            continue
        asked, failed = outcome[f"{name}_others_asked"], outcome[f"{name}_others_failed"]
        bars = {
            "memory": outcome[f"{name}_grown_mib"] <= GROWTH_MIB_MAX,
            "memory afterwards": outcome[f"{name}_left_mib"] <= LEFT_MIB_MAX,
            "health": outcome[f"{name}_health_ms_max"] <= HEALTH_MS_MAX,
            "others": (asked - failed) * 1000 >= asked * SUCCESS_PERMILLE_MIN,
        }
        found += [f"{name}: {bar}" for bar, is_met in bars.items() if not is_met]
    return found


async def simulate(arguments: Arguments) -> Outcome:
    """Run every attack, ``count`` seconds each, or the one that is the ``load``."""
    names = list(ATTACKS) if arguments.load == "all" else [arguments.load]
    outcome: Outcome = {}
    with tempfile.TemporaryDirectory(prefix="exhaustion-") as folder:
        Path(folder).chmod(0o755)
        async with DatabaseServer(Path(folder) / "postgres") as server:
            for name in arguments.progress(names):
                dsn = await server.create(name)
                outcome |= await attack(name, arguments.count, Path(folder) / name, dsn)
    return outcome


def run(arguments: Arguments) -> Outcome:
    """Run on an event loop of its own. Raises ExhaustionError where a bar was missed."""
    outcome = asyncio.run(simulate(arguments))
    if bars := missed(outcome):
        raise ExhaustionError(f"missed: {'; '.join(bars)}; measured: {outcome}")
    return outcome


def enter_namespace() -> None:
    """Run this programme again in a network namespace with loopback alone; return where it already is in one."""
    if os.environ.get(_NAMESPACE):
        return
    name = f"pycore-{os.getpid()}"
    ip = shutil.which("ip")
    if ip is None or subprocess.run([ip, "netns", "add", name], check=False, capture_output=True).returncode:
        sys.exit("exhaustion: not run: no network namespace can be made here; it needs root and iproute2")
    try:
        subprocess.run([ip, "-n", name, "link", "set", "lo", "up"], check=True)
        inside = [ip, "netns", "exec", name, sys.executable, "-m", "tests.simulation.exhaustion", *sys.argv[1:]]
        sys.exit(subprocess.run(inside, check=False, env={**os.environ, _NAMESPACE: name}).returncode)
    finally:
        subprocess.run([ip, "netns", "delete", name], check=False)


if __name__ == "__main__":
    enter_namespace()
    main("exhaustion", run, count=12, option="seconds", loads=("all", *ATTACKS))
