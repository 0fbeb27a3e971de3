"""The compiled core: the ledger engine, the journal's bytes, and the wire's bytes.

Records cross the boundary as buffers of fixed 128-byte little-endian records (accounts, transfers) and
16-byte results; anything with the buffer protocol is accepted (``bytes``, ``memoryview``, a contiguous
``numpy`` structured array) and read without a copy. 128-bit ids are Python ints.
"""

from collections.abc import Buffer, Sequence
from typing import Final, final

Units = Sequence[tuple[int, Buffer]]
"""Requests in order: ``(operation, records)``; operation 1 creates accounts, 2 creates transfers."""

ColdRecord = tuple[int, int, Buffer, Buffer | None]
"""What the database knows of an id the engine no longer holds.

``(kind, outcome, record, pending_record)``: kind 1 is a failed id (``record`` is its 16 little-endian bytes),
kind 2 a transfer (``record`` and, when it posted or voided a hold, the hold's record); outcome is 0 not a hold,
1 open, 2 posted, 3 voided, 4 expired.
"""

RECORD_SIZE: Final = 128
RESULT_SIZE: Final = 16

@final
class Batch:
    """One applied, not yet durable batch."""

    @property
    def timestamp(self) -> int:
        """Nanoseconds: the batch's own time, recorded in the body."""
    @property
    def body(self) -> bytes:
        """The journal row's body."""
    @property
    def results(self) -> bytes:
        """One 16-byte result per event, all units in order."""
    @property
    def results_digest(self) -> bytes:
        """BLAKE3 of the results; a replay must reproduce it."""
    @property
    def event_count(self) -> int: ...
    @property
    def transfers_created(self) -> int: ...
    @property
    def expired(self) -> int:
        """Holds that expired at the start of this batch."""

@final
class Projection:
    """Everything committed since the last one, as PostgreSQL binary COPY buffers (``b""`` where there is nothing)."""

    @property
    def first_sequence(self) -> int: ...
    @property
    def sequence_next(self) -> int: ...
    @property
    def last_timestamp(self) -> int: ...
    @property
    def id_time_max_ms(self) -> int: ...
    @property
    def transfers(self) -> bytes: ...
    @property
    def accounts(self) -> bytes: ...
    @property
    def holds_opened(self) -> bytes: ...
    @property
    def holds_closed(self) -> bytes: ...
    @property
    def failures(self) -> bytes: ...
    @property
    def balances(self) -> bytes: ...

@final
class ChunkSummary:
    """What tells whether an id or a time can be inside a chunk of transfers."""

    @property
    def first_timestamp(self) -> int: ...
    @property
    def last_timestamp(self) -> int: ...
    @property
    def id_time_min_ms(self) -> int: ...
    @property
    def id_time_max_ms(self) -> int: ...
    @property
    def has_implausible_ids(self) -> bool: ...

@final
class Engine:
    """The deterministic ledger: no I/O, no clock. At most one batch is in flight; reads show committed state only."""

    def __new__(cls, *, chunk_size: int = 1 << 20, accounts_capacity: int = 0) -> Engine:
        """Return an empty ledger; ``chunk_size`` (transfers, a power of two) is how history is cut into chunks."""

    # -- writing
    def cold_ids(self, units: Units) -> list[int]:
        """Return the ids the database must be asked about before ``apply``; nearly always none.

        Raises ValueError where a unit is empty or not a whole number of records.
        """
    def apply(self, units: Units, now: int, cold: Sequence[ColdRecord] = ()) -> Batch:
        """Apply the units in order as one batch at ``now`` (nanoseconds).

        Raises ValueError for malformed units and RuntimeError if a batch is in flight.
        """
    def commit(self) -> None:
        """The batch in flight is durable."""
    def rollback(self) -> None:
        """The batch in flight never happened."""
    @property
    def in_flight(self) -> bool: ...
    @property
    def next_expiry(self) -> int | None:
        """When the next hold expires, in nanoseconds."""
    @property
    def last_timestamp(self) -> int: ...
    @property
    def sequence_next(self) -> int:
        """How many transfers were ever created and committed."""

    # -- reading
    @property
    def accounts_count(self) -> int: ...
    @property
    def open_holds_count(self) -> int: ...
    @property
    def window_first_sequence(self) -> int:
        """The oldest transfer still in memory; older ones are in indexed chunks of the database."""
    def lookup_accounts(self, ids: Sequence[int]) -> bytes:
        """Return the records of those that exist, in the order of ``ids``."""
    def lookup_transfer(self, id: int) -> tuple[bytes, int] | None:
        """Return a transfer in memory and the outcome of its hold (0 if it is none)."""
    def account_transfers(self, filter: Buffer) -> bytes:
        """Return the transfers in memory that match a 128-byte account filter."""
    def account_balances(self, filter: Buffer) -> bytes:
        """Return the balance records in memory that match a 128-byte account filter (``history`` accounts)."""
    def trial_balance(self) -> list[tuple[int, int, int, int, int, int]]:
        """Return per ledger: ledger, accounts, debits pending, debits posted, credits pending, credits posted."""
    def check_invariants(self) -> None:
        """Raise ValueError naming the first broken invariant."""
    def state_hash(self) -> bytes: ...

    # -- projecting
    def take_projection(self) -> Projection | None:
        """Return what was committed since the last call, or None."""
    def seal_chunk(self, chunk: int) -> ChunkSummary: ...
    def evict_chunk(self, chunk: int) -> None:
        """Forget the window's oldest chunk; it must be projected and indexed."""

    # -- recovering: binary COPY output, cut anywhere
    def load_accounts(self, data: Buffer) -> None: ...
    def load_open_holds(self, data: Buffer) -> None: ...
    def load_transfers(self, data: Buffer) -> None: ...
    def finish_load(self, *, sequence_next: int, last_timestamp: int, id_time_max_ms: int) -> None:
        """Raise ValueError where the loaded rows contradict each other."""
    def replay(self, body: Buffer, results_digest: Buffer) -> Batch:
        """Apply and commit a journal body.

        Raises ValueError when the body is damaged or the results differ from the recorded digest,
        NotImplementedError when the body was written by a newer version.
        """

def chain_hash(key: Buffer, prev_hash: Buffer, lsn: int, epoch: int, body: Buffer) -> bytes:
    """Return the keyed BLAKE3 that links a journal row to the one before it."""

def key_check(key: Buffer) -> bytes:
    """Return a value that tells keys apart without telling the key."""

def decode_body(body: Buffer) -> tuple[int, list[tuple[int, bytes]]]:
    """Return a journal body's timestamp and units. Raises as ``Engine.replay`` does."""

def account_status_names() -> dict[str, int]:
    """Return every result code of ``create_accounts`` by name."""

def transfer_status_names() -> dict[str, int]:
    """Return every result code of ``create_transfers`` by name."""

def decode_create_accounts(request: Buffer) -> bytes:
    """Return the records of a ``CreateAccountsRequest``. Raises ValueError when it is not one."""

def decode_create_transfers(request: Buffer) -> bytes:
    """Return the records of a ``CreateTransfersRequest`` or ``StreamTransfersRequest``. Raises ValueError."""

def encode_create_results(operation: int, results: Buffer) -> bytes:
    """Return the response message for packed 16-byte results."""

def encode_create_accounts_request(records: Buffer) -> bytes: ...
def encode_create_transfers_request(records: Buffer) -> bytes: ...
def decode_create_results(operation: int, response: Buffer) -> bytes:
    """Return packed 16-byte results of a create response. Raises ValueError."""

def encode_accounts_response(records: Buffer) -> bytes:
    """Return a message whose field 1 repeats ``Account``."""

def encode_transfers_response(records: Buffer) -> bytes:
    """Return a message whose field 1 repeats ``Transfer``."""

def decode_accounts_response(response: Buffer) -> bytes: ...
def decode_transfers_response(response: Buffer) -> bytes: ...
