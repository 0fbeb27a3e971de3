"""What the writer and the projector count, read by whoever publishes metrics."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from itertools import accumulate

from pycore import _core

SECONDS_BOUNDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
EVENTS_BOUNDS = (1, 2, 8, 32, 128, 512, 1024, 2048, 4096, 8190)


class Histogram:
    """Counts per bucket, with a sum; cheap enough for once per batch."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def cumulative(self) -> list[int]:
        """Return how many values were at most each bound, and in all."""
        return list(accumulate(self.counts))


class WriterStats:
    """The writer's counters since it started."""

    def __init__(self) -> None:
        self.queued_events = 0
        self.refused_requests = 0
        self.refused_rows = 0
        self.failed_batches = 0
        self.cold_ids = 0
        self.batches = 0
        self.requests = 0
        self.events = 0
        self.transfers_created = 0
        self.holds_expired = 0
        self.batch_events = Histogram(EVENTS_BOUNDS)
        self.flush_seconds = Histogram(SECONDS_BOUNDS)

    def observe_batch(self, batch: _core.Batch, *, units: int, seconds: float) -> None:
        """Count one durable batch."""
        self.batches += 1
        self.requests += units
        self.events += batch.event_count
        self.transfers_created += batch.transfers_created
        self.holds_expired += batch.expired
        self.batch_events.observe(batch.event_count)
        self.flush_seconds.observe(seconds)


@dataclass(frozen=True, kw_only=True)
class LedgerStats:
    """Where the ledger stands."""

    writer: WriterStats
    lsn: int
    projected_lsn: int
    transfers: int
    projected_transfers: int
    window_transfers: int
    accounts: int
    open_holds: int
    epoch: int
