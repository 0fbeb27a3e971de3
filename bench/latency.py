"""Latencies as everybody reports them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

PERCENTILES = (50.0, 95.0, 99.0, 99.9)


def summary_ms(seconds: Sequence[float]) -> dict[str, float]:
    """Return p50, p95, p99, p99.9 and max in milliseconds; nothing for no measurements."""
    if not seconds:
        return {}
    milliseconds = np.asarray(seconds) * 1000
    found = {f"p{percentile:g}": round(float(np.percentile(milliseconds, percentile)), 3) for percentile in PERCENTILES}
    return found | {"max": round(float(milliseconds.max()), 3)}
