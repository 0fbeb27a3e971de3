"""The gRPC service: every method, and every way to call it wrongly."""

import asyncio
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from grpc import aio

from pycore.client import LedgerClient
from pycore.client._generated.pycore.ledger.v1 import ledger_pb2
from pycore.ids import new_id
from pycore.ledger import Account, AccountFilter, CreateTransferStatus, Transfer
from tests.api.door import uint128
from tests.api.stub import Stub

SERVICE = "/pycore.ledger.v1.LedgerService"
HISTORY = 8


def transfer(**fields: int) -> Transfer:
    return Transfer(id=new_id(), debit_account_id=1, credit_account_id=2, amount=5, ledger=1, code=1, **fields)


async def open_accounts(client: LedgerClient) -> None:
    await client.create_accounts([Account(id=id, ledger=1, code=1, flags=HISTORY) for id in (1, 2)])


def method_of(channel: aio.Channel, path: str) -> "aio.UnaryUnaryMultiCallable[bytes, bytes]":
    return channel.unary_unary(path)


def reason(error: aio.AioRpcError) -> str:
    details = dict(error.trailing_metadata())["grpc-status-details-bin"]
    info = ErrorInfo()
    assert Status.FromString(details).details[0].Unpack(info)
    assert info.domain == "ledger.pycore"
    return str(info.reason)


async def refused(call: Any) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(aio.AioRpcError) as caught:
        await call
    return caught.value.code(), reason(caught.value)


async def test_what_was_written_can_be_read(client: LedgerClient) -> None:
    await open_accounts(client)
    sent = [transfer(), transfer(), transfer()]
    results = await client.create_transfers(sent)
    assert [result.status for result in results] == [CreateTransferStatus.CREATED] * 3

    ids = [sent[2].id, 404, sent[0].id]
    assert [found.id for found in await client.lookup_transfers(ids)] == [sent[2].id, sent[0].id]
    accounts = await client.lookup_accounts([2, 404, 1])
    assert [(account.id, account.credits_posted, account.debits_posted) for account in accounts] == [
        (2, 15, 0),
        (1, 0, 15),
    ]
    history = await client.account_transfers(AccountFilter(account_id=1, limit=2))
    assert [found.id for found in history] == [sent[0].id, sent[1].id]
    rest = await client.account_transfers(AccountFilter(account_id=1, limit=2, timestamp_min=history[-1].timestamp + 1))
    assert [found.id for found in rest] == [sent[2].id]
    balances = await client.account_balances(AccountFilter(account_id=1, limit=9, reversed=True))
    assert [balance.debits_posted for balance in balances] == [15, 10, 5]
    assert [balance.timestamp for balance in balances] == [result.timestamp for result in reversed(results)]
    totals = await client.trial_balance()
    assert [(total.ledger, total.accounts, total.debits_posted, total.balanced) for total in totals] == [
        (1, 2, 15, True)
    ]


@pytest.mark.parametrize(
    ("fields", "count"),
    [
        ({"debits": False}, 0),
        ({"credits": False}, 3),
        ({"code": 1}, 3),
        ({"code": 2}, 0),
        ({"user_data_128": 2**127}, 1),
        ({"user_data_64": 2**63}, 1),
        ({"user_data_32": 2**31}, 1),
        ({"timestamp_min": 2**63 - 1}, 0),
        ({"timestamp_max": 1}, 0),
        ({"limit": 8190}, 3),
    ],
)
async def test_history_is_filtered(client: LedgerClient, fields: dict[str, Any], count: int) -> None:
    await open_accounts(client)
    await client.create_transfers(
        [transfer(user_data_128=2**127), transfer(user_data_64=2**63), transfer(user_data_32=2**31)]
    )
    assert len(await client.account_transfers(AccountFilter(account_id=1, **fields))) == count


@pytest.mark.parametrize(
    "fields",
    [
        {"limit": 0},
        {"limit": 8191},
        {"limit": 2**31},
        {"limit": 1, "timestamp_min": 2, "timestamp_max": 1},
        {"limit": 1, "exclude_debits": True, "exclude_credits": True},
        {"limit": 1, "code": 2**16},
    ],
)
async def test_a_query_without_sense_is_refused(rpc: Stub, fields: dict[str, Any]) -> None:
    filter = ledger_pb2.AccountFilter(account_id=uint128(1), **fields)
    for call in (
        rpc.GetAccountTransfers(ledger_pb2.GetAccountTransfersRequest(filter=filter)),
        rpc.GetAccountBalances(ledger_pb2.GetAccountBalancesRequest(filter=filter)),
    ):
        assert await refused(call) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_RECORDS")


METHODS = (
    "CreateAccounts",
    "CreateTransfers",
    "LookupAccounts",
    "LookupTransfers",
    "GetAccountTransfers",
    "GetAccountBalances",
)
BROKEN = [
    b"\x0a",
    b"\x0a\x05abc",
    b"\xff" * 40,
    b"\x0a\x02\x0a\x7f",
    b"\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
]


async def test_what_is_no_message_is_refused(channel: aio.Channel, operator_metadata: Any) -> None:
    for method in METHODS:
        for request_bytes in BROKEN:
            call = method_of(channel, f"{SERVICE}/{method}")(request_bytes, metadata=operator_metadata, timeout=5)
            assert await refused(call) == (grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_REQUEST"), method


async def test_an_empty_request_is_refused(channel: aio.Channel, operator_metadata: Any) -> None:
    for method in METHODS:
        call = method_of(channel, f"{SERVICE}/{method}")(b"", metadata=operator_metadata, timeout=5)
        assert await refused(call) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_RECORDS"), method


async def test_one_too_many_is_refused(rpc: Stub) -> None:
    too_many = 8191
    for call in (
        rpc.CreateAccounts(ledger_pb2.CreateAccountsRequest(accounts=[ledger_pb2.Account()] * too_many)),
        rpc.CreateTransfers(ledger_pb2.CreateTransfersRequest(transfers=[ledger_pb2.Transfer()] * too_many)),
        rpc.LookupAccounts(ledger_pb2.LookupAccountsRequest(ids=[uint128(1)] * too_many)),
        rpc.LookupTransfers(ledger_pb2.LookupTransfersRequest(ids=[uint128(1)] * too_many)),
    ):
        assert await refused(call) == (grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_TOO_LARGE")


async def test_a_message_of_64_mb_is_refused_before_it_is_read(doors: Any, operator_metadata: Any) -> None:
    async with aio.insecure_channel(doors.grpc_address) as channel:
        with pytest.raises(aio.AioRpcError) as caught:
            await method_of(channel, f"{SERVICE}/CreateTransfers")(
                b"\0" * (64 << 20), metadata=operator_metadata, timeout=30
            )
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        await method_of(channel, f"{SERVICE}/GetTrialBalance")(b"", metadata=operator_metadata, timeout=5)


async def test_a_compressed_message_is_not_unpacked(doors: Any, operator_metadata: Any) -> None:
    async with aio.insecure_channel(doors.grpc_address, compression=grpc.Compression.Gzip) as channel:
        with pytest.raises(aio.AioRpcError) as caught:
            await method_of(channel, f"{SERVICE}/CreateTransfers")(
                b"\0" * (64 << 20), metadata=operator_metadata, timeout=30
            )
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_field_that_does_not_fit_is_refused(rpc: Stub) -> None:
    request = ledger_pb2.CreateTransfersRequest(transfers=[ledger_pb2.Transfer(), ledger_pb2.Transfer(code=65536)])
    with pytest.raises(aio.AioRpcError) as caught:
        await rpc.CreateTransfers(request)
    assert (caught.value.code(), reason(caught.value)) == (grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_REQUEST")
    assert "item 1" in str(caught.value.details())
    assert "code" in str(caught.value.details())


async def test_a_deadline_that_has_passed_starts_nothing(rpc: Stub, client: LedgerClient) -> None:
    await open_accounts(client)
    sent = transfer()
    request = ledger_pb2.CreateTransfersRequest(transfers=[ledger_pb2.Transfer(id=uint128(sent.id))])
    for seconds in (0, -1):
        with pytest.raises(aio.AioRpcError) as caught:
            await rpc.CreateTransfers(request, timeout=seconds)
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    await asyncio.sleep(0.1)
    assert await client.lookup_transfers([sent.id]) == []


async def test_a_deadline_in_many_years_is_fine(rpc: Stub) -> None:
    await rpc.GetTrialBalance(ledger_pb2.GetTrialBalanceRequest(), timeout=10 * 365 * 86400)


async def test_a_method_that_does_not_exist(channel: aio.Channel, operator_metadata: Any) -> None:
    for path in (f"{SERVICE}/Nothing", "/nobody.Service/Nothing"):
        with pytest.raises(aio.AioRpcError) as caught:
            await method_of(channel, path)(b"", metadata=operator_metadata, timeout=5)
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_headers_beyond_the_limit_are_refused(channel: aio.Channel, operator_metadata: Any) -> None:
    metadata = [(f"header-{number}", "x" * 100) for number in range(1000)]
    with pytest.raises(aio.AioRpcError) as caught:
        await method_of(channel, f"{SERVICE}/GetTrialBalance")(b"", metadata=(*operator_metadata, *metadata), timeout=5)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_unknown_fields_of_a_newer_client_are_ignored(
    rpc: Stub, channel: aio.Channel, operator_metadata: Any
) -> None:
    unknown = b"\xfa\x3f\x03abc"
    request = ledger_pb2.LookupAccountsRequest(ids=[uint128(1)]).SerializeToString() + unknown
    assert await method_of(channel, f"{SERVICE}/LookupAccounts")(request, metadata=operator_metadata, timeout=5) == b""
