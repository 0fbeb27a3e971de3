"""B5: payments through the simulated channels, from the request to the callback that books them: CPU per payment.

The simulators are a process of their own, so what is counted of the server is its side alone: signing, verifying, rows,
events. There is no bar: it is the price of a channel beside that of a payment from a balance.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import count

import aiohttp
import asyncpg

from api.services import open_services
from bench import books
from bench.ceiling import data_folder
from bench.process import Child
from bench.result import Result
from bench.server import ServerProcess
from bench.shop import Shop
from bench.suite import Case, Suite
from pycore.client import PaymentClient
from pycore.config import Settings, StoreSettings
from pycore.ledger import Ledger
from pycore.payments import CreatePayment, PaymentMethod

_CHANNELS = ("wechat", "alipay", "unionpay")
_PAYMENTS = 600
_CALLERS = 16
_WAIT_SECONDS = 60
_SUCCEEDED = "SELECT count(*) FROM payments WHERE status = 'succeeded'"
_NUMBERS = count(1)


async def channel_payments(suite: Suite) -> AsyncIterator[Result]:
    """One channel after the other; every payer pays at once."""
    async with suite.new_database() as dsn:
        settings = Settings(store=StoreSettings(dsn=dsn, data=str(data_folder(suite))))
        async with Ledger.open(store=settings.store, key=books.KEY) as ledger:
            shop = await Shop.open(await open_services(ledger, settings), customers=1)
        sandbox = Child(["api.sandbox", "--data", str(data_folder(suite)), "--http", "127.0.0.1:0"])
        environment = {"PYCORE_LEDGER_JOURNAL_KEY": books.KEY.secret.hex()}
        try:
            url = await asyncio.to_thread(_ready, sandbox)
            server = await asyncio.to_thread(ServerProcess, dsn=dsn, data=data_folder(suite), environment=environment)
            try:
                await _let_payers_pay(url)
                async with PaymentClient(server.grpc_address, api_key=shop.till.api_key) as client:
                    for channel in _CHANNELS:
                        if suite.wants(name := f"payment_channel_{channel}"):
                            yield await _measured(suite, server, sandbox, client, dsn, name, channel)
            finally:
                server.stop()
        finally:
            sandbox.kill()
        async with Ledger.open(store=settings.store, key=books.KEY) as ledger:
            ledger.check_invariants()
            state = ledger.state_hash()
        await books.check_rebuild(dsn, state)


def _ready(sandbox: Child) -> str:
    words: list[str] = []
    while words[:1] != ["ready"]:
        words = sandbox.line().split()
    return words[1]


async def _let_payers_pay(url: str) -> None:
    rule = {"kind": "payer_pays", "median_ms": 1}
    async with aiohttp.ClientSession() as session, session.post(f"{url}/control/faults", json=rule) as response:
        response.raise_for_status()


async def _measured(
    suite: Suite, server: ServerProcess, sandbox: Child, client: PaymentClient, dsn: str, name: str, channel: str
) -> Result:
    await _pay(client, dsn, channel, _CALLERS)  # connections and keys
    payments = 32 if suite.quick else _PAYMENTS
    meter = suite.cpu(server=server.pid, sandbox=sandbox.pid)
    await _pay(client, dsn, channel, payments)
    cpu = meter.read()
    return Result(
        name=name,
        value=cpu["server"] / payments * 1000,
        unit="ms of CPU",
        parameters={"payments": payments, "callers": _CALLERS, "method": "qr_code", "loop": "closed"},
        cpu=cpu,
    )


async def _pay(client: PaymentClient, dsn: str, channel: str, payments: int) -> None:
    """Make payments and wait until their callbacks have booked them. Raises BooksError when that does not happen."""
    connection = await asyncpg.connect(dsn)
    room = asyncio.Semaphore(_CALLERS)
    try:
        expected = payments + await connection.fetchval(_SUCCEEDED)

        async def one() -> None:
            async with room:
                await client.create(
                    CreatePayment(
                        merchant_reference=f"{channel}-{next(_NUMBERS)}",
                        amount=100,
                        subject="拿铁 latte",
                        method=PaymentMethod.QR_CODE,
                        channel=channel,
                        confirm=True,
                    )
                )

        await asyncio.gather(*[one() for _ in range(payments)])
        for _ in range(_WAIT_SECONDS * 20):
            if await connection.fetchval(_SUCCEEDED) == expected:
                return
            await asyncio.sleep(0.05)
        raise books.BooksError(f"{channel}: {await connection.fetchval(_SUCCEEDED)} payments of {expected} succeeded")
    finally:
        await connection.close()


CASES = (Case(channel_payments, tuple(f"payment_channel_{channel}" for channel in _CHANNELS)),)
