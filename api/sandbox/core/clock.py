"""The simulated time. It starts as the real time, can be sped up and moved forward, and set back to the real time."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

from msgspec import Struct

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")
"""The channels' business days and written times. China has had no summer time since 1991."""

DAY_MS = 86_400_000


class ClockSetting(Struct, kw_only=True):
    """At ``real_ms`` it was ``simulated_ms`` (both since 1970), and since then time runs ``factor`` times as fast.

    ``merchant_ahead_ms``: by how much the merchant's own clock was moved along with ours.
    """

    real_ms: int
    simulated_ms: int
    factor: float = 1.0
    merchant_ahead_ms: int = 0


def wall_ms() -> int:
    """Return the real time in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


class Clock:
    """Milliseconds since 1970 in simulated time.

    Merchants live in the real time: signatures carry it, and the times a merchant writes are of his clock.
    """

    def __init__(self, setting: ClockSetting | None = None, wall: Callable[[], int] = wall_ms) -> None:
        self._wall = wall
        self.setting = setting or ClockSetting(real_ms=wall(), simulated_ms=wall())

    def now_ms(self) -> int:
        """Return the simulated time."""
        elapsed = max(0, self._wall() - self.setting.real_ms)
        return self.setting.simulated_ms + int(elapsed * self.setting.factor)

    def merchant_now_ms(self) -> int:
        """Return what time it is by the merchant's clock."""
        return self._wall() + self.setting.merchant_ahead_ms

    def from_merchant(self, at_ms: int) -> int:
        """Return a moment that the merchant wrote by his clock, in simulated time."""
        left = at_ms - self.merchant_now_ms()
        return self.now_ms() + int(left * self.setting.factor)

    def reset(self) -> int:
        """Set the simulated time back to the real time; return by how many milliseconds it was ahead."""
        ahead_ms = self.now_ms() - self._wall()
        self.setting = ClockSetting(real_ms=self._wall(), simulated_ms=self._wall())
        return ahead_ms

    def turn(self, *, factor: float | None = None, advance_ms: int = 0, merchant_follows: bool = False) -> ClockSetting:
        """Run ``factor`` times as fast from now on, after a jump forward by ``advance_ms``; return the new setting.

        ``merchant_follows``: the merchant's clock makes the same jump.

        Raises:
            ValueError: the factor is not between 0.001 and 1,000,000, or the jump goes back.
        """
        factor = self.setting.factor if factor is None else factor
        if not 0.001 <= factor <= 1_000_000 or advance_ms < 0:
            raise ValueError("the factor must be 0.001 to 1,000,000, and time moves forward; DELETE sets it back")
        simulated_ms = self.now_ms() + advance_ms
        merchant_ahead_ms = self.setting.merchant_ahead_ms + (advance_ms if merchant_follows else 0)
        self.setting = ClockSetting(
            real_ms=self._wall(), simulated_ms=simulated_ms, factor=factor, merchant_ahead_ms=merchant_ahead_ms
        )
        return self.setting

    def real_seconds_until(self, at_ms: int) -> float:
        """Return how long to wait, in real seconds, until it is ``at_ms``."""
        return max(0.0, (at_ms - self.now_ms()) / self.setting.factor / 1000)


def in_shanghai(at_ms: int) -> datetime:
    """Return the moment as a date and time of Shanghai, without its milliseconds."""
    return datetime.fromtimestamp(at_ms // 1000, SHANGHAI)


def from_text(text: str) -> int:
    """Return the moment an RFC 3339 text names. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("the time has no zone")
    return int((moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(milliseconds=1))


def day_bounds(day: str) -> tuple[int, int]:
    """Return the first moment of a business day (``YYYY-MM-DD``) and of the next one. Raises ValueError."""
    start = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=SHANGHAI)
    start_ms = int(start.timestamp()) * 1000
    return start_ms, start_ms + DAY_MS


def month_bounds(month: str) -> tuple[int, int]:
    """Return the first moment of a month (``YYYY-MM``) and of the next one. Raises ValueError."""
    start = datetime.strptime(month, "%Y-%m").replace(tzinfo=SHANGHAI)
    following = (start + timedelta(days=31)).replace(day=1)
    return int(start.timestamp()) * 1000, int(following.timestamp()) * 1000
