"""The server: one process, one event loop, one ledger behind two doors."""

import asyncio
import gc
import resource
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from api import limits
from api.hosts import Hosts
from api.rest.app import application
from api.rest.server import RestServer
from api.rest.start import StartPage
from api.rpc.server import RpcServer
from api.services import Services, open_services
from api.tls import Tls
from pycore.config import Settings, mask_dsn
from pycore.cores import share_one_core
from pycore.ledger import Ledger
from pycore.merchants import first_operator_key

STOP_SECONDS = 30.0
"""How long what was accepted may take to finish once the server stops."""

Tell = Callable[[str], None]
Opened = Callable[[Services, "Doors"], Awaitable[None]]
"""Done once the doors are open."""


class Doors:
    """The gRPC and the HTTP server of the same services."""

    def __init__(self, services: Services, tls: Tls | None = None, hosts: Sequence[str] = ()) -> None:
        """``tls`` makes both speak TLS; to ``hosts`` the HTTP server answers besides what it listens on."""
        self._rpc = RpcServer(services, tls and tls.rpc)
        self._stopping = asyncio.Event()
        self.start_page = StartPage(services.channels.accounts)
        self._hosts = Hosts(hosts)
        self._rest = RestServer(
            application(services, self._stopping, self.start_page, self._hosts),
            tls and tls.rest,
            services.access.proxies,
        )
        self._scheme = "https" if tls else "http"
        self.grpc_address = ""
        self.http_address = ""

    @property
    def http_url(self) -> str:
        """Where the HTTP door is, with its scheme."""
        return f"{self._scheme}://{self.http_address}"

    async def open(self, grpc_address: str, http_address: str) -> None:
        """Listen on both addresses; the ones in use are in ``grpc_address`` and ``http_address``. Raises OSError."""
        self.grpc_address = await self._rpc.start(grpc_address)
        try:
            self.http_address = await self._rest.start(http_address)
        except OSError:
            await self._rpc.stop(0)
            raise
        self._hosts.add_address(self.http_address)

    async def close(self, seconds: float = STOP_SECONDS) -> None:
        """Take nothing new and finish what was accepted."""
        self._stopping.set()
        await asyncio.gather(self._rpc.stop(seconds), self._rest.stop(seconds))


async def serve(
    settings: Settings, *, take_over: bool = False, tell: Tell = print, opened: Opened | None = None
) -> None:
    """Serve until SIGINT or SIGTERM, then finish what was accepted.

    ``tell`` gets a line for each step; ``opened`` is called once the doors are open.

    Raises what ``Ledger.open`` raises, ConfigurationError for TLS files that cannot be used, and OSError where an
    address cannot be listened on.
    """
    allow_descriptors(tell)
    stop = _stop_signal()
    tls = Tls.configured(settings.server)
    tell(f"opening the ledger in {_database(settings)}")
    started = time.monotonic()
    opening = Ledger.open(store=settings.store, settings=settings.ledger, take_over=take_over, progress=tell)
    async with opening as ledger:
        stats = ledger.stats()
        seconds = time.monotonic() - started
        tell(f"the ledger is open after {seconds:.1f} s: {stats.accounts:,} accounts, {stats.transfers:,} transfers")
        services = await open_services(ledger, settings)
        if (key_file := await first_operator_key(services.api_keys, Path(settings.store.data))) is not None:
            tell(f"an operator's key was made, and is in {key_file}: every call needs a key")
        hosts = list(settings.server.hosts)
        if settings.channels.public_url is not None:
            hosts.append(urlsplit(settings.channels.public_url).netloc)
        doors = Doors(services, tls, hosts)
        if settings.server.one_core:
            # With the thread in which gRPC waits for calls; those in which it reads and writes are not Python's.
            share_one_core()
        async with services.outbox, services.channels:
            await doors.open(settings.server.grpc_address, settings.server.http_address)
            if settings.channels.public_url is None:
                services.channels.accounts.public_url = doors.http_url
            _collect_seldom()
            try:
                tell(f"ready  gRPC {doors.grpc_address}  HTTP {doors.http_url}  begin at {doors.http_url}/")
                if opened is not None:
                    await opened(services, doors)
                await stop.wait()
                tell("stopping: finishing what was accepted")
            finally:
                await doors.close()
    tell("stopped")


def allow_descriptors(tell: Tell) -> None:
    """Let the process have as many descriptors as the limits on connections need, or as many as the system allows.

    A shell gives 1,024, and a server that has none left takes no connection, of health neither.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    wanted = limits.DESCRIPTORS if hard == unlimited else min(limits.DESCRIPTORS, hard)
    if soft != unlimited and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    if wanted < limits.DESCRIPTORS:
        tell(
            f"the system allows {wanted:,} open files; the limits on connections need {limits.DESCRIPTORS:,}:"
            " raise it (LimitNOFILE= of systemd, ulimit -Hn), or strangers can take them all"
        )


def _collect_seldom() -> None:
    """Let the collector of cycles look at young objects a seventieth as often, and never at what the start made.

    A batch of payments is tens of thousands of objects, none of them in a cycle; looking for one took a sixth of the
    server's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _stop_signal() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop


def _database(settings: Settings) -> str:
    if settings.store.dsn is None:
        return f"{Path(settings.store.data).resolve()} (embedded PostgreSQL)"
    return mask_dsn(settings.store.dsn)
