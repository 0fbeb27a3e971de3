"""The typed async client of ``pycore.ledger.v1.LedgerService``."""

import asyncio
import random
import time
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Sequence
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from grpc import aio

from pycore import _core
from pycore.client import wire
from pycore.client.credentials import TlsCredentials
from pycore.client.failure import Failure, outcome_unknown
from pycore.client.transfer_stream import TransferStream
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

_DELAY_SECONDS_MIN: Final = 0.02
_DELAY_SECONDS_MAX: Final = 1.0
_OPTIONS: Final = (
    ("grpc.max_receive_message_length", 4 << 20),
    ("grpc.max_send_message_length", 4 << 20),
    # Retries are made here, where it is known what may be sent again.
    ("grpc.enable_retries", 0),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.keepalive_time_ms", 30_000),
)


class LedgerClient:
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

        ``credentials`` (``tls_credentials(…)``) are for a server that speaks TLS; ``api_key`` is an operator's, and not
        needed where the ledger is open to this machine.
        """
        self._metadata = () if api_key is None else (("authorization", f"Bearer {api_key}"),)
        self._timeout_seconds = timeout_seconds
        self._channel = (
            aio.insecure_channel(address, options=_OPTIONS)
            if credentials is None
            else aio.secure_channel(address, credentials, options=_OPTIONS)
        )
        self._create_accounts = self._method("CreateAccounts")
        self._create_transfers = self._method("CreateTransfers")
        self._lookup_accounts = self._method("LookupAccounts")
        self._lookup_transfers = self._method("LookupTransfers")
        self._get_account_transfers = self._method("GetAccountTransfers")
        self._get_account_balances = self._method("GetAccountBalances")
        self._get_trial_balance = self._method("GetTrialBalance")
        stream_transfers: aio.StreamStreamMultiCallable[bytes, bytes] = self._channel.stream_stream(
            f"/{SERVICE}/StreamTransfers"
        )
        self._stream_transfers = partial(stream_transfers, metadata=self._metadata)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection."""
        await self._channel.close()

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
        stream = TransferStream(self._stream_transfers, requests, self._timeout_seconds)
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

    def _method(self, name: str) -> "aio.UnaryUnaryMultiCallable[bytes, bytes]":
        return self._channel.unary_unary(f"/{SERVICE}/{name}")

    async def _call(
        self, method: "aio.UnaryUnaryMultiCallable[bytes, bytes]", request: bytes, *, writes: bool = False
    ) -> bytes:
        """Send a request until it is answered, refused for good, or the time is up."""
        until = time.monotonic() + self._timeout_seconds
        is_outcome_known = True
        delay = _DELAY_SECONDS_MIN
        while True:
            try:
                return await method(request, timeout=until - time.monotonic(), metadata=self._metadata)
            except aio.AioRpcError as error:
                failure = Failure(error)
            is_outcome_known &= failure.is_outcome_known
            wait = max(failure.delay_seconds, delay) * random.uniform(1.0, 1.5)  # noqa: S311 - spreads retries
            delay = min(delay * 2, _DELAY_SECONDS_MAX)
            if not failure.is_retried or time.monotonic() + wait >= until:
                if writes and not is_outcome_known:
                    raise outcome_unknown(failure.error) from failure.error
                raise failure.error
            await asyncio.sleep(wait)


async def _packed(
    requests: AsyncIterable[Sequence[Transfer]] | Iterable[Sequence[Transfer]],
) -> AsyncIterator[bytes]:
    if isinstance(requests, AsyncIterable):
        async for request in requests:
            yield pack_transfers(request)
    else:
        for request in requests:
            yield pack_transfers(request)
