"""When requests arrive in an open loop: on a schedule that does not care how fast the answers come."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

Pattern = Literal["poisson", "burst"]

BURST_SECONDS = 0.1


def schedule(pattern: Pattern, rate: float, seconds: float, seed: int) -> npt.NDArray[np.float64]:
    """Return the arrival times in seconds from the start, in order: ``rate`` per second for ``seconds``.

    ``poisson`` draws independent gaps; ``burst`` lets everything of a tenth of a second arrive at its beginning.
    """
    count = round(rate * seconds)
    if pattern == "burst":
        return np.floor(np.arange(count) / rate / BURST_SECONDS) * BURST_SECONDS
    # Given their number, the arrivals of a Poisson process are uniform: this keeps the offered load exact.
    return np.sort(np.random.default_rng(seed).uniform(0.0, seconds, count))
