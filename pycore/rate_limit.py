"""Rate limits: so many units in a window for each key, several limits at once, all or nothing.

The counting is done by the core (GCRA). A refusal is data: it says which limit refused and for how long, so that a door
can answer with ``Retry-After``.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence

import msgspec

from pycore import _core
from pycore._core import Quota

__all__ = ["LIMITS_MAX", "Quota", "RateLimiter", "Refusal"]

LIMITS_MAX = 4
"""The most limits in one check."""

KEYS_MAX = 2**20
"""Keys kept in memory where nothing else is said: 53 MB, twice that at most."""


class Refusal(msgspec.Struct, frozen=True):
    """A check that was refused; nothing was counted.

    Attributes:
        retry_after_ns: nanoseconds after which the same check may pass.
        limit: position of the limit that takes longest to allow it. None: a new key came when every place in memory was
            taken by an active one.
    """

    retry_after_ns: int
    limit: int | None

    @property
    def retry_after_s(self) -> int:
        """Whole seconds, rounded up, as the header ``Retry-After`` has them (RFC 9110 section 10.2.3)."""
        return -(-self.retry_after_ns // 10**9)


class RateLimiter:
    """Counts what keys do. Keys are 128-bit ids, of API keys, merchants or anything else, in one id space.

    Safe to share between threads.

    Args:
        keys_max: the most keys in memory. Only keys that have all their units back are forgotten for others.
        clock_ns: returns nanoseconds from a clock that never steps back.
        seed: decides where keys are kept, never an answer. None: drawn at random.
    """

    def __init__(
        self,
        keys_max: int = KEYS_MAX,
        clock_ns: Callable[[], int] = time.monotonic_ns,
        seed: int | None = None,
    ) -> None:
        self._limiter = _core.RateLimiter(keys_max, secrets.randbits(64) if seed is None else seed)
        self._clock_ns = clock_ns

    def check(self, limits: Sequence[tuple[int, Quota]], cost: int = 1) -> Refusal | None:
        """Count ``cost`` units against every key, or against none where one refuses; return the refusal, if any.

        Raises ValueError where there are more than four limits, the same key twice, no cost, or a cost above a burst.
        """
        refused = self._limiter.check(limits, cost, self._clock_ns())
        return None if refused is None else Refusal(*refused)

    @property
    def keys_count(self) -> int:
        """Keys in memory, idle ones that were not forgotten yet included."""
        return self._limiter.keys_count
