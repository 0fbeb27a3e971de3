"""The typed async client of ``pycore.ledger.v1.LedgerService``."""

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from pycore import _core
from pycore.client import wire
from pycore.client.credentials import TlsCredentials
from pycore.client.pipelined_stream import PipelinedStream
from pycore.client.server import Client, Server, UnaryMethod
from pycore.ledger import (
    Account,
    AccountBalance,
    AccountFilter,
    CreateAccountResult,
    CreateTransferResult,
    LedgerTotals,
    Operation,
    Transfer,
)
from pycore.ledger.account import pack_accounts, unpack_accounts
from pycore.ledger.status import unpack_account_results, unpack_transfer_results
from pycore.ledger.transfer import pack_transfers, unpack_transfers

if TYPE_CHECKING:
    from typing_extensions import Buffer

SERVICE: Final = "pycore.ledger.v1.LedgerService"
TIMEOUT_SECONDS: Final = 10.0

UNANSWERED_TRANSFERS_MAX: Final = 8 * 8190
"""Transfers of a stream on their way without an answer; beyond, its source is not asked for more."""


class LedgerClient(Client):
    """A ledger served by ``python -m api``.

    ``async with LedgerClient("127.0.0.1:7400") as ledger`` gives the methods of ``pycore.ledger.Ledger``. A call that
    meets a full queue, a database that is away or a lost connection is sent again with the same ids, after the time the
    server asks for, until ``timeout_seconds`` have passed: nothing is recorded twice, so an earlier try that did
    succeed shows as ``exists``.

    Raises, from every method: LedgerOverloadedError, LedgerUnavailableError, LedgerFencedError, DeadlineExceededError
    (nothing was recorded); InvalidRecordsError, RequestTooLargeError (the request must change); UnauthenticatedError,
    PermissionDeniedError, RateLimitedError (the key); and, from those that write, OutcomeUnknownError (ask again with
    the same ids).
    """

    def __init__(
        self,
        address: str,
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
        credentials: TlsCredentials | None = None,
        api_key: str | None = None,
    ) -> None:
        """``address`` is ``host:port``; ``timeout_seconds`` holds for each call, its retries included.

        ``credentials`` (``tls_credentials(…)``) are for a server that speaks TLS; ``api_key`` is an operator's.
        """
        super().__init__(Server(address, timeout_seconds, credentials, api_key))
        self._create_accounts = self._method("CreateAccounts")
        self._create_transfers = self._method("CreateTransfers")
        self._lookup_accounts = self._method("LookupAccounts")
        self._lookup_transfers = self._method("LookupTransfers")
        self._get_account_transfers = self._method("GetAccountTransfers")
        self._get_account_balances = self._method("GetAccountBalances")
        self._get_trial_balance = self._method("GetTrialBalance")
        self._call = self._server.call

    # -- writing

    async def create_accounts(self, accounts: Sequence[Account]) -> list[CreateAccountResult]:
        """Create accounts; one result each, same order."""
        return unpack_account_results(await self.create_accounts_records(pack_accounts(accounts)))

    async def create_accounts_records(self, records: "Buffer") -> bytes:
        """Return packed 16-byte results for packed 128-byte accounts."""
        response = await self._call(self._create_accounts, _core.encode_accounts(records), writes=True)
        return _core.decode_results(Operation.CREATE_ACCOUNTS, response)

    async def create_transfers(self, transfers: Sequence[Transfer]) -> list[CreateTransferResult]:
        """Create transfers; one result each, same order."""
        return unpack_transfer_results(await self.create_transfers_records(pack_transfers(transfers)))

    async def create_transfers_records(self, records: "Buffer") -> bytes:
        """Return packed 16-byte results for packed 128-byte transfers."""
        response = await self._call(self._create_transfers, _core.encode_transfers(records), writes=True)
        return _core.decode_results(Operation.CREATE_TRANSFERS, response)

    async def stream_transfers(
        self, requests: AsyncIterable[Sequence[Transfer]] | Iterable[Sequence[Transfer]]
    ) -> AsyncIterator[CreateTransferResult]:
        """Create transfers without waiting for each answer; yield one result each, in order.

        Every request is a unit of its own (a linked chain must not cross it), at most 8190 transfers.
        """
        async for results in self.stream_transfers_records(_packed(requests)):
            for result in unpack_transfer_results(results):
                yield result

    async def stream_transfers_records(
        self, requests: AsyncIterable["Buffer"] | Iterable["Buffer"]
    ) -> AsyncIterator[bytes]:
        """Create packed transfers without waiting for each answer; yield packed results, in order.

        One piece of results may answer several requests. A broken stream is taken up again where the answers ended.
        """
        stream = PipelinedStream(
            partial(self._server.stream, f"/{SERVICE}/StreamTransfers"),
            requests,
            encode=_encoded,
            decode=_decoded,
            unanswered_items_max=UNANSWERED_TRANSFERS_MAX,
            timeout_seconds=self._server.timeout_seconds,
        )
        try:
            async for results in stream.results():
                yield results
        finally:
            await stream.close()

    # -- reading

    async def lookup_accounts(self, ids: Sequence[int]) -> list[Account]:
        """Return the accounts that exist, in the order of ``ids``."""
        response = await self._call(self._lookup_accounts, wire.write_ids(ids))
        return unpack_accounts(_core.decode_accounts(response))

    async def lookup_transfers(self, ids: Sequence[int]) -> list[Transfer]:
        """Return the transfers that exist, in the order of ``ids``."""
        response = await self._call(self._lookup_transfers, wire.write_ids(ids))
        return unpack_transfers(_core.decode_transfers(response))

    async def account_transfers(self, filter: AccountFilter) -> list[Transfer]:
        """Return transfers that touch an account, by time."""
        response = await self._call(self._get_account_transfers, wire.write_filter(filter))
        return unpack_transfers(_core.decode_transfers(response))

    async def account_balances(self, filter: AccountFilter) -> list[AccountBalance]:
        """Return an account's balances after each transfer; empty unless the account has the ``history`` flag."""
        return wire.read_balances(await self._call(self._get_account_balances, wire.write_filter(filter)))

    async def trial_balance(self) -> list[LedgerTotals]:
        """Return the totals per ledger."""
        return wire.read_totals(await self._call(self._get_trial_balance, b""))

    def _method(self, name: str) -> UnaryMethod:
        return self._server.method(f"/{SERVICE}/{name}")


def _encoded(records: "Buffer") -> tuple[bytes, int]:
    return _core.encode_transfers(records), memoryview(records).nbytes // _core.RECORD_SIZE


def _decoded(response: bytes) -> tuple[bytes, int]:
    results = _core.decode_results(Operation.CREATE_TRANSFERS, response)
    return results, len(results) // _core.RESULT_SIZE


async def _packed(
    requests: AsyncIterable[Sequence[Transfer]] | Iterable[Sequence[Transfer]],
) -> AsyncIterator[bytes]:
    if isinstance(requests, AsyncIterable):
        async for request in requests:
            yield pack_transfers(request)
    else:
        for request in requests:
            yield pack_transfers(request)
