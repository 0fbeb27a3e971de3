"""B5: whole payments from balances through gRPC: rows, events, idempotency keys, limits, all of it on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec

from api.services import open_services
from bench import books
from bench.ceiling import Servers, ceiling, data_folder
from bench.load import DoorKind, Spec
from bench.result import Result
from bench.shop import FUNDS, Shop
from bench.suite import Case, Suite
from pycore.config import Settings, StoreSettings
from pycore.ledger import Ledger

_CUSTOMERS = 10_000
_FIRST = 5 * _CUSTOMERS // 100
# As long as the answer to one payment.
_ANSWER_SIZE = 290

# Half of what one PaymentClient keeps on its way.
_IN_FLIGHT = 2048

_OPEN = "payment_open_5000"
_OPEN_RATE = 5000.0
_OPEN_SECONDS = 60.0
_CEILINGS: dict[str, tuple[DoorKind, int, int, int]] = {
    # door, callers, batch, and how many a second the prepared requests suffice for
    "payment_unary": ("unary", 64, 1, 12_000),
    "payment_stream": ("stream", 64, 1, 30_000),
    "payment_batch_100": ("unary", 64, 100, 80_000),
}


async def payments(suite: Suite) -> AsyncIterator[Result]:
    """The ceilings in turn with the empty server, then the open loop."""
    async with suite.new_database() as dsn:
        settings = Settings(store=StoreSettings(dsn=dsn, data=str(data_folder(suite))))
        async with Ledger.open(store=settings.store, key=books.KEY) as ledger:
            shop = await Shop.open(await open_services(ledger, settings), customers=_CUSTOMERS)
        till = suite.folder / "till.json"
        shop.till.keep(till)
        servers = await asyncio.to_thread(Servers, dsn, suite, answer_size=_ANSWER_SIZE)
        servers.transfers, servers.amount = _CUSTOMERS, _CUSTOMERS * FUNDS
        try:
            # At a customer's first payment a server reads what was used before it started; here all have paid once.
            await servers.load(
                Spec(address="", door="unary", callers=16, batch=100, requests_max=_FIRST, till=str(till)), "ledger"
            )
            for name, (door, callers, batch, rate_max) in _CEILINGS.items():
                if suite.wants(name):
                    spec = Spec(
                        address="", door=door, callers=callers, batch=batch, in_flight=_IN_FLIGHT, till=str(till)
                    )
                    yield await ceiling(suite, servers, name, spec, rate_max=rate_max, unit="payments/s")
                    await servers.check()
            if suite.wants(_OPEN):
                yield await _open_loop(suite, servers, till)
                await servers.check()
        finally:
            servers.stop()
        async with Ledger.open(store=settings.store, key=books.KEY) as ledger:
            books.check(ledger, created=servers.transfers, posted=servers.amount)
            await shop.check(ledger, servers.transfers - _CUSTOMERS, servers.amount - _CUSTOMERS * FUNDS)
            state = ledger.state_hash()
        await books.check_rebuild(dsn, state)


async def _open_loop(suite: Suite, servers: Servers, till: Path) -> Result:
    seconds = suite.seconds(_OPEN_SECONDS)
    spec = Spec(
        address="",
        door="stream",
        callers=16,
        seconds=seconds,
        rate=_OPEN_RATE,
        requests_max=round(_OPEN_RATE * seconds),
        till=str(till),
    )
    # What a server just started has to do first (connections, caches) is not what is asked about.
    await servers.load(msgspec.structs.replace(spec, seconds=1.0, requests_max=round(_OPEN_RATE)), "ledger")
    meter = suite.cpu(**servers.pids())
    outcome = await servers.load(spec, "ledger")
    return Result(
        name=_OPEN,
        value=outcome.latency_ms["p99"],
        unit="ms, p99",
        parameters={
            "loop": "open, poisson",
            "rate": round(_OPEN_RATE),
            "offered": outcome.offered,
            # No payer refuses here and no request is invalid, so whatever did not succeed is the system's fault.
            "success": outcome.done / outcome.offered,
            "refused": outcome.refused,
            "failed": outcome.failed,
            "latency_ms": outcome.latency_ms,
        },
        cpu=meter.read() | {"client": outcome.cpu_seconds},
    )


CASES = (Case(payments, (*_CEILINGS, _OPEN)),)
