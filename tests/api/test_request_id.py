"""Every answer names its request, by the same name as the problem and the lines that were logged for it."""

import asyncio
import json
import sys
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
import structlog
from aiohttp import ClientSession
from google.rpc.error_details_pb2 import RequestInfo
from google.rpc.status_pb2 import Status
from grpc import aio

from api.app import Doors
from api.logs import configure_logs
from api.services import Services
from pycore.client._generated.pycore.ledger.v1 import ledger_pb2
from pycore.client._generated.pycore.payments.v1 import payments_pb2
from tests.api.keys import Key
from tests.api.stub import Stub


async def test_u17_every_answer_over_http_names_its_request(session: ClientSession, merchant: Key) -> None:
    # A caller could ask about an answer only by its time: nothing named it.
    seen = set()
    for path, headers in (
        ("/healthz", {}),
        ("/openapi.json", {}),
        ("/docs", {}),
        ("/nowhere", {}),
        ("/v1/merchant", {}),
        ("/v1/merchant", merchant.headers),
        ("/v1/payments?limit=x", merchant.headers),
    ):
        async with session.get(path, headers=headers) as response:
            (id,) = response.headers.getall("request-id")
            seen.add(id)
            if response.status >= 400:
                assert (await response.json(content_type=None))["request_id"] == id, path
    assert len(seen) == 7
    assert all(id.startswith("req_") for id in seen)


async def test_u17_what_is_no_request_is_named_too(doors: Doors) -> None:
    host, port = doors.http_address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"no request\r\n\r\n")
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    assert f"request-id: {json.loads(body)['request_id']}".encode() in head


async def test_u17_every_answer_over_grpc_names_its_call(channel: aio.Channel, rpc: Stub, merchant: Key) -> None:
    call = rpc.LookupAccounts(ledger_pb2.LookupAccountsRequest(ids=[ledger_pb2.Uint128(low=1)]), metadata=operator_of())
    await call
    payments = Stub(channel, payments_pb2.DESCRIPTOR.services_by_name["PaymentService"])
    listed = payments.ListPayments(payments_pb2.ListPaymentsRequest(), metadata=merchant.metadata)
    await listed
    names = [dict(await each.trailing_metadata())["request-id"] for each in (call, listed)]
    assert len(set(names)) == 2
    with pytest.raises(aio.AioRpcError) as refused:
        await payments.ListPayments(payments_pb2.ListPaymentsRequest(page_size=101), metadata=merchant.metadata)
    trailing: dict[str, Any] = dict(refused.value.trailing_metadata())
    assert request_of(trailing["grpc-status-details-bin"]) == trailing["request-id"]
    stream = payments.StreamPayments(iter(()), metadata=merchant.metadata)
    assert [each async for each in stream] == []
    assert dict(await stream.trailing_metadata())["request-id"].startswith("req_")


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[StringIO]:
    stream = StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    configure_logs()
    yield stream
    structlog.reset_defaults()


async def test_u17_what_is_logged_for_a_request_names_it(
    session: ClientSession, services: Services, merchant: Key, monkeypatch: pytest.MonkeyPatch, log: StringIO
) -> None:
    async def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(services.merchants, "get", broken)
    async with session.get("/v1/merchant", headers=merchant.headers) as response:
        assert response.status == 500
    (line,) = [line for line in log.getvalue().splitlines() if "request failed" in line]
    assert json.loads(line)["request_id"] == response.headers["request-id"]


def operator_of() -> tuple[tuple[str, str], ...]:
    return (("authorization", "Bearer ok_live_nobody"),)


def request_of(status: bytes) -> str:
    for detail in Status.FromString(status).details:
        if detail.Is(RequestInfo.DESCRIPTOR):
            info = RequestInfo()
            detail.Unpack(info)
            return str(info.request_id)
    raise AssertionError("no RequestInfo")
