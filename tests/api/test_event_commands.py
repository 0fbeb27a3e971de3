"""``pycore listen`` and ``pycore trigger``, as a shell runs them."""

import asyncio
import json
import os
import sys

import pytest

from api.app import Doors
from api.services import Services
from pycore.client import EventClient
from pycore.errors import InvalidRequestError, InvalidStateError, NotFoundError, PermissionDeniedError
from pycore.events import WebhookSecret
from pycore.merchants import Scope
from tests.api.command import ROOT, pycore
from tests.api.keys import Key, merchant_key, tenant_key
from tests.api.test_events import services
from tests.unit.events.receiver import Receiver

__all__ = ["services"]


async def test_events_are_triggered_listened_to_and_forwarded(doors: Doors, merchant: Key) -> None:
    secret = WebhookSecret.new().reveal()
    environment = {
        "PYCORE_CLIENT_API_KEY": merchant.secret,
        "PYCORE_CLIENT_GRPC_ADDRESS": doors.grpc_address,
        "PYCORE_CLIENT_WEBHOOK_SECRET": secret,
    }
    code, output, _ = await pycore("trigger", "payment.created", "--json", **environment)
    assert code == 0
    first = json.loads(output)
    async with Receiver() as receiver:
        receiver.secret = secret
        listening = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "pycore", "listen", "--json", "--count", "2", "--after", first["id"]),
            *("--types", "payment.succeeded,refund.created", "--forward-to", receiver.url),
            cwd=ROOT,
            env={**os.environ, **environment},
            stdout=asyncio.subprocess.PIPE,
        )
        for type in ("payment.succeeded", "payment.failed", "refund.created"):
            code, output, _ = await pycore("trigger", type, **environment)
            assert (code, output.split()[2]) == (0, type)
        printed, _ = await asyncio.wait_for(listening.communicate(), 60)
        heard = [json.loads(line) for line in printed.splitlines()]
        assert [event["type"] for event in heard] == ["payment.succeeded", "refund.created"]
        assert receiver.messages == heard


async def test_what_goes_wrong_is_said(doors: Doors, services: Services) -> None:
    server = ("--server", doors.grpc_address)
    code, _, errors = await pycore("trigger", "payment.created", *server)
    assert (code, "PYCORE_CLIENT_API_KEY" in errors) == (1, True)
    live = await merchant_key(services, live=True)
    code, output, _ = await pycore("trigger", "payment.created", "--json", *server, PYCORE_CLIENT_API_KEY=live.secret)
    assert (code, json.loads(output)["error"]["reason"]) == (1, "invalid_state")


async def test_the_client_begins_again_where_it_was(services: Services, merchant: Key) -> None:
    """The server is stopped twice in the middle; nothing is missed or told twice."""
    first, second = Doors(services), Doors(services)
    await first.open("127.0.0.1:0", "127.0.0.1:0")
    async with EventClient(first.grpc_address, api_key=merchant.secret) as client:
        made = [(await client.trigger("payment.created")).id]
        stream = client.listen(from_now=True)
        waiting = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0.3)
        await first.close(5)
        await second.open(first.grpc_address, "127.0.0.1:0")
        made += [(await client.trigger("payment.created")).id for _ in range(5)]
        heard = [(await waiting).id] + [(await anext(stream)).id for _ in range(2)]
        await second.close(5)
        third = Doors(services)
        await third.open(first.grpc_address, "127.0.0.1:0")
        heard += [(await anext(stream)).id for _ in range(2)]
        assert heard == made[1:]
        await stream.aclose()
        await third.close(5)


async def test_the_client_says_what_the_server_says(doors: Doors, services: Services, merchant: Key) -> None:
    assert merchant.tenant is not None
    async with EventClient(doors.grpc_address, api_key=merchant.secret) as client:
        with pytest.raises(InvalidRequestError):
            await client.trigger("payment.stolen")
        with pytest.raises(NotFoundError):
            await anext(client.listen(after="evt_" + "1" * 32))
    few = await tenant_key(services, merchant.tenant, scopes=(Scope.PAYMENTS_READ,))
    async with EventClient(doors.grpc_address, api_key=few.secret) as client:
        with pytest.raises(PermissionDeniedError):
            await anext(client.listen())
    live = await merchant_key(services, live=True)
    async with EventClient(doors.grpc_address, api_key=live.secret) as client:
        with pytest.raises(InvalidStateError):
            await client.trigger("payment.created")
