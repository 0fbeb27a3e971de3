"""``pycore.ledger.v1.LedgerService``.

Requests and responses of the volume methods are raw bytes that Rust reads and writes: no Python object is built per
transfer.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import grpc

from api.errors import MalformedRequestError
from api.rpc import messages
from api.rpc.calls import Context, deadline, operated, operator_allowed, watched
from api.rpc.stream import TransferStream
from api.services import Services
from pycore import _core
from pycore.client._generated.pycore.ledger.v1 import ledger_pb2
from pycore.ledger import Operation
from pycore.merchants import OperatorScope

SERVICE_NAME: Final = ledger_pb2.DESCRIPTOR.services_by_name["LedgerService"].full_name


class LedgerService:
    """The ledger's methods: unpack, one await, pack."""

    def __init__(self, services: Services) -> None:
        self._ledger = services.ledger
        self._access = services.access
        self.stopping = asyncio.Event()
        """Once set, streams are read no further: what they sent is finished, then they end with UNAVAILABLE."""

    async def create_accounts(self, request: bytes, context: Context) -> bytes:
        """Create accounts; one result each."""
        records = _records(_core.decode_accounts, request)
        results = await self._ledger.enqueue(Operation.CREATE_STRANGERS_ACCOUNTS, records, deadline=deadline(context))
        return _core.encode_results(results)

    async def create_transfers(self, request: bytes, context: Context) -> bytes:
        """Create transfers; one result each."""
        records = _records(_core.decode_transfers, request)
        results = await self._ledger.enqueue(Operation.CREATE_STRANGERS_TRANSFERS, records, deadline=deadline(context))
        return _core.encode_results(results)

    async def stream_transfers(self, context: Context) -> None:
        """Create transfers as they come; results in the same order."""
        await TransferStream(self._ledger, context, self.stopping).run()

    async def lookup_accounts(self, request: bytes, _context: Context) -> bytes:
        """Return the accounts that exist."""
        records = self._ledger.lookup_accounts_records(messages.read_account_ids(request))
        return _core.encode_accounts(records)

    async def lookup_transfers(self, request: bytes, _context: Context) -> bytes:
        """Return the transfers that exist."""
        records = await self._ledger.lookup_transfers_records(messages.read_transfer_ids(request))
        return _core.encode_transfers(records)

    async def get_account_transfers(self, request: bytes, _context: Context) -> bytes:
        """Return transfers that touch an account."""
        records = await self._ledger.account_transfers_records(messages.read_transfers_filter(request))
        return _core.encode_transfers(records)

    async def get_account_balances(self, request: bytes, _context: Context) -> bytes:
        """Return an account's balances over time."""
        return messages.write_balances(await self._ledger.account_balances(messages.read_balances_filter(request)))

    async def get_trial_balance(self, _request: bytes, _context: Context) -> bytes:
        """Return the totals of every ledger."""
        return messages.write_totals(self._ledger.trial_balance())

    async def _may_write(self, context: Context, requests: int) -> None:
        await operator_allowed(self._access, OperatorScope.LEDGER_WRITE, context, requests)

    def handler(self) -> grpc.GenericRpcHandler:
        """Return the service as gRPC takes it: every method by its name in the .proto file, bytes in, bytes out."""
        unary, stream = grpc.stream_unary_rpc_method_handler, grpc.stream_stream_rpc_method_handler
        reads = partial(operated, self._access, OperatorScope.LEDGER_READ)
        writes = partial(operated, self._access, OperatorScope.LEDGER_WRITE)
        methods: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
            "CreateAccounts": unary(writes(self.create_accounts)),
            "CreateTransfers": unary(writes(self.create_transfers)),
            "StreamTransfers": stream(watched(self._access, self._may_write, self.stream_transfers)),
            "LookupAccounts": unary(reads(self.lookup_accounts)),
            "LookupTransfers": unary(reads(self.lookup_transfers)),
            "GetAccountTransfers": unary(reads(self.get_account_transfers)),
            "GetAccountBalances": unary(reads(self.get_account_balances)),
            "GetTrialBalance": unary(reads(self.get_trial_balance)),
        }
        return grpc.method_handlers_generic_handler(SERVICE_NAME, methods)


def _records(decode: Callable[[bytes], bytes], request: bytes) -> bytes:
    try:
        return decode(request)
    except ValueError as error:
        raise MalformedRequestError(str(error)) from None
