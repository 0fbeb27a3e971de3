"""How often one address may ask. No key is shown here, so the address is all there is to count by."""

from collections import Counter
from hashlib import blake2b
from typing import Final

from pycore.errors import RateLimitedError
from pycore.rate_limit import Quota, RateLimiter

_SECOND_NS: Final = 10**9
LOOKS: Final = Quota(20, _SECOND_NS, 100)
"""Pages, states and pictures: a shop's customers may share one address."""
ACTS: Final = Quota(2, _SECOND_NS, 20)
"""What makes a payment or asks a channel."""

STREAMS_MAX: Final = 2048
STREAMS_PER_ADDRESS_MAX: Final = 50
_RETRY_AFTER_MS: Final = 5000


class CashierLimits:
    """Counts by address."""

    def __init__(self) -> None:
        self._limiter = RateLimiter()
        self._streams: Counter[str] = Counter()

    def charge(self, quota: Quota, who: str) -> None:
        """Count one request of ``who``. Raises RateLimitedError."""
        kind = LOOKS, ACTS
        key = blake2b(who.encode(), digest_size=16, salt=bytes([kind.index(quota)])).digest()
        refusal = self._limiter.check([(int.from_bytes(key), quota)])
        if refusal is not None:
            raise RateLimitedError(
                "too many requests from this address; nothing was recorded: come back later",
                retry_after_ms=-(-refusal.retry_after_ns // 10**6),
            )

    def open_stream(self, address: str) -> None:
        """Count one more open stream; ``close_stream`` it. Raises RateLimitedError."""
        if self._streams.total() >= STREAMS_MAX or self._streams[address] >= STREAMS_PER_ADDRESS_MAX:
            raise RateLimitedError("too many pages are open; ask every now and then", retry_after_ms=_RETRY_AFTER_MS)
        self._streams[address] += 1

    def close_stream(self, address: str) -> None:
        """Count one open stream less."""
        self._streams[address] -= 1
        self._streams += Counter()  # forgets addresses with none
