"""T7: a whole ledger process, crashed again and again inside this one; any seed replays identically.

The story: a process is killed at the worst moments: after a batch was applied but before it was durable, after it was
durable but before anybody was told, in the middle of a projection, between a chunk's seal and its eviction. Whatever
was acknowledged must be there after the restart, once, and the restarted engine must be the engine that never crashed.

The simulated process drives the real engine over a store double that remembers only what was durable. An oracle, the
same engine that never restarts and forgets nothing, is fed exactly the durable batches: results and state hash must
agree after every step.
"""

from __future__ import annotations

import hashlib
from random import Random
from typing import NamedTuple

from pycore import _core
from pycore.ledger.history import ColdRecord
from pycore.ledger.status import Operation, unpack_transfer_results
from pycore.ledger.transfer import unpack_transfers
from tests.simulation.memory_store import MemoryStore
from tests.simulation.random_events import RandomEvents, Unit
from tests.simulation.report import Arguments, Outcome, main

_CHUNK_SIZE = 16
_FIRST_MOMENT = 1_700_000_000_000_000_000
_CREATED = 0xFFFFFFFF
_STEPS = 60


class SimulationError(AssertionError):
    """The restarted ledger is not what it was, or an acknowledgement was not kept."""


class _CrashError(Exception):
    """The process ends here."""


class Protections(NamedTuple):
    """What keeps money safe; the harness test switches one off and expects this suite to notice."""

    acknowledge_after_commit: bool = True
    rollback_after_refusal: bool = True
    ask_for_cold_ids: bool = True
    project_failures: bool = True
    project_with_position: bool = True


class Process:
    """The ledger's writer and projector, reduced to their order of steps."""

    def __init__(self, store: MemoryStore, random: Random, protections: Protections) -> None:
        self._store = store
        self._random = random
        self._protections = protections
        self.engine = store.recovered(_CHUNK_SIZE)
        self.lsn = len(store.journal)
        self._projecting: tuple[_core.Projection, int] | None = None

    def write(self, units: list[Unit], now: int, acknowledge: Acknowledge) -> bool:
        """Apply, make durable, commit, answer: or crash between any two of them. Return whether it was not refused."""
        cold = self._cold_records(units)
        batch = self.engine.apply(units, now, cold)
        if not self._protections.acknowledge_after_commit:
            acknowledge(batch.results)
        if self._random.random() < 0.2:
            # The projector runs while a batch is in flight: it must see the state before it.
            self.project()
        fate = self._random.random()
        if fate < 0.08:
            raise _CrashError
        if fate < 0.16:
            if self._protections.rollback_after_refusal:
                self.engine.rollback()
            else:
                self.engine.commit()
            return False
        self._store.append(batch)
        self.lsn += 1
        if fate < 0.24:
            raise _CrashError
        self.engine.commit()
        acknowledge(batch.results)
        return True

    def _cold_records(self, units: list[Unit]) -> list[ColdRecord]:
        if not self._protections.ask_for_cold_ids:
            return []
        found = self._store.cold_records(self.engine.cold_ids(units))
        return found + self._store.cold_moments(self.engine.cold_moments(units))

    def project(self) -> None:
        """Write what is committed into the tables, or fail and keep it for the next try, or crash around it."""
        if self._projecting is None:
            projection = self.engine.take_projection() if self.lsn > self._store.position.lsn else None
            if projection is None:
                return
            self._projecting = projection, self.lsn
        projection, lsn = self._projecting
        fate = self._random.random()
        if fate < 0.1:
            raise _CrashError
        if fate < 0.2:
            return
        before = self._store.position
        failures = set(self._store.failures)
        self._store.project(self.engine, projection, lsn)
        if not self._protections.project_failures:
            self._store.failures = failures
        if not self._protections.project_with_position:
            self._store.position = before
        if fate < 0.3:
            raise _CrashError
        self._projecting = None

    def seal(self) -> None:
        """Let the engine forget its oldest chunk, once it is full and projected."""
        chunk = self._store.sealed_chunks
        if (chunk + 1) * _CHUNK_SIZE <= self._store.position.sequence_next and self._projecting is None:
            self.engine.seal_chunk(chunk)
            self._store.sealed_chunks += 1
            if self._random.random() < 0.1:
                raise _CrashError
            self.engine.evict_chunk(chunk)


class Acknowledge:
    """What one caller was told."""

    def __init__(self, units: list[Unit], acknowledged: dict[int, int]) -> None:
        self._units = units
        self._acknowledged = acknowledged

    def __call__(self, results: bytes) -> None:
        """Remember every transfer that was reported as created, and when."""
        start = 0
        for operation, records in self._units:
            end = start + len(records) // 8
            if operation == Operation.CREATE_TRANSFERS:
                told = zip(unpack_transfers(records), unpack_transfer_results(results[start:end]), strict=True)
                created = {transfer.id: result.timestamp for transfer, result in told if result.status == _CREATED}
                if created.keys() & self._acknowledged.keys():
                    raise SimulationError("a transfer was acknowledged as created twice")
                self._acknowledged |= created
            start = end


class Simulation:
    """One seed: a schedule of batches, projections, refusals, crashes and restarts."""

    def __init__(self, seed: int, protections: Protections | None = None) -> None:
        self._random = Random(seed)
        self._protections = protections or Protections()
        self._events = RandomEvents(self._random)
        self._store = MemoryStore()
        self._oracle = _core.Engine(chunk_size=1 << 20)
        self._oracle_lsn = 0
        self._now = _FIRST_MOMENT
        self._acknowledged: dict[int, int] = {}
        self._unanswered: list[Unit] = []
        self._trace = hashlib.blake2b(digest_size=16)
        self.crashes = 0
        self.batches = 0

    def run(self) -> str:
        """Run the schedule and return a digest of everything that became durable. Raises SimulationError."""
        process = self._restarted()
        self._unanswered.append(self._events.first_accounts())
        for _ in range(_STEPS):
            try:
                self._step(process)
            except _CrashError:
                self.crashes += 1
                process = self._restarted()
            self._check(process)
        return self._trace.hexdigest()

    def _restarted(self) -> Process:
        try:
            return Process(self._store, self._random, self._protections)
        except ValueError as error:
            raise SimulationError(f"the restart was refused: {error}") from error

    def _step(self, process: Process) -> None:
        self._now += self._random.choice((1, 1_000_000, 700_000_000, 5_000_000_000))
        # The wall clock may step back; the ledger's time must not.
        now = self._now - (10_000_000_000 if self._random.random() < 0.05 else 0)
        kind = self._random.random()
        if self.batches == 0 or (kind < 0.1 and self._unanswered):
            units, self._unanswered = self._unanswered, []
            self._attempt(process, units, now)
        elif kind < 0.7:
            self._attempt(process, self._events.units(now), now)
        elif kind < 0.75:
            self._attempt(process, [], now)
        elif kind < 0.9:
            self._project(process)
        elif kind < 0.97:
            process.seal()
        else:
            raise _CrashError

    def _project(self, process: Process) -> None:
        try:
            process.project()
        except ValueError as error:
            raise SimulationError(f"the projection does not fit: {error}") from error

    def _attempt(self, process: Process, units: list[Unit], now: int) -> None:
        answered = False
        try:
            answered = process.write(units, now, Acknowledge(units, self._acknowledged))
        except ValueError as error:
            raise SimulationError(f"the projection does not fit: {error}") from error
        finally:
            if not answered:
                # Refused, or nobody was left to answer: the callers will ask again.
                self._unanswered += units
            self._follow(units, now)

    def _follow(self, units: list[Unit], now: int) -> None:
        """Let the oracle apply what became durable, and compare the recorded results with its own."""
        if len(self._store.journal) == self._oracle_lsn:
            return
        self._oracle_lsn += 1
        self.batches += 1
        row = self._store.journal[-1]
        batch = self._oracle.apply(units, now)
        self._oracle.commit()
        self._trace.update(row.body + row.results_digest)
        if batch.results_digest != row.results_digest:
            raise SimulationError(f"batch {self._oracle_lsn}: results differ from those of a ledger that never crashed")

    def _check(self, process: Process) -> None:
        if process.engine.state_hash() != self._oracle.state_hash():
            raise SimulationError(f"after batch {self._oracle_lsn} the state differs from a ledger that never crashed")
        try:
            process.engine.check_invariants()
        except ValueError as error:
            raise SimulationError(str(error)) from error
        for id, timestamp in self._acknowledged.items():
            found = self._oracle.lookup_transfer(id)
            if found is None or unpack_transfers(found[0])[0].timestamp != timestamp:
                raise SimulationError(f"transfer {id} was acknowledged and is lost")


def run_seed(seed: int) -> Outcome:
    """Run one seed twice; both runs must leave the same journal."""
    first, second = Simulation(seed), Simulation(seed)
    if first.run() != second.run():
        raise SimulationError("the same seed left another journal")
    return {"crashes": first.crashes, "batches": first.batches}


def run(arguments: Arguments) -> Outcome:
    """Run ``count`` seeds from ``seed`` on."""
    total = {"seeds": 0, "crashes": 0, "batches": 0}
    for seed in arguments.progress(range(arguments.seed, arguments.seed + arguments.count)):
        try:
            outcome = run_seed(seed)
        except SimulationError as error:
            raise SimulationError(f"seed {seed}: {error}") from error
        total["seeds"] += 1
        for name, number in outcome.items():
            total[name] += number
    return total


if __name__ == "__main__":
    main("crash_simulation", run, count=10_000)
