"""How much a key or a merchant may send."""

from typing import Final

import msgspec

from pycore.errors import InvalidRequestError
from pycore.rate_limit import Quota

REQUESTS_MAX: Final = 1_000_000
_WINDOW_NS: Final = 1_000_000_000


class Allowance(msgspec.Struct, frozen=True):
    """So many requests a second in the long run, of which some may come at once.

    Attributes:
        requests_per_second: in the long run, 1 to 1,000,000.
        requests_burst: at once, 1 to 1,000,000.
    """

    requests_per_second: int
    requests_burst: int

    def checked(self) -> tuple[int, int]:
        """Return both numbers. Raises InvalidRequestError."""
        for name in self.__struct_fields__:
            if not 1 <= getattr(self, name) <= REQUESTS_MAX:
                raise InvalidRequestError(f"{name} must be 1 to {REQUESTS_MAX}; nothing was recorded")
        return self.requests_per_second, self.requests_burst

    def quota(self) -> Quota:
        """Return it as the limiter counts it."""
        return Quota(self.requests_per_second, _WINDOW_NS, self.requests_burst)
