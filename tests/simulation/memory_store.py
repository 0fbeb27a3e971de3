"""A double of PostgreSQL for the crash simulation: it remembers only what was durable.

It keeps what the real store keeps, by the same rules: journal rows, the projected tables, and how far they follow.
A crash of the simulated process loses the engine and nothing of this.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from pycore import _core
from pycore.ledger import Transfer, TransferFlags
from pycore.ledger.history import ColdRecord
from tests.simulation import binary_copy
from tests.simulation.binary_copy import Row, integer, numeric

_PENDING = TransferFlags.PENDING
_CLOSES_HOLD = TransferFlags.POST_PENDING_TRANSFER | TransferFlags.VOID_PENDING_TRANSFER
_OPEN = 1
_FAILED, _TRANSFER, _MOMENT = 1, 2, 3
_ACCOUNT_TIMESTAMP = 11


class JournalRow(NamedTuple):
    """What is durable of one batch."""

    body: bytes
    results_digest: bytes


@dataclass
class Position:
    """How far the tables follow the journal."""

    lsn: int = 0
    sequence_next: int = 0
    last_timestamp: int = 0
    last_transfer_timestamp: int = 0
    id_time_max_ms: int = 0


@dataclass
class MemoryStore:
    """Everything durable of one ledger."""

    journal: list[JournalRow] = field(default_factory=list)
    position: Position = field(default_factory=Position)
    accounts: dict[bytes, Row] = field(default_factory=dict)
    transfers: list[Row] = field(default_factory=list)
    sequences: dict[int, int] = field(default_factory=dict)
    holds: dict[int, int] = field(default_factory=dict)
    failures: set[int] = field(default_factory=set)
    balances: dict[tuple[int, int], Row] = field(default_factory=dict)
    sealed_chunks: int = 0

    def append(self, batch: _core.Batch) -> None:
        """Make a batch durable."""
        self.journal.append(JournalRow(batch.body, batch.results_digest))

    def project(self, engine: _core.Engine, projection: _core.Projection, lsn: int) -> None:
        """Write one projection in one transaction. Raises ValueError where a key or a row count would not fit."""
        if projection.first_sequence != self.position.sequence_next:
            raise ValueError(f"sequence {projection.first_sequence} does not continue {self.position.sequence_next}")
        for row in binary_copy.decode(projection.accounts):
            self.accounts[row[0] or b""] = row
        for row in binary_copy.decode(engine.transfer_rows(projection.first_sequence, projection.sequence_next)):
            if integer(row[0]) != len(self.transfers) or integer(row[1]) in self.sequences:
                raise ValueError(f"transfer {row[1]!r} at sequence {integer(row[0])} is there already")
            self.sequences[integer(row[1])] = len(self.transfers)
            self.transfers.append(row)
        for row in binary_copy.decode(projection.holds_opened):
            if self.holds.setdefault(integer(row[0]), _OPEN) != _OPEN:
                raise ValueError(f"hold {row[0]!r} was opened twice")
        for row in binary_copy.decode(projection.holds_closed):
            if self.holds.get(integer(row[0])) != _OPEN:
                raise ValueError(f"hold {row[0]!r} is closed, but was not open")
            self.holds[integer(row[0])] = integer(row[1])
        for row in binary_copy.decode(projection.failures):
            self.failures.add(integer(row[0]))
        for row in binary_copy.decode(projection.balances):
            if self.balances.setdefault((integer(row[0]), integer(row[1])), row) is not row:
                raise ValueError(f"balance of {row[0]!r} at {integer(row[1])} is there already")
        if len(self.transfers) != projection.sequence_next:
            raise ValueError(f"{len(self.transfers)} transfers, but the projection ends at {projection.sequence_next}")
        self.position = Position(
            lsn,
            projection.sequence_next,
            projection.last_timestamp,
            projection.last_transfer_timestamp,
            projection.id_time_max_ms,
        )

    def recovered(self, chunk_size: int) -> _core.Engine:
        """Return an engine loaded from the tables and brought to the journal's end."""
        engine = _core.Engine(chunk_size=chunk_size)
        by_time = sorted(self.accounts.values(), key=lambda row: integer(row[_ACCOUNT_TIMESTAMP]))
        engine.load_accounts(binary_copy.encode(by_time))
        open_holds = [row for row in self.transfers if self.holds.get(integer(row[1])) == _OPEN]
        engine.load_open_holds(binary_copy.encode(open_holds))
        engine.load_transfers(binary_copy.encode(self.transfers[self.sealed_chunks * chunk_size :]))
        engine.finish_load(
            sequence_next=self.position.sequence_next,
            last_timestamp=self.position.last_timestamp,
            last_transfer_timestamp=self.position.last_transfer_timestamp,
            id_time_max_ms=self.position.id_time_max_ms,
        )
        for row in self.journal[self.position.lsn :]:
            engine.replay(row.body, row.results_digest)
        return engine

    def cold_records(self, ids: list[int]) -> list[ColdRecord]:
        """Return what the sealed chunks and the failures know of the ids, as the real lookup does."""
        found: list[ColdRecord] = []
        for id in ids:
            if id in self.failures:
                found.append((_FAILED, 0, id.to_bytes(16, "little"), None))
            transfer = self.transfer(id)
            if transfer is not None:
                hold = self.transfer(transfer.pending_id) if transfer.flags & _CLOSES_HOLD else None
                outcome = self.holds[id] if transfer.flags & _PENDING else 0
                found.append((_TRANSFER, outcome, transfer.pack(), hold.pack() if hold else None))
        return found

    def cold_moments(self, timestamps: list[int]) -> list[ColdRecord]:
        """Return which of the timestamps are those of transfers, as the real lookup does."""
        taken = {integer(row[13]) for row in self.transfers} if timestamps else set()
        return [(_MOMENT, 0, moment.to_bytes(8, "little"), None) for moment in timestamps if moment in taken]

    def transfer(self, id: int) -> Transfer | None:
        """Return a projected transfer."""
        sequence = self.sequences.get(id)
        if sequence is None:
            return None
        row = self.transfers[sequence]
        return Transfer(
            id=integer(row[1]),
            debit_account_id=integer(row[2]),
            credit_account_id=integer(row[3]),
            amount=numeric(row[4]),
            pending_id=integer(row[5]),
            user_data_128=integer(row[6]),
            user_data_64=numeric(row[7]),
            user_data_32=integer(row[8]),
            timeout=integer(row[9]),
            ledger=integer(row[10]),
            code=integer(row[11]),
            flags=integer(row[12]),
            timestamp=integer(row[13]),
        )
