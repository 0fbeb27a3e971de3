"""The one writer of a shard: everything that waits becomes one batch, one transaction, one answer.

There is no timer: a batch is what came while the one before it was being made durable. The engine holds at most one
batch that is not durable; nobody reads it and nobody is answered before PostgreSQL said COMMIT.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from itertools import islice
from typing import TYPE_CHECKING

import structlog

from pycore import _core
from pycore.errors import (
    DeadlineExceededError,
    InvalidRecordsError,
    LedgerFencedError,
    LedgerOverloadedError,
    LedgerUnavailableError,
    OutcomeUnknownError,
    PycoreError,
    RequestTooLargeError,
    RowsRefusedError,
)
from pycore.ledger.account import RECORD_SIZE
from pycore.ledger.history import ColdRecord, History
from pycore.ledger.journal import Journal
from pycore.ledger.rows import BatchRows, Part, RowsOf
from pycore.ledger.stats import WriterStats
from pycore.ledger.status import Operation
from pycore.ledger.unit import RESULT_SIZE, Unit, answer
from pycore.store import is_connection_lost, is_unavailable, reason_of

if TYPE_CHECKING:
    from typing_extensions import Buffer

log = structlog.get_logger()

_OPERATIONS = frozenset(Operation)
# Turns of the event loop. A gRPC request takes several from its socket to the queue, with a thread of gRPC's between;
# measured with 64 callers, 16 quiet turns flush twice as many requests at once as none do, more add nothing.
_QUIET_TURNS = 16
_TURNS_MAX = 256
_UNITS_LOOKED_AT = 64
_EVENTS_WITH_ROWS_ENOUGH = 16
_TELL_SECONDS_MAX = 0.01
_RETRY_AFTER_MS = 200
_SETTLE_SECONDS = 2.0
_APPEND_SECONDS = 4.0
_RECONNECT_SECONDS_MIN = 0.02
_RECONNECT_SECONDS_MAX = 1.0


_SILENT = LedgerUnavailableError(retry_after_ms=_RETRY_AFTER_MS)
"""The refusal while an append gets no answer."""


class Writer:
    """The queue in front of the engine, and the task that empties it."""

    def __init__(
        self,
        engine: _core.Engine,
        journal: Journal,
        history: History,
        *,
        queue_events_max: int,
        batch_events_max: int,
        room: Callable[[], Awaitable[None]],
    ) -> None:
        """``room`` waits while the projection is too far behind."""
        self._engine = engine
        self._journal = journal
        self._history = history
        self._queue_events_max = queue_events_max
        self._batch_events_max = batch_events_max
        self._room = room
        self._queue: deque[Unit] = deque()
        self._wake = asyncio.Event()
        self._expiry_timer: asyncio.TimerHandle | None = None
        self._refusal: PycoreError | None = None
        self._closing = False
        self._durable: tuple[list[Unit], bytes] | None = None
        self._telling: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self.stats = WriterStats()
        self.rows_written: Callable[[], None] | None = None
        """Called after every batch that wrote rows, once it is durable."""

    def start(self) -> None:
        """Begin to empty the queue."""
        self._task = asyncio.create_task(self._run(), name="ledger-writer")

    async def close(self) -> None:
        """Finish what was accepted, refuse what comes later."""
        self._closing = True
        self._wake.set()
        if self._task is not None:
            await self._task
        if self._expiry_timer is not None:
            self._expiry_timer.cancel()

    @property
    def refusal(self) -> PycoreError | None:
        """Why nothing can be written now, or None."""
        return self._refusal

    def enqueue(
        self,
        operation: int,
        records: Buffer,
        *,
        deadline: float | None = None,
        rows_of: RowsOf | None = None,
    ) -> asyncio.Future[bytes]:
        """Put a request into the queue; the future gives one packed 16-byte result per record.

        ``deadline`` is in ``time.monotonic()`` seconds: a request still waiting then is not started. ``rows_of`` gives
        the rows that must become durable with the transfers.

        Raises, with nothing recorded: InvalidRecordsError, RequestTooLargeError, LedgerOverloadedError when the queue
        is full, LedgerUnavailableError or LedgerFencedError when nothing can be written now. The future raises
        DeadlineExceededError, LedgerUnavailableError, or OutcomeUnknownError.
        """
        length = memoryview(records).nbytes
        count = length // RECORD_SIZE
        if count * RECORD_SIZE != length or count == 0:
            raise InvalidRecordsError(f"{length} bytes are not a whole number of {RECORD_SIZE}-byte records")
        if operation not in _OPERATIONS:
            raise InvalidRecordsError(f"{operation} is no operation")
        return self._put(operation, records, count, count, deadline, rows_of)

    def enqueue_rows(self, parts: Sequence[Part], *, deadline: float | None = None) -> asyncio.Future[bytes]:
        """Put rows without transfers into the queue; the future is done when they are durable.

        A row counts as an event does. Raises as ``enqueue``, and InvalidRecordsError where there is no row.
        """
        count = sum(len(part.rows) for part in parts)
        if count == 0:
            raise InvalidRecordsError("there is no row to record")
        return self._put(0, b"", 0, count, deadline, lambda _: parts)

    def _put(
        self,
        operation: int,
        records: Buffer,
        count: int,
        size: int,
        deadline: float | None,
        rows_of: RowsOf | None,
    ) -> asyncio.Future[bytes]:
        if size > self._batch_events_max:
            raise RequestTooLargeError(f"{size} events in one request; the most is {self._batch_events_max}")
        if self._refusal is not None:
            raise self._refusal
        if self._closing:
            raise LedgerUnavailableError(retry_after_ms=_RETRY_AFTER_MS)
        if self.stats.queued_events + size > self._queue_events_max:
            self.stats.refused_requests += 1
            raise LedgerOverloadedError(retry_after_ms=_RETRY_AFTER_MS)
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._queue.append(Unit(operation, records, count, size, future, deadline, rows_of))
        self.stats.queued_events += size
        self._wake.set()
        return future

    async def _run(self) -> None:
        try:
            await self._empty_queue()
        except BaseException as error:
            # Nothing may wait for a writer that is gone. No traceback: its frames hold what customers sent.
            self._refusal = LedgerUnavailableError(retry_after_ms=_RETRY_AFTER_MS)
            self._refuse_queue(self._refusal)
            log.critical("the writer stopped", reason=repr(error), lsn=self._journal.lsn)
            raise
        finally:
            self._tell()

    async def _empty_queue(self) -> None:
        while True:
            if not self._queue:
                if self._closing:
                    return
                self._wake.clear()
                self._set_expiry_timer()
                await self._wake.wait()
            elif not self._has_enough_rows():
                await self._listen()
            try:
                await self._room()
            except LedgerFencedError as error:
                self._refusal = error
                self._refuse_queue(error)
            units = self._take()
            if units or self._expiry_due():
                await self._write(units)

    async def _listen(self) -> None:
        """Let the event loop take in what waits in its sockets, until it brings nothing more.

        Requests came during the last flush, so this is a busy server: it would flush every request or two, and pay for
        the flushes what the requests need.
        """
        quiet_turns, queued = 0, self.stats.queued_events
        for _ in range(_TURNS_MAX):
            # What is enough goes at once: the callers then work while PostgreSQL does.
            if quiet_turns == _QUIET_TURNS or queued >= self._batch_events_max:
                return
            await asyncio.sleep(0)
            quiet_turns = quiet_turns + 1 if self.stats.queued_events == queued else 0
            queued = self.stats.queued_events

    def _has_enough_rows(self) -> bool:
        """Return whether so much waits with rows that PostgreSQL shall have it now, and work while callers are told.

        Rows cost it many times what transfers do, so that gathering more gains nothing.
        """
        first = islice(self._queue, _UNITS_LOOKED_AT)
        return sum(unit.size for unit in first if unit.rows_of is not None) >= _EVENTS_WITH_ROWS_ENOUGH

    def _take(self) -> list[Unit]:
        """Return everything that waits, as far as one batch holds it, without what nobody waits for any more."""
        units: list[Unit] = []
        events = 0
        queue, stats = self._queue, self.stats
        now = time.monotonic()
        while queue and events + queue[0].size <= self._batch_events_max:
            unit = queue.popleft()
            stats.queued_events -= unit.size
            if unit.future.done():
                continue
            if unit.deadline is not None and unit.deadline <= now:
                unit.future.set_exception(DeadlineExceededError())
                continue
            events += unit.size
            units.append(unit)
        return units

    async def _write(self, units: list[Unit]) -> None:
        """Write what was taken, as one batch; as several where a unit has to be set aside."""
        while True:
            units = await self._try(units)
            if not units:
                return

    async def _try(self, units: list[Unit]) -> list[Unit]:
        """Apply one batch, make it durable, answer. Return the units to be tried again at once."""
        started = time.perf_counter()
        engine_units = [(unit.operation, unit.records) for unit in units if unit.count]
        try:
            cold = await self._cold_records(engine_units)
        except Exception as error:
            self._fail(units, _refused_by_database(error))
            return []
        batch = self._engine.apply(engine_units, time.time_ns(), cold)
        written, sound = _rows_of(units, batch.results)
        if len(sound) < len(units):
            self._engine.rollback()
            return sound
        try:
            await self._make_durable(batch, units, written)
        except Exception as error:
            self._engine.rollback()
            if written and not isinstance(error, PycoreError) and not is_unavailable(error):
                return self._isolate(units, error)
            self._fail(units, error if isinstance(error, PycoreError) else _refused_by_database(error))
            return []
        except BaseException:
            # Cancelled: the process is going down without an answer, so there is nobody to give a wrong one to.
            self._fail(units, OutcomeUnknownError())
            raise
        self._engine.commit()
        if written and self.rows_written is not None:
            self.rows_written()
        self.stats.observe_batch(batch, units=len(units), seconds=time.perf_counter() - started)
        self._tell_soon(units, batch.results)
        return []

    def _tell_soon(self, units: list[Unit], results: bytes) -> None:
        """Answer what is durable; where much waits already, once PostgreSQL has that.

        It takes the callers as long to read their answers as PostgreSQL to write a third of a batch.
        """
        self._tell()
        self._durable = units, results
        if self._has_enough_rows():
            self._telling = asyncio.get_running_loop().call_later(_TELL_SECONDS_MAX, self._tell)
        else:
            self._tell()

    def _tell(self) -> None:
        if self._durable is not None:
            answer(*self._durable)
            self._durable = None
        if self._telling is not None:
            self._telling.cancel()
            self._telling = None

    def _isolate(self, units: list[Unit], error: Exception) -> list[Unit]:
        """Return the first half of a batch whose rows were refused, until the guilty unit is alone; it is told.

        The second half goes back to the head of the queue, to be refused with it should the connection break.
        """
        if len(units) > 1:
            half = len(units) // 2
            self._queue.extendleft(reversed(units[half:]))
            self.stats.queued_events += sum(unit.size for unit in units[half:])
            return units[:half]
        constraint = getattr(error, "constraint_name", None)
        # No message and no detail of PostgreSQL's: they quote the values.
        log.warning(
            "rows refused",
            error=type(error).__name__,
            table=getattr(error, "table_name", None),
            column=getattr(error, "column_name", None),
            constraint=constraint,
        )
        self.stats.refused_rows += 1
        units[0].fail(RowsRefusedError(constraint=constraint))
        return []

    async def _cold_records(self, units: list[tuple[int, Buffer]]) -> list[ColdRecord]:
        """Return what the database knows of the ids and moments the engine does not hold.

        Asked again until nothing is missing: a chunk may have left memory while the database was answering.
        """
        ids: set[int] = set()
        moments: set[int] = set()
        found: list[ColdRecord] = []
        while True:
            missing = [id for id in self._engine.cold_ids(units) if id not in ids]
            missing_moments = [moment for moment in self._engine.cold_moments(units) if moment not in moments]
            if missing:
                ids.update(missing)
                found += await self._history.cold_records(missing)
                self.stats.cold_ids += len(missing)
            if missing_moments:
                moments.update(missing_moments)
                found += await self._history.cold_moments(missing_moments)
            if not (missing or missing_moments):
                return found

    async def _make_durable(self, batch: _core.Batch, units: list[Unit], written: BatchRows) -> None:
        """Append the batch; when the connection breaks under it, find out what became of it before anything else.

        Raises LedgerFencedError or a PostgreSQL error: nothing was recorded. Where that cannot be known soon the
        callers are told so (OutcomeUnknownError), and this goes on asking: no other batch starts before it is settled.
        """
        while True:
            doubt = asyncio.get_running_loop().call_later(_APPEND_SECONDS, self._doubt, units)
            try:
                await self._journal.append(batch, written, self._tell)
                self._refusal = None
                return
            except LedgerFencedError as error:
                self._refusal = error
                raise
            except Exception as error:
                if not is_connection_lost(error):
                    self._refusal = None
                    raise
            finally:
                doubt.cancel()
            if await self._settle(units):
                return

    def _doubt(self, units: list[Unit]) -> None:
        """Let nobody wait for a database that does not answer: what is under way is unknown, the rest refused.

        The append itself goes on: its answer, or its end, tells what became of it.
        """
        self._refusal = _SILENT
        self._refuse_queue(_SILENT)
        self._fail(units, OutcomeUnknownError())
        log.warning("the database does not answer", lsn=self._journal.lsn + 1)

    async def _settle(self, units: list[Unit]) -> bool:
        """Return whether the append under way when the connection broke is durable; asks until PostgreSQL answers.

        Where it is not it is appended again, and all others go on being refused until that has an answer: a server that
        ends under every write, as on a full disk, makes nobody else wait.
        """
        self._refusal = LedgerUnavailableError(retry_after_ms=_RETRY_AFTER_MS)
        self._refuse_queue(self._refusal)
        give_up = asyncio.get_running_loop().call_later(_SETTLE_SECONDS, self._fail, units, OutcomeUnknownError())
        pause = _RECONNECT_SECONDS_MIN
        try:
            while True:
                try:
                    durable = await self._journal.settle()
                except LedgerFencedError as error:
                    self._refusal = error
                    raise
                except Exception as error:
                    # Whatever it is: as long as we do not know, we may not act as if we did.
                    log.warning("append not settled yet", reason=reason_of(error), lsn=self._journal.lsn + 1)
                else:
                    if durable:
                        self._refusal = None
                    return durable
                await asyncio.sleep(pause)
                pause = min(pause * 2, _RECONNECT_SECONDS_MAX)
        finally:
            give_up.cancel()

    def _refuse_queue(self, error: PycoreError) -> None:
        """Answer everything that was not started: nothing of it is recorded, and waiting would not help."""
        waiting = list(self._queue)
        self._queue.clear()
        self.stats.queued_events = 0
        self._fail(waiting, error)

    def _fail(self, units: list[Unit], error: PycoreError) -> None:
        self.stats.failed_batches += 1
        for unit in units:
            unit.fail(error)

    def _expiry_due(self) -> bool:
        expiry = self._engine.next_expiry
        return expiry is not None and expiry <= time.time_ns()

    def _set_expiry_timer(self) -> None:
        """Wake up for the next hold that expires, should nothing else come."""
        if self._expiry_timer is not None:
            self._expiry_timer.cancel()
            self._expiry_timer = None
        expiry = self._engine.next_expiry
        if expiry is not None:
            seconds = max(0.0, (expiry - time.time_ns()) / 1e9)
            self._expiry_timer = asyncio.get_running_loop().call_later(min(seconds, 3600.0), self._wake.set)


def _rows_of(units: list[Unit], results: bytes) -> tuple[BatchRows, list[Unit]]:
    """Return the units' rows, and the units whose rows can be told; the others are given the reason."""
    written = BatchRows()
    sound: list[Unit] = []
    start = 0
    for unit in units:
        end = start + unit.count * RESULT_SIZE
        try:
            if unit.rows_of is not None:
                written.add(unit.rows_of(results[start:end]))
            sound.append(unit)
        except Exception as error:
            unit.fail(error)
        start = end
    return written, sound


def _refused_by_database(error: Exception) -> PycoreError:
    return LedgerUnavailableError(
        f"the database refused the write ({reason_of(error)}): nothing was recorded", retry_after_ms=_RETRY_AFTER_MS
    )
