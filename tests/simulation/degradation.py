"""T14: the database is full, stopped or away, or the channels are; who asks must be answered, and soon.

The story: on a full disk no read was answered and refusals took two seconds; with PostgreSQL stopped everything hung
for as long as a caller would wait. Each fault lasts for ``--seconds`` on one server with an embedded PostgreSQL, while
the witness of T1 pays with customers' balances and a prober notes how long each answer takes. Afterwards the server
has to go on by itself, and to hold what the witness was told, once.

The disk is a small one in memory, and mounting it needs root.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from itertools import count
from pathlib import Path
from typing import Final

import asyncpg
from aiohttp import ClientError, ClientSession, ClientTimeout

from api.demo import KEY_FILE
from bench.process import Child
from bench.server import ServerProcess
from pycore.merchants import read_secret
from pycore.store.layout import Layout, running_dsn
from pycore.store.leftover import postmaster_pid
from tests.simulation.payment_load import PaymentLoad
from tests.simulation.payment_shop import Shop, fund_at, open_shop
from tests.simulation.report import Arguments, Outcome, main
from tests.simulation.torture import children, kill_processes

REFUSAL_MS_MAX: Final = 50
"""The 99th percentile, once the first caller was refused."""
READY_MS_MAX: Final = 1000
CALL_MS_MAX: Final = 5000
_GIVEN_UP_SECONDS: Final = 10.0
_DISK_MIB: Final = 420
_CALM_SECONDS: Final = 1.0
_KNOWN_SECONDS_MAX: Final = 10.0
_RESUME_SECONDS_MAX: Final = 30.0
_PAUSE_SECONDS: Final = 0.02
_WORKERS: Final = 3


class DegradationError(AssertionError):
    """A bar was missed."""


class Prober:
    """Reads, pays and asks for readiness, one after the other of each, and notes how long each answer took."""

    def __init__(self, http: ClientSession, shop: Shop, paid: str, demo_key: str) -> None:
        """``paid`` is a payment that was confirmed before; ``demo_key`` is of a merchant with channels."""
        self._http, self._shop, self._key, self._demo_key = http, shop, shop.api_key, demo_key
        self._reads = (f"/v1/payments/{paid}", "/v1/payments", f"/v1/customers/{shop.customer_ids[-1]}/balance")
        self._number = count()
        self.begin()

    def begin(self) -> None:
        """Forget what was noted."""
        self.reads_asked = self.reads_answered = self.writes_answered = 0
        self.refusal_ms: list[int] = []
        self.alive_ms: list[int] = []
        self.ready_ms_max = self.longest_ms = 0
        self.is_ready = False

    async def watch(self, stop: asyncio.Event) -> None:
        """Ask until told to stop."""
        asks: list[Callable[[], Awaitable[None]]] = [self._pay, self._order, self._ready, self._alive]
        asks += [partial(self._read, path) for path in self._reads]
        await asyncio.gather(*(self._repeat(stop, ask) for ask in asks))

    async def _pay(self) -> None:
        """Pay from a balance, and note whether that was answered, refused or left open."""
        began = time.monotonic()
        status, answer = await self._ask("POST", "/v1/payments", self._key, _tea(f"p{next(self._number)}", self._shop))
        if status == 200:
            self.writes_answered += 1
        elif b"ledger_unavailable" in answer:
            self.refusal_ms.append(_ms_since(began))

    async def _repeat(self, stop: asyncio.Event, ask: Callable[[], Awaitable[None]]) -> None:
        while not stop.is_set():
            await ask()
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _read(self, path: str) -> None:
        status, _ = await self._ask("GET", path, self._key)
        self.reads_asked += 1
        self.reads_answered += status == 200

    async def _order(self) -> None:
        """Ask a channel for an order; what it answers is the channel's, but it has to come."""
        body = {"merchant_reference": f"q{next(self._number)}", "amount": 100, "subject": "tea", "method": "qr_code"}
        await self._ask("POST", "/v1/payments", self._demo_key, body)

    async def _ready(self) -> None:
        began = time.monotonic()
        status, _ = await self._ask("GET", "/readyz", "")
        self.is_ready = status == 200
        self.ready_ms_max = max(self.ready_ms_max, _ms_since(began))

    async def _alive(self) -> None:
        """Note how long the least takes that can be asked: what is slower than that is not the machine's fault."""
        began = time.monotonic()
        await self._ask("GET", "/healthz", "")
        self.alive_ms.append(_ms_since(began))

    async def _ask(self, method: str, path: str, key: str, body: dict[str, object] | None = None) -> tuple[int, bytes]:
        """Return status and body of an answer; 0 where there was none in time."""
        headers = {"authorization": f"Bearer {key}"} if key else {}
        headers |= {"idempotency-key": str(body["merchant_reference"])} if body else {}
        began = time.monotonic()
        try:
            async with self._http.request(method, path, json=body, headers=headers) as answer:
                return answer.status, await answer.read()
        except (ClientError, TimeoutError):
            return 0, b""
        finally:
            self.longest_ms = max(self.longest_ms, _ms_since(began))


class Rig:
    """A server on a small disk, the witness and what it is told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "disk" / "data"
        self.load = PaymentLoad()
        # What it says and what the witness writes down is not on the disk that fills.
        self.server = ServerProcess(
            data=self.data, module=("api", "--demo", "--sandbox", "127.0.0.1:0"), log=folder / "server.log"
        )

    @property
    def postgres(self) -> list[int]:
        """PostgreSQL's processes, the first one first."""
        postmaster = postmaster_pid(Layout(self.data))
        return [] if postmaster is None else [postmaster, *children(postmaster)]

    @property
    def simulators(self) -> list[int]:
        """The process of the simulated channels."""
        return [
            pid
            for pid in children(self.server.pid)
            if b"api.sandbox" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        ]

    @contextmanager
    def disk_full(self) -> Iterator[None]:
        """Another programme takes all that is left of the disk at once."""
        ballast = self.folder / "disk" / "ballast"
        with ballast.open("wb") as file:
            disk = os.statvfs(file.name)
            size = disk.f_bavail * disk.f_frsize
            while size:
                try:
                    os.posix_fallocate(file.fileno(), 0, size)
                    break
                except OSError:
                    size -= min(size, 1 << 20)  # others write meanwhile
            yield
        ballast.unlink()

    @contextmanager
    def database_stopped(self) -> Iterator[None]:
        """PostgreSQL takes connections and says nothing."""
        with _stopped(self.postgres):
            yield

    @contextmanager
    def database_away(self) -> Iterator[None]:
        """PostgreSQL is killed, and a file it cannot start without is gone."""
        control = Layout(self.data).cluster / "global" / "pg_control"
        hidden = control.with_name("hidden")
        control.rename(hidden)
        kill_processes(self.postgres)
        try:
            yield
        finally:
            hidden.rename(control)

    @contextmanager
    def channels_away(self) -> Iterator[None]:
        """The channels take connections and say nothing."""
        with _stopped(self.simulators):
            yield


FAULTS: Final = ("disk_full", "database_stopped", "database_away", "channels_away")


async def _known(prober: Prober) -> None:
    """Return when a write was refused."""
    async with asyncio.timeout(_KNOWN_SECONDS_MAX):
        while not prober.refusal_ms:
            await asyncio.sleep(_PAUSE_SECONDS)


async def _resumed(prober: Prober) -> int:
    """Return the milliseconds until a payment is answered and the server is ready."""
    began, answered = time.monotonic(), prober.writes_answered
    async with asyncio.timeout(_RESUME_SECONDS_MAX):
        while prober.writes_answered == answered or not prober.is_ready:
            await asyncio.sleep(_PAUSE_SECONDS)
    return _ms_since(began)


async def suffer(name: str, seconds: float, rig: Rig, prober: Prober, witness: Child) -> Outcome:
    """Let one fault happen under load; return what was measured. Raises AssertionError where something is lost."""
    log = rig.folder / f"{name}.log"
    witness.tell(f"run {log}")
    stop = asyncio.Event()
    prober.begin()
    watching = asyncio.create_task(prober.watch(stop))
    await asyncio.sleep(_CALM_SECONDS)
    prober.begin()
    fault: AbstractContextManager[None] = getattr(rig, name)()
    # In a thread: to fill a disk takes a moment, in which the prober must go on.
    await asyncio.to_thread(fault.__enter__)
    try:
        if name != "channels_away":
            await _known(prober)
        longest, ready = prober.longest_ms, prober.ready_ms_max
        prober.begin()
        await asyncio.sleep(seconds)
        outcome = {
            "reads_asked": prober.reads_asked,
            "reads_answered": prober.reads_answered,
            "writes_answered": prober.writes_answered,
            "refusals": len(prober.refusal_ms),
            "refusal_ms_p50": _percentile(prober.refusal_ms, 50),
            "refusal_ms_p99": _percentile(prober.refusal_ms, 99),
            "alive_ms_p99": _percentile(prober.alive_ms, 99),
        }
    finally:
        fault.__exit__(None, None, None)
    outcome["resumed_ms"] = await _resumed(prober)
    stop.set()
    await watching
    outcome["ready_ms_max"] = max(ready, prober.ready_ms_max)
    outcome["longest_ms"] = max(longest, prober.longest_ms)
    witness.tell("pause")
    _, _, contradictions = (await asyncio.to_thread(witness.line)).split()
    if int(contradictions):
        raise DegradationError(f"{name}: {contradictions} requests were answered differently when asked again")
    await rig.load.compare(rig.server.grpc_address, rig.data, log)
    return {f"{name}_{field}": value for field, value in outcome.items()}


def missed(outcome: Outcome) -> list[str]:
    """Return which bars were missed."""
    found = []
    for name in FAULTS:
        if f"{name}_longest_ms" not in outcome:
            continue
        reads = ("reads_asked", "reads_answered")
        asked, answered = (outcome[f"{name}_{field}"] for field in reads)
        bars = {
            "reads": answered == asked if name in ("disk_full", "channels_away") else answered > 0,
            "writes": outcome[f"{name}_writes_answered"] > 0 if name == "channels_away" else True,
            "refusals": outcome[f"{name}_refusal_ms_p99"] < REFUSAL_MS_MAX
            and (name == "channels_away" or outcome[f"{name}_refusals"] > 0),
            "readiness": outcome[f"{name}_ready_ms_max"] <= READY_MS_MAX,
            "longest call": outcome[f"{name}_longest_ms"] <= CALL_MS_MAX,
        }
        found += [f"{name}: {bar}" for bar, is_met in bars.items() if not is_met]
    return found


async def simulate(arguments: Arguments) -> Outcome:
    """Let every fault happen, ``count`` seconds each, or the one that is the ``load``."""
    names = list(FAULTS) if arguments.load == "all" else [arguments.load]
    outcome: Outcome = {}
    with _small_disk() as folder:
        rig = await asyncio.to_thread(Rig, folder)
        try:
            grpc, http = rig.server.grpc_address, rig.server.http_address
            command = await rig.load.open(grpc, http, rig.data, arguments.seed)
            witness = Child([*command, "--workers", str(_WORKERS)])
            try:
                witness.line()
                shop = await _shop_of(rig)
                async with ClientSession(f"http://{http}", timeout=ClientTimeout(total=_GIVEN_UP_SECONDS)) as session:
                    prober = Prober(session, shop, await _paid(session, shop), read_secret(rig.data / KEY_FILE))
                    for name in arguments.progress(names):
                        outcome |= await suffer(name, arguments.count, rig, prober, witness)
            finally:
                witness.kill()
        finally:
            await asyncio.to_thread(rig.server.stop)
    return outcome | rig.load.outcome() | {"lost": 0, "doubled": 0}


async def _shop_of(rig: Rig) -> Shop:
    """Make the prober's own merchant: the witness's books hold what the witness did alone."""
    async with asyncpg.create_pool(running_dsn(rig.data), min_size=1, max_size=1) as pool:
        return await open_shop(pool, partial(fund_at, rig.server.http_address))


async def _paid(http: ClientSession, shop: Shop) -> str:
    """Make a payment and return its id."""
    headers = {"authorization": f"Bearer {shop.api_key}", "idempotency-key": "first"}
    async with http.post("/v1/payments", json=_tea("first", shop), headers=headers) as answer:
        answer.raise_for_status()
        return str((await answer.json())["id"])


def _tea(reference: str, shop: Shop) -> dict[str, object]:
    """Return the body of a payment from a customer's balance."""
    terms = {
        "method": "balance",
        "customer_id": shop.customer_ids[-1],
        "confirm": True,
        "authentication": "certificate",
    }
    return {"merchant_reference": reference, "amount": 1, "subject": "tea", **terms}


@contextmanager
def _stopped(pids: list[int]) -> Iterator[None]:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


@contextmanager
def _small_disk() -> Iterator[Path]:
    """Give a folder with a small disk mounted at ``disk``."""
    folder = Path(tempfile.mkdtemp(prefix="degradation-"))
    folder.chmod(0o755)
    disk = folder / "disk"
    disk.mkdir()
    try:
        subprocess.run(
            ["/bin/mount", "-t", "tmpfs", "-o", f"size={_DISK_MIB}m,mode=755", "tmpfs", str(disk)], check=True
        )
        try:
            yield folder
        finally:
            subprocess.run(["/bin/umount", "--lazy", str(disk)], check=False)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def can_mount() -> bool:
    """Return whether a small disk can be mounted here."""
    with suppress(OSError, subprocess.CalledProcessError), _small_disk():
        return True
    return False


def _percentile(values: list[int], percent: int) -> int:
    return sorted(values)[len(values) * percent // 100] if values else 0


def _ms_since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)


def run(arguments: Arguments) -> Outcome:
    """Run on an event loop of its own. Raises DegradationError where a bar was missed."""
    outcome = asyncio.run(simulate(arguments))
    if bars := missed(outcome):
        raise DegradationError(f"missed: {'; '.join(bars)}; measured: {outcome}")
    return outcome


if __name__ == "__main__":
    if not can_mount():
        sys.exit("degradation: not run: no small disk can be mounted here; it needs root")
    main("degradation", run, count=8, option="seconds", loads=("all", *FAULTS))
