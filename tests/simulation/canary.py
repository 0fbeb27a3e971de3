"""Canaries: secrets sent through every door are afterwards in clear nowhere.

The story: a merchant's system sends card numbers where they do not belong, a person's name in a misspelt field, a key
in an address. A server's log is copied to a colleague, a dump of the database to a test machine, an answer into a
ticket. Values that can be recognised are put into every place of a request, right and wrong ones; then they are looked
for in all answers, webhooks, logs, tables, files and metrics, as they are and encoded. None may be there, but for the
keys and signing secrets in the one answer that hands them to their owner.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from pathlib import Path
from random import Random

import asyncpg

from bench.server import ServerProcess
from pycore.merchants import Allowance, ApiKeys, KeyTerms, Merchants, OperatorScope, Scope
from pycore.store.layout import running_dsn
from pycore.tenant import Tenant
from tests.api.sandbox.simulated import Sandbox
from tests.simulation.canaries import KEY, WEBHOOK_SECRET, Canaries
from tests.simulation.canary_doors import Doors, Shop
from tests.simulation.canary_places import files, tables
from tests.simulation.report import Arguments, Outcome, main
from tests.unit.events.receiver import Receiver

_PLENTY = Allowance(requests_per_second=100_000, requests_burst=100_000)


class CanaryError(AssertionError):
    """A secret was found in clear, or taken where it had to be refused."""


class _Search:
    """Looks for canaries and keeps what it finds."""

    def __init__(self, canaries: Canaries) -> None:
        self._canaries = canaries
        self.size = 0
        self.leaks: list[str] = []

    def look(self, place: str, data: bytes) -> None:
        self.size += len(data)
        self.leaks += [f"{kind} in {place}: {around!r}" for kind, around in self._canaries.found(data)]

    async def look_everywhere(self, folder: Path) -> None:
        """Look at every table and every file, the server's log among them."""
        data = folder / "data"
        async for place, content in tables(data):
            self.look(place, content)
        self.look("the server's log", (folder / "server.log").read_bytes())
        # The simulators' own folder is another company's.
        for place, content in files(data, but=data / "sandbox"):
            self.look(place, content)


async def _keys(data: Path, canaries: Canaries) -> tuple[str, str]:
    """Return a merchant's key of test mode and an operator's, with every scope."""
    dsn = running_dsn(data)
    assert dsn is not None
    async with asyncpg.create_pool(dsn, min_size=1, max_size=1) as pool:
        merchant = await Merchants(pool).create("Blue Teapot", _PLENTY)
        secrets = []
        for tenant, scopes in ((Tenant(merchant.id, live=False), tuple(Scope)), (None, tuple(OperatorScope))):
            terms = KeyTerms(name="canary", scopes=scopes, allowance=_PLENTY)
            secrets.append((await ApiKeys(pool).create(tenant, terms))[1])
            canaries.known(KEY, secrets[-1])
    return secrets[0], secrets[1]


async def _shop(doors: Doors, secrets: tuple[str, str]) -> Shop:
    """Return a shop with a customer who has money and has paid."""
    key = {"authorization": f"Bearer {secrets[0]}"}

    async def make(path: str, body: object) -> str:
        status, answer = await doors.http("POST", path, body, {**key, "idempotency-key": path[-200:]})
        assert status == 200, answer
        return str(json.loads(answer).get("id", ""))

    customer = await make("/v1/customers", {"merchant_reference": "c1"})
    await make(f"/v1/test_helpers/customers/{customer}/fund", {"amount": 1_000_000})
    paid = {"merchant_reference": "p1", "amount": 100, "subject": "tea", "method": "balance", "confirm": True}
    payment = await make("/v1/payments", {**paid, "customer_id": customer})
    return Shop(*secrets, customer, payment)


async def _told_once(doors: Doors, canaries: Canaries, shop: Shop, receiver: Receiver) -> None:
    """Make what is shown once: keys and signing secrets. From then on they are looked for too."""
    key = {"authorization": f"Bearer {shop.key}"}
    for path, body in (
        ("/v1/webhook_endpoints", {"url": receiver.url}),
        ("/v1/api_keys", {"name": "x", "scopes": ["payments:read"]}),
    ):
        status, answer = await doors.http("POST", path, body, key)
        assert status == 200, answer
        told = json.loads(answer)
        canaries.known(WEBHOOK_SECRET if "endpoint" in told else KEY, told["secret"])
        if "endpoint" in told:
            receiver.secret = told["secret"]
    await doors.http("GET", "/v1/webhook_endpoints", None, key)
    await doors.http("GET", "/v1/api_keys", None, key)


async def _told_by_channel(doors: Doors, sandbox: Sandbox, shop: Shop, canaries: Canaries) -> None:
    """Let a channel tell us of a payment, so that notifications and webhooks carry all they ever do."""
    key = {"authorization": f"Bearer {shop.key}"}
    body = {"merchant_reference": "n1", "amount": 7, "subject": "tea", "method": "qr_code", "channel": "wechat"}
    _, answer = await doors.http("POST", "/v1/payments", {**body, "confirm": True}, {**key, "idempotency-key": "n1"})
    payment = json.loads(answer)["id"]
    await asyncio.to_thread(sandbox.control, "POST", "/orders/latest/pay", {})
    deadline = time.monotonic() + 60
    while json.loads((await doors.http("GET", f"/v1/payments/{payment}", None, key))[1])["status"] != "succeeded":
        assert time.monotonic() < deadline, "the payment was not heard of"
        await asyncio.sleep(0.05)
    for path in (f"/v1/payments/{payment}/timeline", "/v1/events?limit=100", "/v1/payments?limit=100"):
        await doors.http("GET", path, None, key)
    await doors.http("GET", "/metrics", None, {"authorization": f"Bearer {shop.operator_key}"})


async def _planted_is_found(folder: Path, random: Random) -> None:
    """Plant another kind of canary in each place. Raises CanaryError where the search does not find it."""
    canaries = Canaries(random)
    data, card = folder / "data", canaries.card()
    dsn = running_dsn(data)
    assert dsn is not None
    connection = await asyncpg.connect(dsn)
    await connection.execute("UPDATE merchants SET name = $1", card)
    await connection.close()
    with (folder / "server.log").open("a") as log:
        log.write(canaries.phone())
    (data / "planted").write_text(canaries.id_number())
    search = _Search(canaries)
    await search.look_everywhere(folder)
    places = " ".join(search.leaks)
    for place in ("table merchants", "server's log", "file planted", "pg_wal"):
        if place not in places:
            raise CanaryError(f"the search does not see {place}: it proves nothing")


async def simulate(arguments: Arguments) -> Outcome:
    """Send ``count`` values, then look for them. Raises CanaryError naming what was found, and where."""
    random = Random(arguments.seed)
    canaries = Canaries(random)
    search = _Search(canaries)
    with tempfile.TemporaryDirectory(prefix="canary-") as name:
        folder = Path(name)
        sandbox = await asyncio.to_thread(Sandbox, folder / "data")
        server = await asyncio.to_thread(_server, folder)
        try:
            doors = Doors(server.http_address, server.grpc_address, canaries, random)
            async with Receiver() as receiver:
                shop = await _shop(doors, await _keys(folder / "data", canaries))
                await _told_once(doors, canaries, shop, receiver)
                while len(canaries.values) < arguments.count:
                    await doors.round(shop)
                await _told_by_channel(doors, sandbox, shop, canaries)
                search.look("webhooks", json.dumps([receiver.messages, receiver.headers]).encode())
            await doors.close()
            await search.look_everywhere(folder)
            await _planted_is_found(folder, random)
        finally:
            search.look("the server's standard output", (await asyncio.to_thread(server.stop)).encode())
            await asyncio.to_thread(sandbox.end)
        search.look("the server's log at its end", (folder / "server.log").read_bytes())
    leaks = [*doors.leaks, *search.leaks]
    if leaks:
        raise CanaryError(f"{len(leaks)} secrets were in clear: " + "; ".join(leaks[:20]))
    return {
        "values": len(canaries.values),
        "requests": doors.answers.total(),
        "bytes_searched": search.size,
        "found_in_clear": len(leaks),
    }


def _server(folder: Path) -> ServerProcess:
    environment = {"PYCORE_WEBHOOKS_ALLOW_LOOPBACK": "true"}
    return ServerProcess(data=folder / "data", environment=environment, log=folder / "server.log")


def run(arguments: Arguments) -> Outcome:
    """Run on an event loop of its own."""
    return asyncio.run(simulate(arguments))


if __name__ == "__main__":
    main("canary", run, count=10_000, option="values")
