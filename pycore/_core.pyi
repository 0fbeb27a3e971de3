"""The compiled core: the ledger engine, the journal's bytes, the wire's bytes, rate limits, routing and the vault.

Records cross the boundary as buffers of fixed 128-byte little-endian records (accounts, transfers) and
16-byte results; anything with the buffer protocol is accepted (``bytes``, ``memoryview``, a contiguous
``numpy`` structured array) and read without a copy. 128-bit ids are Python ints.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NoReturn, TypeAlias, final

from typing_extensions import Buffer

from pycore.errors import InvalidRequestError
from pycore.tenant import Tenant

__all__ = [
    "RECORD_SIZE",
    "RESULT_SIZE",
    "BalanceAccounts",
    "BalanceCounter",
    "Batch",
    "BlindIndex",
    "BodyVersionError",
    "CardNumber",
    "ChunkSummary",
    "Engine",
    "IdGenerator",
    "Keyring",
    "NewPayment",
    "OpenError",
    "PaymentClaims",
    "Projection",
    "Quota",
    "RateLimiter",
    "Router",
    "RoutingPolicy",
    "RowBuffer",
    "RuleTextError",
    "SealError",
    "SubjectKey",
    "VerificationValue",
    "WrappedKey",
    "account_status_names",
    "chain_hash",
    "check_confirmation",
    "decide_payments",
    "decode_accounts",
    "decode_body",
    "decode_results",
    "decode_transfers",
    "encode_accounts",
    "encode_results",
    "encode_transfers",
    "expect_payments",
    "find_card_numbers",
    "find_possible_card_numbers",
    "key_check",
    "mask_card_numbers",
    "payments_recorded",
    "read_payment",
    "read_payments",
    "recall_arguments",
    "routing_reason_names",
    "transfer_status_names",
    "write_payments",
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
    def cold_moments(self, units: _Units) -> list[int]:
        """Return the timestamps at which the database must be asked before ``apply``; nearly always none.

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

# -- the vault. Every refusal to open is one and the same OpenError; ids of keys are 128-bit. A context is tenant, field
# and record: bound to the value, not stored in it.

_Item: TypeAlias = tuple[bytes, str, str, str]
"""A value or a sealed value, its tenant, field and record."""

class OpenError(ValueError):
    """A sealed value or wrapped key that cannot be opened; why is not told."""

class SealError(ValueError):
    """A value that was not sealed: no data key is active, it has more than 65,536 bytes, or its key is restricted."""

@final
class WrappedKey:
    """A key as it is stored: sealed under a key-encryption key."""

    @staticmethod
    def from_bytes(data: bytes) -> WrappedKey:
        """Return the key of stored bytes. Raises OpenError."""
    def to_bytes(self) -> bytes:
        """Return the key as bytes, to be stored: 114 of them, 20 once shredded."""
    @property
    def id(self) -> int: ...
    @property
    def kind(self) -> int:
        """1 data, 2 subject, 3 blind index."""
    @property
    def algorithm(self) -> int:
        """What the key seals with: 1 AES-256-GCM, 2 SM4-GCM."""
    @property
    def state(self) -> int:
        """1 active, 2 restricted, 3 shredded."""
    @property
    def wrapped_under(self) -> int | None:
        """The id of the key-encryption key, or None once shredded."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    __hash__: None  # type: ignore[assignment]

@final
class Keyring:
    """The keys of a process: one data key seals, all of them open. Safe to share between threads."""

    def __new__(cls, key_encryption_keys: Sequence[bytes], algorithm: int) -> Keyring:
        """Return a keyring without data keys.

        The first of the key-encryption keys (32 bytes each) wraps, all unwrap; new keys seal with ``algorithm``.
        Raises ValueError where there is none, or one has another size.
        """
    def replace_key_encryption_keys(self, key_encryption_keys: Sequence[bytes]) -> None:
        """Take other key-encryption keys; data keys already added stay usable. Raises ValueError as above."""
    @property
    def key_encryption_key_id(self) -> int:
        """The id of the key-encryption key that wraps."""
    def create_data_key(self, id: int) -> WrappedKey:
        """Return a new data key, which opens at once."""
    def add_data_key(self, wrapped: WrappedKey) -> None:
        """Open with a stored data key too. Raises OpenError."""
    def activate(self, id: int) -> None:
        """Seal with this data key. Raises ValueError where it was not added."""
    def remove(self, id: int) -> None:
        """Forget a data key. Raises ValueError where it is active or was not added."""
    @property
    def active_id(self) -> int | None: ...
    def rewrap(self, wrapped: WrappedKey, owner: tuple[str, str] | None) -> WrappedKey:
        """Return the key wrapped anew; ``owner`` is the tenant and subject of a person's key. Raises OpenError."""
    def seal(self, value: bytes, tenant: str, field: str, record: str) -> bytes:
        """Return the value sealed with the active data key, 62 bytes longer. Raises SealError."""
    def open(self, sealed: bytes, tenant: str, field: str, record: str) -> bytes:
        """Return what was sealed for this context. Raises OpenError."""
    def seal_many(self, items: Sequence[_Item]) -> list[bytes]:
        """Return all values sealed, or raise SealError."""
    def open_many(self, items: Sequence[_Item]) -> list[bytes]:
        """Return all that was sealed, or raise OpenError."""
    def create_subject_key(self, id: int, tenant: str, subject: str) -> WrappedKey:
        """Return a new key for one person's data."""
    def subject_key(self, wrapped: WrappedKey, tenant: str, subject: str) -> SubjectKey:
        """Return a person's key to seal and open with. Raises OpenError."""
    def restrict(self, wrapped: WrappedKey, tenant: str, subject: str) -> WrappedKey:
        """Return a person's key in the state restricted. Raises OpenError."""
    @staticmethod
    def shred(wrapped: WrappedKey) -> WrappedKey:
        """Return what is stored in the place of a person's shredded key. Raises OpenError for other kinds."""
    def create_index_key(self, id: int) -> WrappedKey:
        """Return a new key for blind indexes."""
    def blind_index(self, wrapped: WrappedKey) -> BlindIndex:
        """Return the blind index of a stored key. Raises OpenError."""
    def tokenise(self, card: CardNumber, tenant: str, index: BlindIndex) -> tuple[str, bytes, bytes]:
        """Return a new token, the index that finds it again, and the sealed number. Raises SealError."""
    def detokenise(self, sealed: bytes, tenant: str, token: str) -> CardNumber:
        """Return the card number of a tenant's token. Raises OpenError."""

@final
class SubjectKey:
    """A person's key, unwrapped."""

    @property
    def state(self) -> int:
        """1 active, 2 restricted."""
    def seal(self, value: bytes, tenant: str, field: str, record: str) -> bytes:
        """Return the value sealed with the person's key. Raises SealError."""
    def open(self, sealed: bytes, tenant: str, field: str, record: str, *, legal_duty: bool = False) -> bytes:
        """Return what was sealed; a restricted key opens for a legal duty only. Raises OpenError."""

@final
class BlindIndex:
    """HMAC-SHA-256 of a value in its normal form, apart for each tenant and field."""

    def index(self, tenant: str, field: str, normal: bytes) -> bytes:
        """Return 32 bytes, equal for equal values."""
    def card(self, tenant: str, card: CardNumber) -> bytes:
        """Return what finds a tenant's token of this number."""

@final
class CardNumber:
    """A card number: 13 to 19 digits with a right check digit. It prints its last four and cannot be pickled."""

    def __new__(cls, digits: str) -> CardNumber:
        """Raise ValueError, without the digits, where they are no card number."""
    def reveal(self) -> str:
        """Return all digits: for the card's network and nobody else."""
    @property
    def bin(self) -> str:
        """The issuer's number: the first 8 digits, or 6 where there are fewer than 16."""
    @property
    def last_four(self) -> str: ...
    @property
    def masked(self) -> str:
        """The most that may be shown: issuer's number and last four digits, stars between."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    __hash__: None  # type: ignore[assignment]
    def __reduce__(self) -> NoReturn: ...

@final
class VerificationValue:
    """A card's verification value: cannot be stored, copied, compared or printed, and is wiped when it was taken."""

    def __new__(cls, digits: str | bytearray) -> VerificationValue:
        """Take three or four digits; a ``bytearray`` is wiped. Raises ValueError, without the digits."""
    def take(self) -> str:
        """Return the digits, once. Raises ValueError afterwards."""
    def __reduce__(self) -> NoReturn: ...

def find_card_numbers(text: str) -> list[tuple[int, int]]:
    """Return where (first character, character after the last) a text holds card numbers.

    That is 13 to 19 digits with a right check digit that begin as a network's do at that length, in any script, also in
    groups. Where a network's range holds more other numbers than cards (Mastercard's 22 to 27, Visa's 19 digits), an
    undivided number is one only beside a word for a card, or where its issuer is known.
    """

def find_possible_card_numbers(text: str) -> list[tuple[int, int]]:
    """Return where a text may hold card numbers: also those that are more often something else; to be masked only."""

def mask_card_numbers(text: str) -> str:
    """Return the text with every possible card number masked but for its issuer's number and last four digits."""

@final
class IdGenerator:
    """Makes UUIDv7 ids that only grow, also within one millisecond and when the clock steps back a little.

    Safe to share between threads.
    """

    def __new__(cls, clock_ms: Callable[[], int] | None = None) -> IdGenerator:
        """``clock_ms`` returns milliseconds since 1970; None: the system's."""
    def new_id(self) -> int:
        """Return an id greater than all before it (unless the clock was set back by more than ten seconds)."""
    def forget_randomness(self) -> None:
        """Ask the system for new random numbers: a forked process has its parent's."""

@final
class NewPayment:
    """A payment on its way: what was asked, and what has become of it so far.

    Its properties are named as those of ``CreatePayment`` and ``PaymentRecord``; enums are their text.
    """

    def __new__(cls, tenant: Tenant, key: str, request: Any, ids: IdGenerator, now_ns: int) -> NewPayment:
        """Take a ``CreatePayment``. Raises InvalidRequestError where the key or a field is not allowed."""
    @property
    def tenant(self) -> Tenant: ...
    @property
    def id(self) -> int: ...
    @property
    def key(self) -> str: ...
    @property
    def fingerprint(self) -> bytes:
        """16 bytes that tell what is asked apart from everything else."""
    @property
    def merchant_reference(self) -> str: ...
    @property
    def amount(self) -> int: ...
    @property
    def currency(self) -> str: ...
    @property
    def subject(self) -> str: ...
    @property
    def method(self) -> str | None: ...
    @property
    def capture_method(self) -> str: ...
    @property
    def channel(self) -> str | None: ...
    @property
    def customer_id(self) -> int | None: ...
    @property
    def store_id(self) -> int | None: ...
    @property
    def payer(self) -> tuple[str | None, str | None, str | None] | None:
        """The code the payer shows, the payer's id, the payer's address."""
    @property
    def return_url(self) -> str | None: ...
    @property
    def metadata(self) -> dict[str, str]: ...
    @property
    def status(self) -> str: ...
    @property
    def is_doubtful(self) -> bool:
        """Whether there are ``doubts``."""
    @property
    def doubts(self) -> list[str]:
        """What only a closer look can tell: of ``subject``, ``currency`` and ``secrets``."""
    @property
    def is_paid_from_balance(self) -> bool:
        """Whether the ledger decides at once."""
    @property
    def names_others(self) -> bool:
        """Whether it names a store, or a customer who does not pay from a balance."""
    @property
    def is_to_be_confirmed(self) -> bool:
        """Whether it was made now, and a channel is to be asked."""
    @property
    def reply(self) -> str | None:
        """The payment as JSON, once its rows were written."""
    @property
    def outcome(self) -> Any:
        """What became of the request where that is not this payment: an earlier ``Payment``, or a PycoreError."""
    @outcome.setter
    def outcome(self, value: Any) -> None: ...
    def response(self) -> bytes:
        """Return the ``CreatePaymentResponse``."""
    def result(self) -> bytes:
        """Return a ``SubmitPaymentsResponse`` with this one result; such messages back to back are one message."""

_Limits: TypeAlias = tuple[int, int, int, int, tuple[int, int, int]]
"""A business day (days since 1970), its year, what a customer verified by two factors and by fewer may pay in a day,
and what an account of class I may pay in its lifetime, of II and III in a year: minor units."""

@final
class BalanceCounter:
    """Counts what customers pay from their balances in yuan."""

    def __new__(cls) -> BalanceCounter: ...
    def unknown(self, customer_ids: Sequence[int]) -> list[int]:
        """Return those that were not learned."""
    def unknown_payers(self, payments: Sequence[NewPayment]) -> list[int]:
        """Return the payers of payments from balances that were not learned, each once."""
    def strangers(self, payments: Sequence[NewPayment]) -> list[int]:
        """Return the places of payments from balances whose payer was not learned or is another tenant's."""
    def learn(
        self, customer_id: int, tenant: Tenant, account_class: int, day: int, year: int, today: int, counted: int
    ) -> None:
        """Take whose a customer is and what it used; nothing where it is known. Raises ValueError for a class."""
    def take(self, customer_id: int, minor: int, authentication: str, limits: _Limits) -> str | None:
        """Count a payment until it is ``decided``; return why it may not be. Raises KeyError for an unknown one."""
    def take_all(self, payments: Sequence[NewPayment], limits: _Limits) -> list[int]:
        """Count payments; return the places of those that may be, the others have failed. Raises KeyError."""
    def decided(self, customer_id: int, minor: int, paid: bool | None) -> None:
        """Note what became of a counted payment; None: nobody knows, and the customer is forgotten."""
    def decided_all(self, payments: Sequence[NewPayment], recorded: bool | None) -> None:
        """Note what became of counted payments: what they say where they were recorded; None: nobody knows."""
    def forget(self, customer_id: int) -> None:
        """Forget a customer, unless a payment is under way."""
    def make_room(self) -> None:
        """Forget every customer without a payment under way."""
    def __len__(self) -> int: ...

@final
class BalanceAccounts:
    """The accounts of customers and merchants that exist, by ledger and owner."""

    def __new__(cls, ledgers: dict[tuple[str, bool], int]) -> BalanceAccounts:
        """``ledgers`` are the ledgers' numbers by currency and mode."""
    def unknown(self, payments: Sequence[NewPayment]) -> list[tuple[int, int, int]]:
        """Return ledger, owner and the place of a payment, of each account that was not learned."""
    def learn(self, ledger: int, owner_id: int, account_id: int) -> None:
        """Take an account that exists."""
    def clear(self) -> None:
        """Forget all."""
    def transfers(self, payments: Sequence[NewPayment]) -> bytes:
        """Return the packed transfers of payments from balances. Raises KeyError for an account that is not known."""
    def __len__(self) -> int: ...

@final
class PaymentClaims:
    """The keys and references of payments under way: no two payments may share one."""

    def __new__(cls) -> PaymentClaims: ...
    def take(self, payment: NewPayment) -> bool:
        """Claim a payment's; return False, with nothing claimed, where another one has it."""
    def release(self, payments: Sequence[NewPayment]) -> None:
        """Give back what was claimed."""
    def __len__(self) -> int: ...

@final
class RowBuffer:
    """Rows of one table, encoded for PostgreSQL."""

    def __new__(cls, columns: Sequence[tuple[str, str]]) -> RowBuffer:
        """Take names and types: uuid, boolean, smallint, integer, bigint, text, json, bytea. Raises ValueError."""
    def extend(self, rows: Iterable[tuple[object, ...]]) -> None:
        """Add rows: one value per column, None for NULL, an int for uuid, str or UTF-8 bytes for json.

        Raises TypeError or ValueError, naming the column but not the value, for a value its column cannot have; none
        of the rows is added then.
        """
    def append(self, other: RowBuffer) -> None:
        """Add another buffer's rows. Raises ValueError where they are another table's."""
    def copy(self) -> bytes:
        """Return the rows as a binary COPY stream, empty where there is none."""
    def json(self) -> str:
        """Return the rows as a JSON array of objects with the keys c0, c1, …; a json column's text is a string."""
    def __len__(self) -> int: ...

def check_confirmation(request: Any) -> None:
    """Check that method, channel and payer of a ``ConfirmPayment`` go together. Raises InvalidRequestError."""

def read_payment(message: Buffer, tenant: Tenant, ids: IdGenerator, now_ns: int) -> NewPayment:
    """Read a ``CreatePaymentRequest``. Raises ValueError where it is none, InvalidRequestError for a field."""

def read_payments(
    message: Buffer, tenant: Tenant, ids: IdGenerator, now_ns: int
) -> list[NewPayment | tuple[str, InvalidRequestError]]:
    """Read a ``SubmitPaymentsRequest``, or a ``StreamPaymentsRequest``, which is one with one request.

    In the place of a request that is not allowed is its id, and why. Raises ValueError where it is no such message.
    """

def recall_arguments(payments: Sequence[NewPayment]) -> tuple[list[str], list[bool], list[str], list[str]]:
    """Return what the database is asked about payments: merchants (hexadecimal), modes, keys, references."""

def expect_payments(payments: Sequence[NewPayment]) -> None:
    """Take that the transfers will be made, as nearly all are."""

def decide_payments(payments: Sequence[NewPayment], results: Buffer) -> bool:
    """Take what became of the transfers, packed; return whether one is decided otherwise than it was before.

    Raises ValueError for what cannot be: nothing may be recorded then.
    """

def payments_recorded(payments: Sequence[NewPayment]) -> dict[str, int]:
    """Note that payments are durable; return how many of each status there are."""

def write_payments(
    payments: Sequence[NewPayment], ids: IdGenerator, payment_rows: RowBuffer, event_rows: RowBuffer
) -> None:
    """Write the rows of payments and of their events; the payments have a reply then.

    Raises ValueError where a value does not fit; the buffers are then not to be used.
    """
