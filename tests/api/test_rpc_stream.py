"""StreamTransfers: order, coalescing, trouble in the middle, callers that go away."""

import asyncio
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from grpc import aio

from pycore.client import LedgerClient
from pycore.client._generated.pycore.ledger.v1 import ledger_pb2
from pycore.config import LedgerSettings
from pycore.errors import InvalidRecordsError
from pycore.ids import new_id
from pycore.ledger import Account, CreateTransferStatus, Ledger, Transfer
from tests.api.door import to_the_end, uint128
from tests.api.stub import Stub


def transfer(**fields: int) -> Transfer:
    values = {"id": new_id(), "debit_account_id": 1, "credit_account_id": 2, "amount": 1, "ledger": 1, "code": 1}
    return Transfer(**{**values, **fields})


@pytest.fixture(autouse=True)
async def accounts(ledger: Ledger) -> None:
    await ledger.create_accounts([Account(id=id, ledger=1, code=1) for id in (1, 2)])


def wire_request(*transfers: Transfer) -> ledger_pb2.StreamTransfersRequest:
    return ledger_pb2.StreamTransfersRequest(
        transfers=[
            ledger_pb2.Transfer(
                id=uint128(each.id),
                debit_account_id=uint128(each.debit_account_id),
                credit_account_id=uint128(each.credit_account_id),
                amount=uint128(each.amount),
                ledger=each.ledger,
                code=each.code,
                flags=each.flags,
            )
            for each in transfers
        ]
    )


async def test_results_come_in_the_order_the_transfers_were_sent(client: LedgerClient, ledger: Ledger) -> None:
    def requests() -> Iterator[list[Transfer]]:
        for number in range(3000):
            yield [transfer(code=0 if number % 3 == 0 else 1) for _ in range(1 + number % 4)]

    expected = [
        "CODE_MUST_NOT_BE_ZERO" if number % 3 == 0 else "CREATED"
        for number in range(3000)
        for _ in range(1 + number % 4)
    ]
    results = [result async for result in client.stream_transfers(requests())]
    assert [result.status.name for result in results] == expected
    timestamps = [result.timestamp for result in results]
    assert timestamps == sorted(timestamps)
    assert (await ledger.lookup_accounts([1]))[0].debits_posted == expected.count("CREATED")


async def test_many_requests_share_few_responses(rpc: Stub) -> None:
    call = rpc.StreamTransfers()
    for _ in range(500):
        await call.write(wire_request(transfer()))
    await call.done_writing()
    responses, code = await to_the_end(call)
    assert code is grpc.StatusCode.OK
    assert sum(len(response.results) for response in responses) == 500
    assert len(responses) < 250


async def test_an_empty_stream_ends_well(rpc: Stub) -> None:
    call = rpc.StreamTransfers()
    await call.done_writing()
    assert await to_the_end(call) == ([], grpc.StatusCode.OK)


@pytest.mark.parametrize("bad", [b"", b"\x0a\x05abc"], ids=["empty", "broken"])
async def test_a_bad_request_ends_the_stream_after_all_earlier_results(
    channel: aio.Channel, operator_metadata: Any, bad: bytes
) -> None:
    path = "/pycore.ledger.v1.LedgerService/StreamTransfers"
    method: aio.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(path)
    call = method(metadata=operator_metadata)
    for _ in range(10):
        await call.write(wire_request(transfer()).SerializeToString())
    await call.write(bad)
    responses, code = await to_the_end(call)
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert sum(len(ledger_pb2.StreamTransfersResponse.FromString(each).results) for each in responses) == 10


async def test_a_caller_that_goes_away_loses_nothing_that_was_recorded(rpc: Stub, ledger: Ledger) -> None:
    sent = [transfer() for _ in range(2000)]
    call = rpc.StreamTransfers()
    for each in sent:
        await call.write(wire_request(each))
    first = await call.read()
    call.cancel()
    await asyncio.sleep(0.5)
    found = await ledger.lookup_transfers([each.id for each in sent])
    assert len(found) >= len(first.results)
    # What is there is a beginning of what was sent, and the books agree with it.
    assert [each.id for each in found] == [each.id for each in sent[: len(found)]]
    assert (await ledger.lookup_accounts([1]))[0].debits_posted == len(found)
    assert (await ledger.create_transfers(sent[:1]))[0].status is CreateTransferStatus.EXISTS


class TestFullQueue:
    @pytest.fixture
    def ledger_settings(self) -> LedgerSettings:
        return LedgerSettings(queue_events_max=64, batch_events_max=64)

    async def test_a_full_queue_slows_streams_down_instead_of_refusing(
        self, client: LedgerClient, ledger: Ledger
    ) -> None:
        async def one() -> int:
            requests = ([transfer() for _ in range(10)] for _ in range(100))
            return len([result async for result in client.stream_transfers(requests)])

        assert await asyncio.gather(*[one() for _ in range(8)]) == [1000] * 8
        assert (await ledger.lookup_accounts([1]))[0].debits_posted == 8000


async def test_a_stream_gets_its_own_callers_errors(client: LedgerClient) -> None:
    def requests() -> Iterator[list[Transfer]]:
        yield [transfer()]
        raise KeyError("the caller's own")

    with pytest.raises(KeyError):
        async for _ in client.stream_transfers(requests()):
            pass
    with pytest.raises(InvalidRecordsError):
        async for _ in client.stream_transfers([[]]):
            pass
