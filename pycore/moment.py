"""Times: nanoseconds since 1970 inside, times with a zone at the edges."""

from datetime import UTC, datetime, timedelta
from typing import Final

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def moment(time_ns: int) -> datetime:
    """Return nanoseconds since 1970 as a time in UTC, in whole microseconds."""
    return EPOCH + timedelta(microseconds=time_ns // 1000)


def nanoseconds(time: datetime) -> int:
    """Return a time with zone as nanoseconds since 1970, exactly. Raises TypeError where it has no zone."""
    return (time - EPOCH) // _MICROSECOND * 1000
