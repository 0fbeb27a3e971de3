"""A server whose payers find its payments by link, at a sandbox whose clock nobody turns."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aiohttp import ClientSession

from api.app import Doors
from api.services import Services, open_services
from pycore.config import ChannelSettings, Settings, StoreSettings
from pycore.ledger import Ledger
from tests.api.keys import Key
from tests.api.sandbox.cashier.till import LinkTill
from tests.api.sandbox.simulated import Sandbox


@pytest.fixture(scope="session")
def cashier_sandbox(shared_sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    data = tmp_path_factory.mktemp("cashier")
    for channel in ("wechat", "alipay", "unionpay"):
        shutil.copytree(shared_sandbox.folder / channel, data / "sandbox" / channel)
    sandbox = Sandbox(data)
    yield sandbox
    assert sandbox.end() == 0


@pytest.fixture
def sandbox(cashier_sandbox: Sandbox) -> Iterator[Sandbox]:
    yield cashier_sandbox
    cashier_sandbox.control("DELETE", "/faults")


@pytest.fixture
async def services(ledger: Ledger, tmp_path: Path, sandbox: Sandbox) -> AsyncIterator[Services]:
    settings = Settings(
        store=StoreSettings(data=str(tmp_path)), channels=ChannelSettings(sandbox_folder=str(sandbox.folder))
    )
    services = await open_services(ledger, settings)
    async with services.outbox, services.channels:
        yield services


@pytest.fixture
async def doors(services: Services) -> AsyncIterator[Doors]:
    doors = Doors(services)
    await doors.open("127.0.0.1:0", "127.0.0.1:0")
    services.channels.accounts.public_url = doors.http_url
    yield doors
    await doors.close(5)


@pytest.fixture
def till(services: Services, session: ClientSession, merchant: Key) -> LinkTill:
    return LinkTill(services, session, merchant)
