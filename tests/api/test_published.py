"""What is published beside the service: protos, the OpenAPI document, health, reflection, channelz, metrics, pages."""

import asyncio
import json
from typing import Any

import grpc
import pytest
from aiohttp import ClientSession
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from prometheus_client.parser import text_string_to_metric_families

from api.proto import generate
from api.rest.app import ENDPOINTS
from api.rpc import messages
from pycore.client import wire
from pycore.client._generated.pycore.ledger.v1 import ledger_pb2
from pycore.errors import LedgerUnavailableError
from pycore.ids import new_id
from pycore.ledger import Account, AccountFilter, Ledger, Transfer
from tests.api.door import uint128

SERVICE = "pycore.ledger.v1.LedgerService"


def test_generated_code_is_current() -> None:
    assert generate.STAMP.read_text() == generate.stamp(), "run `make proto`"


FILTERS = [
    AccountFilter(account_id=1),
    AccountFilter(
        account_id=2**128 - 1, timestamp_min=2**62, timestamp_max=2**63 - 1, limit=300, debits=False, reversed=True,
        code=65535, user_data_128=2**127, user_data_64=2**64 - 1, user_data_32=2**32 - 1,
    ),
    AccountFilter(account_id=2**64, credits=False),
]  # fmt: skip


@pytest.mark.parametrize("filter", FILTERS)
def test_the_server_reads_the_filter_the_client_wrote(filter: AccountFilter) -> None:
    written = wire.write_filter(filter)
    assert messages.read_transfers_filter(written) == filter
    assert messages.read_balances_filter(written) == filter


def test_the_clients_ids_are_the_published_ones() -> None:
    ids = [0, 1, 2**64 - 1, 2**64, 2**128 - 1]
    for kind in (ledger_pb2.LookupAccountsRequest, ledger_pb2.LookupTransfersRequest):
        assert list(kind.FromString(wire.write_ids(ids)).ids) == [uint128(id) for id in ids]


def test_the_client_refuses_half_a_message() -> None:
    total = ledger_pb2.LedgerTotals(ledger=1, accounts=2, debits_posted="3")
    whole = ledger_pb2.GetTrialBalanceResponse(ledgers=[total]).SerializeToString()
    assert wire.read_totals(whole)[0].debits_posted == 3
    for end in range(1, len(whole)):
        with pytest.raises(ValueError, match="not a GetTrialBalanceResponse"):
            wire.read_totals(whole[:end])


async def test_health_follows_the_ledger(ledger: Ledger, channel: aio.Channel, session: ClientSession) -> None:
    health = health_pb2_grpc.HealthStub(channel)
    request = health_pb2.HealthCheckRequest(service=SERVICE)

    async def seen(status: Any) -> bool:
        for _ in range(50):
            if (await health.Check(request)).status == status:
                return True
            await asyncio.sleep(0.02)
        return False

    assert await seen(health_pb2.HealthCheckResponse.SERVING)
    async with session.get("/readyz") as response:
        assert response.status == 200
    ledger._writer._refusal = LedgerUnavailableError(retry_after_ms=100)
    assert await seen(health_pb2.HealthCheckResponse.NOT_SERVING)
    async with session.get("/readyz") as response:
        assert response.status == 503
        assert response.headers["retry-after"] == "1"
    async with session.get("/healthz") as response:
        assert response.status == 200
    ledger._writer._refusal = None
    assert await seen(health_pb2.HealthCheckResponse.SERVING)
    with pytest.raises(aio.AioRpcError) as caught:
        await health.Check(health_pb2.HealthCheckRequest(service="nobody"))
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


async def test_reflection_tells_the_service_and_its_file(channel: aio.Channel) -> None:
    reflection = reflection_pb2_grpc.ServerReflectionStub(channel)
    requests = [
        reflection_pb2.ServerReflectionRequest(list_services=""),
        reflection_pb2.ServerReflectionRequest(file_containing_symbol=SERVICE),
    ]
    answers = [answer async for answer in reflection.ServerReflectionInfo(iter(requests))]
    services = {service.name for service in answers[0].list_services_response.service}
    assert {SERVICE, "grpc.health.v1.Health", "grpc.channelz.v1.Channelz"} <= services
    assert ledger_pb2.DESCRIPTOR.serialized_pb in answers[1].file_descriptor_response.file_descriptor_proto


async def test_metrics(ledger: Ledger, operator_session: ClientSession) -> None:
    await ledger.create_accounts([Account(id=id, ledger=1, code=1) for id in (1, 2)])
    transfers = [
        Transfer(id=new_id(), debit_account_id=1, credit_account_id=2, amount=1, ledger=1, code=1) for _ in range(9)
    ]
    await ledger.create_transfers(transfers)
    async with operator_session.get("/v1/ledger/accounts/404") as response:
        assert response.status == 404
    async with operator_session.get("/metrics") as response:
        assert response.content_type == "text/plain"
        families = {family.name: family for family in text_string_to_metric_families(await response.text())}
    values = {name: family.samples[0].value for name, family in families.items() if family.samples}
    assert values["pycore_ledger_transfers_created"] == 9
    assert values["pycore_ledger_events"] == 11
    assert values["pycore_ledger_batches"] == 2
    assert values["pycore_ledger_queue_events"] == 0
    assert values["pycore_ledger_balanced"] == 1
    assert values["pycore_ledger_writable"] == 1
    for name in ("batch_events", "flush_seconds"):
        samples = {sample.name: sample.value for sample in families[f"pycore_ledger_{name}"].samples}
        assert samples[f"pycore_ledger_{name}_count"] == 2
    failures = {sample.labels["reason"]: sample.value for sample in families["pycore_request_failures"].samples}
    assert failures["not_found"] >= 1


async def test_the_openapi_document_tells_every_endpoint(session: ClientSession) -> None:
    async with session.get("/openapi.json") as response:
        assert response.content_type == "application/json"
        document = json.loads(await response.text())
    assert document["openapi"].startswith("3.1")
    told = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert {(each.method, each.path) for each in ENDPOINTS} | {("GET", "/metrics")} == told
    operations = [each for methods in document["paths"].values() for each in methods.values()]
    assert len({each["operationId"] for each in operations}) == len(operations)
    assert all(each["summary"] and "200" in each["responses"] for each in operations)
    schemas = document["components"]["schemas"]
    for name in _references(document):
        assert name in schemas
    statuses = schemas["CreateTransferResult"]["properties"]["status"]["enum"]
    assert {"created", "exceeds_credits", "id_already_failed"} <= set(statuses)


def _references(node: Any) -> set[str]:
    if isinstance(node, dict):
        own = {node["$ref"].rpartition("/")[2]} if "$ref" in node else set()
        return own.union(*(_references(each) for each in node.values()))
    if isinstance(node, list):
        return set().union(*(_references(each) for each in node))
    return set()


async def test_the_page_needs_nobody_else(session: ClientSession) -> None:
    for path in ("/docs", "/docs/docs.js", "/docs/docs.css"):
        async with session.get(path) as response:
            assert response.status == 200
            assert "default-src 'none'" in response.headers["content-security-policy"]
            assert "//" not in (await response.text()).replace("// ", "").replace("http://www.w3.org", "")
