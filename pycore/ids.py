"""128-bit ids: made so that their creation time leads, written as UUID text.

An id's top 48 bits are milliseconds since 1970 (UUIDv7, RFC 9562 section 5.7). The ledger uses that time to know which
ids it must still hold in memory, so callers should make ids with ``new_id`` when they form the request and keep them
for every retry. Inside the library an id is an ``int``; people and JSON see UUID text.
"""

import os
import re
import threading
import time
from collections.abc import Callable
from struct import Struct

ID_MAX = 2**128 - 1
"""The largest 128-bit value; like zero it is reserved and never a valid id of a record."""

CLOCK_STEP_FOLLOWED_MS = 10_000
"""A clock that steps back further than this is followed: the ledger refuses ids from too far in the future."""

_UUID_TEXT = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
_HEX_DIGITS = re.compile(r"[0-9a-f]{32}")
_DECIMAL_TEXT = re.compile(r"0|[1-9][0-9]{0,38}")

_WORDS = Struct("512Q")
_VERSION_7 = 0x7 << 76
_VARIANT = 0b10 << 62
_SEQUENCE_BITS = 74  # the 12 bits after the version and the 62 after the variant, read as one number
_SEQUENCE_START_BITS = 73  # the top bit starts at zero, so that one millisecond cannot run out of numbers
_SEQUENCE_STEP_BITS = 40  # steps are random, so that one id does not give away the next


def _system_clock_ms() -> int:
    return time.time_ns() // 1_000_000


class _RandomBits:
    """Unpredictable numbers from the operating system, asked for by the page: a question costs more than an id."""

    def __init__(self) -> None:
        self._words: list[int] = []
        # Two processes must never draw the same numbers.
        os.register_at_fork(after_in_child=self._words.clear)

    def __call__(self, bits: int) -> int:
        """Return a number of at most ``bits`` bits, 128 at most."""
        words = self._words
        if len(words) < 2:
            words.extend(_WORDS.unpack(os.urandom(_WORDS.size)))
        word = words.pop()
        if bits <= 64:
            return word >> (64 - bits)
        return (word << 64 | words.pop()) >> (128 - bits)


class IdGenerator:
    """Makes UUIDv7 ids that only grow, also within one millisecond and when the clock steps back a little.

    Safe to share between threads.

    Args:
        clock_ms: returns milliseconds since 1970.
        random_bits: returns a number of at most that many unpredictable bits; None: the operating system's.
    """

    def __init__(
        self,
        clock_ms: Callable[[], int] = _system_clock_ms,
        random_bits: Callable[[int], int] | None = None,
    ) -> None:
        self._clock_ms = clock_ms
        self._random_bits = random_bits or _RandomBits()
        self._lock = threading.Lock()
        self._time_ms = -1
        self._sequence = 0

    def new_id(self) -> int:
        """Return an id greater than all before it (unless the clock was set back by more than ten seconds)."""
        with self._lock:
            now = self._clock_ms()
            if now > self._time_ms or now < self._time_ms - CLOCK_STEP_FOLLOWED_MS:
                self._time_ms = now
                self._sequence = self._random_bits(_SEQUENCE_START_BITS)
            else:
                self._sequence += 1 + self._random_bits(_SEQUENCE_STEP_BITS)
                if self._sequence >> _SEQUENCE_BITS:
                    self._time_ms += 1
                    self._sequence = self._random_bits(_SEQUENCE_START_BITS)
            high, low = divmod(self._sequence, 1 << 62)
            return self._time_ms << 80 | _VERSION_7 | high << 64 | _VARIANT | low


new_id = IdGenerator().new_id
"""Return a new id; ids of one process only grow."""


def id_time_ms(identifier: int) -> int:
    """Return the creation time an id carries: its top 48 bits, milliseconds since 1970."""
    return identifier >> 80


def format_id(identifier: int) -> str:
    """Return the UUID text of a 128-bit id, for example ``00000000-0000-0000-0000-000000000001`` for 1.

    Raises:
        ValueError: the number is negative or does not fit 128 bits.
    """
    if not 0 <= identifier <= ID_MAX:
        raise ValueError(f"an id is a number from 0 to 2^128 - 1, not {identifier}")
    digits = f"{identifier:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def parse_id(text: str) -> int:
    """Return the id written as UUID text or as decimal digits (ASCII only, no sign, no leading zeros, no spaces).

    Zero and the greatest value are parsed: whether they are allowed is decided where the id is used.

    Raises:
        ValueError: the text is neither, or the number does not fit 128 bits.
    """
    if _UUID_TEXT.fullmatch(text):
        return int(text.replace("-", ""), 16)
    if _DECIMAL_TEXT.fullmatch(text):
        identifier = int(text)
        if identifier <= ID_MAX:
            return identifier
    raise ValueError("not an id: write it as UUID text or as decimal digits below 2^128")


def format_typed_id(prefix: str, identifier: int) -> str:
    """Return an id as the outside world sees it: ``pay_`` and 32 hexadecimal digits."""
    return f"{prefix}_{identifier:032x}"


def parse_typed_id(prefix: str, text: str) -> int:
    """Return the id in ``text``.

    Raises:
        ValueError: it is not ``prefix``, an underscore and 32 lower-case hexadecimal digits.
    """
    head, _, digits = text.partition("_")
    if head != prefix or not _HEX_DIGITS.fullmatch(digits):
        raise ValueError(f"not an id that begins with {prefix}_")
    return int(digits, 16)
