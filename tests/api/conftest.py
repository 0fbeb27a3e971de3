"""A ledger on a real PostgreSQL with both doors open, and real clients of each."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession
from grpc import aio

from api.app import Doors
from api.services import Services
from pycore.client import LedgerClient
from pycore.client._generated.pycore.ledger.v1 import ledger_pb2
from pycore.config import LedgerSettings
from pycore.ledger import Ledger
from tests.api.door import Door, HttpDoor, RpcDoor
from tests.api.keys import Key, merchant_key, tenant_key
from tests.api.services import services_of
from tests.api.shop import PLENTY
from tests.api.stub import Stub


@pytest.fixture
def ledger_settings() -> LedgerSettings:
    return LedgerSettings()


@pytest.fixture
async def ledger(database_dsn: str, tmp_path: Path, ledger_settings: LedgerSettings) -> AsyncIterator[Ledger]:
    async with Ledger.open(dsn=database_dsn, data=tmp_path, settings=ledger_settings) as ledger:
        yield ledger


@pytest.fixture
async def services(ledger: Ledger, tmp_path: Path) -> Services:
    return await services_of(ledger, tmp_path)


@pytest.fixture
async def doors(services: Services) -> AsyncIterator[Doors]:
    doors = Doors(services)
    await doors.open("127.0.0.1:0", "127.0.0.1:0")
    yield doors
    await doors.close(5)


@pytest.fixture
async def merchant(services: Services) -> Key:
    """A merchant's key in test mode, with every scope."""
    return await merchant_key(services)


@pytest.fixture
async def other_merchant(services: Services) -> Key:
    return await merchant_key(services)


@pytest.fixture
async def operator(services: Services) -> Key:
    return await tenant_key(services, None)


@pytest.fixture
async def operator_secret(services: Services) -> str:
    """The key the raw ledger is used with here."""
    return (await tenant_key(services, None, allowance=PLENTY)).secret


@pytest.fixture
def operator_metadata(operator_secret: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {operator_secret}"),)


@pytest.fixture
async def channel(doors: Doors) -> AsyncIterator[aio.Channel]:
    async with aio.insecure_channel(doors.grpc_address) as channel:
        yield channel


@pytest.fixture
def rpc(channel: aio.Channel, operator_secret: str) -> Stub:
    return Stub(channel, ledger_pb2.DESCRIPTOR.services_by_name["LedgerService"], operator_secret)


@pytest.fixture
async def session(doors: Doors) -> AsyncIterator[ClientSession]:
    async with ClientSession(f"http://{doors.http_address}") as session:
        yield session


@pytest.fixture
async def operator_session(doors: Doors, operator_secret: str) -> AsyncIterator[ClientSession]:
    """An operator's calls over HTTP."""
    headers = {"authorization": f"Bearer {operator_secret}"}
    async with ClientSession(f"http://{doors.http_address}", headers=headers) as session:
        yield session


@pytest.fixture
async def client(doors: Doors, operator_secret: str) -> AsyncIterator[LedgerClient]:
    async with LedgerClient(doors.grpc_address, timeout_seconds=5, api_key=operator_secret) as client:
        yield client


@pytest.fixture(params=["gRPC", "HTTP"])
def door(request: pytest.FixtureRequest, rpc: Stub, operator_session: ClientSession) -> Door:
    return RpcDoor(rpc) if request.param == "gRPC" else HttpDoor(operator_session)
