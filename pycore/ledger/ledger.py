"""The ledger as a Python service uses it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from pycore.config import LedgerSettings, StoreSettings
from pycore.errors import InvalidRecordsError, PycoreError
from pycore.ledger import recovery
from pycore.ledger.account import (
    Account,
    AccountBalance,
    AccountFlags,
    pack_accounts,
    pack_balance,
    unpack_accounts,
    unpack_balances,
)
from pycore.ledger.account_filter import AccountFilter
from pycore.ledger.history import History
from pycore.ledger.journal import Journal
from pycore.ledger.key import JournalKey
from pycore.ledger.lease import Lease
from pycore.ledger.projector import Projector
from pycore.ledger.rows import Part, RowsOf
from pycore.ledger.stats import LedgerStats
from pycore.ledger.status import (
    CreateAccountResult,
    CreateTransferResult,
    Operation,
    unpack_account_results,
    unpack_transfer_results,
)
from pycore.ledger.totals import LedgerTotals
from pycore.ledger.transfer import Transfer, pack_transfers, unpack_transfers
from pycore.ledger.writer import Writer
from pycore.store import Progress, Store

if TYPE_CHECKING:
    from typing_extensions import Buffer

LOOKUP_MAX = 8190


class Ledger:
    """A double-entry ledger on PostgreSQL. One process writes it at a time.

    ``async with Ledger.open(data="./data") as ledger`` runs an embedded PostgreSQL; with ``dsn=`` it uses yours.
    All amounts are minor units, all times nanoseconds since 1970, all ids 128-bit ints. Nothing is answered before
    it is durable, and reads show durable state only.
    """

    def __init__(
        self, store: Store, lease: Lease, recovered: recovery.Recovered, key: JournalKey, settings: LedgerSettings
    ) -> None:
        """Use ``Ledger.open``."""
        self._store = store
        self._lease = lease
        self._engine = recovered.engine
        self._chunks = recovered.chunks
        self._unprojected_max = settings.unprojected_transfers_max
        self._history = History(store, recovered.chunks)
        self._journal = Journal(lease, key.secret, lsn=recovered.lsn, head=recovered.head)
        self._projector = Projector(
            store, lease, self._engine, recovered.chunks, lambda: self._journal.lsn, lsn=recovered.projected_lsn
        )
        self._writer = Writer(
            self._engine,
            self._journal,
            self._history,
            queue_events_max=settings.queue_events_max,
            batch_events_max=settings.batch_events_max,
            room=self._room,
        )

    @classmethod
    def open(
        cls,
        *,
        dsn: str | None = None,
        data: str | Path = "data",
        store: StoreSettings | None = None,
        key: JournalKey | None = None,
        settings: LedgerSettings | None = None,
        take_over: bool = False,
        progress: Progress | None = None,
    ) -> OpenLedger:
        """Open the ledger of a database, or of a data folder with an embedded PostgreSQL; ``async with`` or ``await``.

        ``store`` says where the database is in full, instead of ``dsn`` and ``data``. ``key`` signs the journal;
        without it (and without one in ``settings``) the file ``journal.key`` in the data folder does, made at the first
        start: a copy of it belongs in a safe. ``take_over`` fences a writer that is still alive. ``progress`` is told
        what goes on, a line at a time.

        Raises before anything is written: DataFolderInUseError, LedgerInUseError, DatabaseStartError,
        LedgerUnavailableError, MigrationError, JournalKeyError, JournalDamagedError, JournalVersionError,
        StateMismatchError.
        """
        where = store or StoreSettings(dsn=dsn, data=str(data))
        return OpenLedger(where, settings or LedgerSettings(), key, take_over, progress)

    def start(self) -> None:
        """Begin to write and to project."""
        self._writer.start()
        self._projector.start()

    async def close(self) -> None:
        """Finish what was accepted, project it, give up the lease, stop the embedded database."""
        await self._writer.close()
        await self._projector.close()
        await self._lease.release()
        await self._store.close()

    # -- writing

    async def create_accounts(self, accounts: Sequence[Account]) -> list[CreateAccountResult]:
        """Create accounts; one result each, same order. Raises as ``enqueue``."""
        return unpack_account_results(await self.enqueue(Operation.CREATE_ACCOUNTS, pack_accounts(accounts)))

    async def create_transfers(self, transfers: Sequence[Transfer]) -> list[CreateTransferResult]:
        """Create transfers; one result each, same order. Raises as ``enqueue``."""
        return unpack_transfer_results(await self.enqueue(Operation.CREATE_TRANSFERS, pack_transfers(transfers)))

    async def submit(self, operation: Operation, records: Buffer, *, deadline: float | None = None) -> bytes:
        """Return packed 16-byte results for packed 128-byte records. Raises as ``enqueue``."""
        return await self.enqueue(operation, records, deadline=deadline)

    def enqueue(
        self,
        operation: Operation,
        records: Buffer,
        *,
        deadline: float | None = None,
        rows_of: RowsOf | None = None,
    ) -> asyncio.Future[bytes]:
        """Put packed records into the queue; the future gives packed results when they are durable.

        ``records`` is anything with the buffer protocol (``bytes``, a ``numpy`` structured array); it must not change
        until the future is done. ``deadline`` is in ``time.monotonic()`` seconds. ``rows_of`` gives rows that become
        durable in the same transaction (see ``pycore.ledger.rows``).

        Raises at once, with nothing recorded: InvalidRecordsError, RequestTooLargeError, LedgerOverloadedError,
        LedgerUnavailableError, LedgerFencedError. The future raises DeadlineExceededError or LedgerUnavailableError
        (nothing recorded), or OutcomeUnknownError (ask again with the same ids).
        """
        self._store.refuse_when_full()
        return self._writer.enqueue(operation, records, deadline=deadline, rows_of=rows_of)

    async def record(self, rows: Sequence[Part], *, deadline: float | None = None) -> None:
        """Make rows durable that belong to no transfer; they come after everything that was enqueued before.

        They share batch, order and fencing with the transfers: all of them are recorded, or none. Raises as
        ``enqueue`` and its future do; after OutcomeUnknownError look whether the rows are there.
        """
        self._store.refuse_when_full()
        await self._writer.enqueue_rows(rows, deadline=deadline)

    def call_after_rows(self, notice: Callable[[], None] | None) -> None:
        """Let ``notice`` be called after every batch that wrote rows, once it is durable; it must be quick."""
        self._writer.rows_written = notice

    # -- reading

    async def lookup_accounts(self, ids: Sequence[int]) -> list[Account]:
        """Return the accounts that exist, in the order of ``ids``."""
        return unpack_accounts(self.lookup_accounts_records(ids))

    def lookup_accounts_records(self, ids: Sequence[int]) -> bytes:
        """Return the packed records of the accounts that exist, in the order of ``ids``."""
        return self._engine.lookup_accounts(_checked(ids))

    async def lookup_transfers(self, ids: Sequence[int]) -> list[Transfer]:
        """Return the transfers that exist, in the order of ``ids``. Raises LedgerUnavailableError for old ones."""
        return unpack_transfers(await self.lookup_transfers_records(ids))

    async def lookup_transfers_records(self, ids: Sequence[int]) -> bytes:
        """Return the packed records of the transfers that exist, in the order of ``ids``."""
        in_memory = {id: found[0] for id in _checked(ids) if (found := self._engine.lookup_transfer(id))}
        elsewhere = [id for id in ids if id not in in_memory]
        if elsewhere:
            old = await self._history.transfers(elsewhere)
            in_memory |= {id: transfer.pack() for id, transfer in old.items()}
        return b"".join([in_memory[id] for id in ids if id in in_memory])

    async def account_transfers(self, filter: AccountFilter) -> list[Transfer]:
        """Return an account's transfers. Raises InvalidRecordsError for a filter that makes no sense."""
        return unpack_transfers(await self.account_transfers_records(filter))

    async def account_transfers_records(self, filter: AccountFilter) -> bytes:
        """Return the packed records of an account's transfers."""
        recent = self._engine.account_transfers(filter.pack())
        first = self._engine.window_first_sequence
        if first == 0 or (filter.reversed and len(recent) == filter.limit * 128):
            return recent
        old = pack_transfers(await self._history.account_transfers(filter, before_sequence=first))
        return (recent + old if filter.reversed else old + recent)[: filter.limit * 128]

    async def account_balances(self, filter: AccountFilter) -> list[AccountBalance]:
        """Return an account's balances after each transfer; empty unless the account has the ``history`` flag."""
        return unpack_balances(await self.account_balances_records(filter))

    async def account_balances_records(self, filter: AccountFilter) -> bytes:
        """Return the packed records of an account's balances after each transfer."""
        packed_filter = filter.pack()
        accounts = unpack_accounts(self._engine.lookup_accounts([filter.account_id]))
        if not accounts or not accounts[0].flags & AccountFlags.HISTORY:
            return b""
        # The engine has the balances of what it applied since it started; those of evicted and of loaded transfers
        # are projected.
        balances = {row.timestamp: row for row in unpack_balances(self._engine.account_balances(packed_filter))}
        transfers = await self.account_transfers(filter)
        elsewhere = [transfer.timestamp for transfer in transfers if transfer.timestamp not in balances]
        if elsewhere:
            old = await self._history.account_balances(filter.account_id, elsewhere)
            balances |= {row.timestamp: row for row in old}
        return b"".join([pack_balance(balances[transfer.timestamp]) for transfer in transfers])

    async def balance_at(self, account_id: int, timestamp: int) -> AccountBalance:
        """Return an account's balances as they were at a moment (nanoseconds). Raises LedgerUnavailableError."""
        await self._projector.flush()
        return await self._history.balance_at(account_id, timestamp)

    def trial_balance(self) -> list[LedgerTotals]:
        """Return the totals per ledger."""
        return [
            LedgerTotals(
                ledger=row[0],
                accounts=row[1],
                debits_pending=row[2],
                debits_posted=row[3],
                credits_pending=row[4],
                credits_posted=row[5],
            )
            for row in self._engine.trial_balance()
        ]

    def check_invariants(self) -> None:
        """Raise ValueError naming the first broken invariant."""
        self._engine.check_invariants()

    def state_hash(self) -> bytes:
        """Return the hash of the whole committed state: the same on every machine that replays the same journal."""
        return self._engine.state_hash()

    async def flush_projection(self) -> None:
        """Return when everything recorded so far can be queried in PostgreSQL."""
        await self._projector.flush()

    @property
    def store(self) -> Store:
        """The database, for reads and for what is not about money."""
        return self._store

    async def ready(self) -> bool:
        """Return whether a write would be taken now: the writer is in order and the database answers."""
        return self._writer.refusal is None and await self._store.ready()

    @property
    def refusal(self) -> PycoreError | None:
        """Why nothing can be written now, or None."""
        return self._writer.refusal

    def stats(self) -> LedgerStats:
        """Return what is counted, for metrics."""
        return LedgerStats(
            writer=self._writer.stats,
            lsn=self._journal.lsn,
            projected_lsn=self._projector.lsn,
            transfers=self._engine.sequence_next,
            projected_transfers=self._projector.sequence_next,
            window_transfers=self._engine.sequence_next - self._engine.window_first_sequence,
            accounts=self._engine.accounts_count,
            open_holds=self._engine.open_holds_count,
            epoch=self._lease.epoch,
        )

    async def _room(self) -> None:
        """Wait while so much is not projected that memory would grow without bound."""
        while self._engine.sequence_next - self._projector.sequence_next > self._unprojected_max:
            await self._projector.progressed()


class OpenLedger:
    """What ``Ledger.open`` returns: await it, or use it in ``async with``."""

    def __init__(
        self,
        where: StoreSettings,
        settings: LedgerSettings,
        key: JournalKey | None,
        take_over: bool,
        progress: Progress | None,
    ) -> None:
        self._where = where
        self._settings = settings
        self._key = key
        self._take_over = take_over
        self._progress = progress
        self._ledger: Ledger | None = None

    def __await__(self) -> Generator[Any, None, Ledger]:
        return self._open().__await__()

    async def __aenter__(self) -> Ledger:
        self._ledger = await self._open()
        return self._ledger

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._ledger is not None:
            await self._ledger.close()

    async def _open(self) -> Ledger:
        store = await Store.open(self._where, progress=self._progress)
        lease = Lease(store)
        try:
            await lease.take(by_force=self._take_over)
            key = self._key or JournalKey.configured(
                self._settings, Path(self._where.data), make=await recovery.is_new(lease.connection)
            )
            chunk_size = await recovery.identity(lease.connection, key.secret, chunk_size=self._settings.chunk_size)
            recovered = await recovery.recover(lease.connection, key.secret, chunk_size=chunk_size)
            ledger = Ledger(store, lease, recovered, key, self._settings)
        except BaseException:
            await lease.release()
            await store.close()
            raise
        ledger.start()
        return ledger


def _checked(ids: Sequence[int]) -> Sequence[int]:
    if len(ids) > LOOKUP_MAX:
        raise InvalidRecordsError(f"{len(ids)} ids in one lookup; the most is {LOOKUP_MAX}")
    return ids
