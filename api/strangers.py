"""How often callers may ask before it is known who they are: each address its share, and all of them what is left over.

Whoever shows a good key has a quota of its own and is not counted here. An address beyond its share is slowed down: it
waits, on its own connection, and costs the server nothing meanwhile.
"""

import time
from collections.abc import Callable
from typing import Final

from pycore.rate_limit import Quota, RateLimiter

KNOWN: Final = "pycore.known"
"""Set in a request's scope once it is known, by a key or a signature, who sent it."""

_SECOND_NS: Final = 10**9
SHARE: Final = Quota(20, _SECOND_NS, 100)
"""Requests of one address that nobody can take from it."""
LEFT_OVER: Final = Quota(500, _SECOND_NS, 2000)
"""Requests beyond their shares, of all addresses together."""

_ADDRESSES_MAX: Final = 2**16
_SLOW_SECONDS: Final = 1.0
_LEFT_OVER_KEY: Final = 2**64


class Strangers:
    """Counts requests of callers that nobody knows, by what their address counts as."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._limiter = RateLimiter(_ADDRESSES_MAX)
        self._clock = clock
        self._slow_until: dict[str, float] = {}

    def count(self, origin: str) -> None:
        """Count a request that was answered without knowing whose it was."""
        if self._limiter.check([(hash(origin) % _LEFT_OVER_KEY, SHARE)]) is None:
            return
        if self._limiter.check([(_LEFT_OVER_KEY, LEFT_OVER)]) is None:
            return
        if len(self._slow_until) >= _ADDRESSES_MAX:
            self._slow_until.clear()
        self._slow_until[origin] = self._clock() + _SLOW_SECONDS

    def is_slowed(self, origin: str) -> bool:
        """Return whether an address is beyond its share and what was left over."""
        until = self._slow_until.get(origin)
        if until is None:
            return False
        if until > self._clock():
            return True
        del self._slow_until[origin]
        return False
