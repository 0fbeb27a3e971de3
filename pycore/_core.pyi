"""The compiled core: the ledger engine, the journal's bytes, the wire's bytes, rate limits and routing.

Records cross the boundary as buffers of fixed 128-byte little-endian records (accounts, transfers) and
16-byte results; anything with the buffer protocol is accepted (``bytes``, ``memoryview``, a contiguous
``numpy`` structured array) and read without a copy. 128-bit ids are Python ints.
"""

from collections.abc import Sequence
from typing import Final, TypeAlias, final

from typing_extensions import Buffer

__all__ = [
    "RECORD_SIZE",
    "RESULT_SIZE",
    "Batch",
    "BodyVersionError",
    "ChunkSummary",
    "Engine",
    "Projection",
    "Quota",
    "RateLimiter",
    "Router",
    "RoutingPolicy",
    "RuleTextError",
    "account_status_names",
    "chain_hash",
    "decode_accounts",
    "decode_body",
    "decode_results",
    "decode_transfers",
    "encode_accounts",
    "encode_results",
    "encode_transfers",
    "key_check",
    "routing_reason_names",
    "transfer_status_names",
]

_Units: TypeAlias = Sequence[tuple[int, Buffer]]
"""Requests in order: ``(operation, records)``; operation 1 creates accounts, 2 creates transfers."""

_ColdRecord: TypeAlias = tuple[int, int, Buffer, Buffer | None]
"""What the database knows of an id the engine no longer holds.

``(kind, outcome, record, pending_record)``: kind 1 is a failed id (``record`` is its 16 little-endian bytes),
kind 2 a transfer (``record`` and, when it posted or voided a hold, the hold's record); outcome is 0 not a hold,
1 open, 2 posted, 3 voided, 4 expired.
"""

RECORD_SIZE: Final = 128
RESULT_SIZE: Final = 16

class BodyVersionError(ValueError):
    """A journal body of a format this build does not know."""

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
    def last_transfer_timestamp(self) -> int: ...
    @property
    def id_time_max_ms(self) -> int: ...
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

    def __new__(cls, *, chunk_size: int = ..., accounts_capacity: int = 0) -> Engine:
        """Return an empty ledger; ``chunk_size`` (transfers, a power of two) is how history is cut into chunks."""

    # -- writing
    def cold_ids(self, units: _Units) -> list[int]:
        """Return the ids the database must be asked about before ``apply``; nearly always none.

        Raises ValueError where a unit is empty or not a whole number of records.
        """
    def apply(self, units: _Units, now: int, cold: Sequence[_ColdRecord] | None = None) -> Batch:
        """Apply the units in order as one batch at ``now`` (nanoseconds).

        Raises ValueError for malformed units or more than 8190 events, and RuntimeError if a batch is in flight.
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
    @property
    def window_first_timestamp(self) -> int | None:
        """Its time in nanoseconds; None while the window is empty."""
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
    def transfer_rows(self, first: int, end: int) -> bytes:
        """Return the rows of committed transfers from ``first`` to before ``end`` as a COPY stream.

        Raises ValueError where one of them is not in memory.
        """
    def seal_chunk(self, chunk: int) -> ChunkSummary: ...
    def evict_chunk(self, chunk: int) -> None:
        """Forget the window's oldest chunk; it must be projected and indexed."""

    # -- recovering: binary COPY output, cut anywhere
    def load_accounts(self, data: Buffer) -> None: ...
    def load_open_holds(self, data: Buffer) -> None: ...
    def load_transfers(self, data: Buffer) -> None: ...
    def finish_load(
        self, *, sequence_next: int, last_timestamp: int, last_transfer_timestamp: int, id_time_max_ms: int
    ) -> None:
        """Raise ValueError where the loaded rows contradict each other."""
    def replay(self, body: Buffer, results_digest: Buffer) -> Batch:
        """Apply and commit a journal body.

        Raises ValueError when the body is damaged or the results differ from the recorded digest,
        BodyVersionError when a newer version wrote it.
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

# -- the wire: messages of pycore.ledger.v1 without a Python object per item. Every request and response that
# carries accounts, transfers or results carries them as its field 1.

def decode_accounts(message: Buffer) -> bytes:
    """Return the records of a message that repeats ``Account``. Raises ValueError, naming the item."""

def decode_transfers(message: Buffer) -> bytes:
    """Return the records of a message that repeats ``Transfer``. Raises ValueError, naming the item."""

def encode_accounts(records: Buffer) -> bytes:
    """Return a message that repeats ``Account``. Raises ValueError for an incomplete record."""

def encode_transfers(records: Buffer) -> bytes:
    """Return a message that repeats ``Transfer``. Raises ValueError for an incomplete record."""

def encode_results(results: Buffer) -> bytes:
    """Return a message that repeats a create result, for packed 16-byte results."""

def decode_results(operation: int, message: Buffer) -> bytes:
    """Return packed 16-byte results of a message that repeats them. Raises ValueError for an unknown status."""

# -- rate limits: the engine's ``rate_limit``

@final
class Quota:
    """So many ``units`` in ``window_ns`` nanoseconds, of which ``burst`` may come at once."""

    def __new__(cls, units: int, window_ns: int, burst: int) -> Quota:
        """Raise ValueError where one is zero, or where a burst takes more than 366 days to be paid off."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    @property
    def burst(self) -> int:
        """The most units that may pass at once."""

@final
class RateLimiter:
    """Counts what keys do; only keys that have all their units back are forgotten for others."""

    def __new__(cls, keys_max: int, seed: int) -> RateLimiter: ...
    def check(self, limits: Sequence[tuple[int, Quota]], cost: int, now: int) -> tuple[int, int | None] | None:
        """Count ``cost`` units at ``now`` (nanoseconds of any epoch) against every key, or against none.

        Return None, or nanoseconds until the same check may pass and the position of the limit that takes longest
        (None: there is no room for a new key). Raises ValueError where there are more than four limits, the same key
        twice, no cost, or a cost above a burst.
        """
    @property
    def keys_count(self) -> int: ...

# -- routing: the engine's ``routing``

_Terms: TypeAlias = tuple[str, int, int, int, int, int, int]
"""``(currency, amount_min, amount_max, basis_points, fixed_minor, min_minor, max_minor)``."""

_Route: TypeAlias = tuple[str, str, str | None, bool, Sequence[_Terms]]
"""``(channel, method, bank, on_us, terms)``."""

_Options: TypeAlias = tuple[int, int, int, int, int, int, int, int]
"""``(half_life_ns, prior_succeeded, prior_failed, failures_max, cool_down_ns, cool_down_ns_max, exploration_ppm,
utc_offset_s)``."""

_Request: TypeAlias = tuple[Sequence[str], str | None, str, int, int]
"""``(methods, bank, currency, amount_minor, value_minor)``."""

_Considered: TypeAlias = tuple[int, int, int, int, int, int]
"""``(route, reason, rule_line, success_ppm, cost_minor, score)``; the score is in millionths of a minor unit."""

class RuleTextError(ValueError):
    """A text that is no routing rules: line, column, message."""

@final
class RoutingPolicy:
    """What a merchant may and wants to use; made by ``Router.policy``."""

@final
class Router:
    """Decides which routes to try, best first. Times are nanoseconds since 1970."""

    def __new__(cls, routes: Sequence[_Route], options: _Options) -> Router:
        """Raise ValueError where routes or options contradict themselves."""
    def policy(
        self, allowed: Sequence[str] | None, denied: Sequence[str], labels: Sequence[str], rules: str
    ) -> RoutingPolicy:
        """Raise RuleTextError where the text is no rules, or names what the catalogue lacks."""
    def decide(
        self, request: _Request, policy: RoutingPolicy, now: int, seed: int
    ) -> tuple[bool, int, list[_Considered]]:
        """Return whether it explored, how many routes are kept, and every route: the kept ones first, best first."""
    def begin(self, route: int, now: int) -> None:
        """Note that a try begins. Raises IndexError, as those below do."""
    def record(self, route: int, outcome: int, now: int) -> None:
        """Note its outcome: 1 succeeded, 2 failed, 3 refused by the payer, 4 not answered in time."""
    def set_up(self, route: int, is_up: bool) -> None: ...
    def standing(self, route: int, now: int) -> tuple[int, bool, bool]:
        """Return the success rate in parts per million, whether it is up, whether it is set aside."""

def routing_reason_names() -> dict[str, int]:
    """Return every reason of a decision log by name."""
