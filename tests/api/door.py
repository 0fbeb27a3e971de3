"""The same calls through either door, so that a test is written once. Ids and amounts are ints, statuses are names."""

import json
from collections.abc import Sequence
from io import BytesIO
from typing import Any, Protocol

import grpc
from aiohttp import ClientSession
from grpc import aio

from pycore.client._generated.pycore.ledger.v1 import ledger_pb2
from pycore.ids import format_id, parse_id
from tests.api.stub import Stub

WIDE = frozenset(
    {"id", "debit_account_id", "credit_account_id", "amount", "pending_id", "user_data_128"}
    | {"debits_pending", "debits_posted", "credits_pending", "credits_posted"}
)
IDS = frozenset({"id", "debit_account_id", "credit_account_id", "pending_id", "user_data_128"})
BALANCES = ("debits_pending", "debits_posted", "credits_pending", "credits_posted")

Fields = dict[str, int]


class Door(Protocol):
    async def create_accounts(self, accounts: Sequence[Fields]) -> list[str]: ...
    async def create_transfers(self, transfers: Sequence[Fields]) -> list[str]: ...
    async def balances(self, account_id: int) -> tuple[int, ...]: ...
    async def transfer(self, id: int) -> Fields | None: ...


def uint128(number: int) -> ledger_pb2.Uint128:
    return ledger_pb2.Uint128(low=number & (1 << 64) - 1, high=number >> 64)


def number(message: Any) -> int:
    return int(message.low | message.high << 64)


def message(kind: Any, fields: Fields) -> Any:
    return kind(**{name: uint128(value) if name in WIDE else value for name, value in fields.items()})


class RpcDoor:
    def __init__(self, rpc: Stub) -> None:
        self.rpc = rpc

    async def create_accounts(self, accounts: Sequence[Fields]) -> list[str]:
        messages = [message(ledger_pb2.Account, each) for each in accounts]
        response = await self.rpc.CreateAccounts(ledger_pb2.CreateAccountsRequest(accounts=messages))
        name = ledger_pb2.CreateAccountStatus.Name
        return [name(result.status).removeprefix("CREATE_ACCOUNT_STATUS_").lower() for result in response.results]

    async def create_transfers(self, transfers: Sequence[Fields]) -> list[str]:
        messages = [message(ledger_pb2.Transfer, each) for each in transfers]
        response = await self.rpc.CreateTransfers(ledger_pb2.CreateTransfersRequest(transfers=messages))
        name = ledger_pb2.CreateTransferStatus.Name
        return [name(result.status).removeprefix("CREATE_TRANSFER_STATUS_").lower() for result in response.results]

    async def balances(self, account_id: int) -> tuple[int, ...]:
        response = await self.rpc.LookupAccounts(ledger_pb2.LookupAccountsRequest(ids=[uint128(account_id)]))
        return tuple(number(getattr(response.accounts[0], name)) for name in BALANCES)

    async def transfer(self, id: int) -> Fields | None:
        response = await self.rpc.LookupTransfers(ledger_pb2.LookupTransfersRequest(ids=[uint128(id)]))
        for found in response.transfers:
            names = [field.name for field in found.DESCRIPTOR.fields]
            return {name: number(getattr(found, name)) if name in WIDE else getattr(found, name) for name in names}
        return None


class HttpDoor:
    def __init__(self, session: ClientSession) -> None:
        self.session = session

    async def create_accounts(self, accounts: Sequence[Fields]) -> list[str]:
        return await self._create("accounts", accounts)

    async def create_transfers(self, transfers: Sequence[Fields]) -> list[str]:
        return await self._create("transfers", [{"amount": 0, **each} for each in transfers])

    async def _create(self, what: str, items: Sequence[Fields]) -> list[str]:
        body = BytesIO(json.dumps({what: [_json(each) for each in items]}).encode())
        headers = {"content-type": "application/json"}
        async with self.session.post(f"/v1/ledger/{what}", data=body, headers=headers) as response:
            answer = await response.json()
            assert response.status == 200, answer
            return [result["status"] for result in answer["results"]]

    async def balances(self, account_id: int) -> tuple[int, ...]:
        async with self.session.get(f"/v1/ledger/accounts/{format_id(account_id)}") as response:
            answer = await response.json()
            return tuple(int(answer[name]) for name in BALANCES)

    async def transfer(self, id: int) -> Fields | None:
        async with self.session.get(f"/v1/ledger/transfers/{format_id(id)}") as response:
            if response.status == 404:
                return None
            answer = await response.json()
            flags = {"pending": 2, "post_pending_transfer": 4, "void_pending_transfer": 8, "linked": 1}
            return {
                name: sum(flags[each] for each in value)
                if name == "flags"
                else parse_id(value or "0")
                if name in IDS
                else int(value)
                for name, value in answer.items()
            }


def _json(fields: Fields) -> dict[str, Any]:
    """Ids as UUID text, amounts as text, the rest as numbers: what the documentation shows."""
    return {
        name: format_id(value) if name in IDS else str(value) if name == "amount" else value
        for name, value in fields.items()
    }


async def to_the_end(call: Any) -> tuple[list[Any], grpc.StatusCode]:
    """Return a stream's remaining responses and the status it ended with."""
    responses = []
    try:
        while (response := await call.read()) is not aio.EOF:
            responses.append(response)
    except aio.AioRpcError as error:
        return responses, error.code()
    return responses, await call.code()
