"""What is counted of payments through channels since the start, for metrics."""

from __future__ import annotations

from collections import Counter


class ChannelStats:
    """Counters; whoever does the work counts.

    Attributes:
        calls: calls by channel, step and outcome.
        notifications: what channels told us, by channel and what became of it.
        alerts: what must not happen and did, by reason: another amount, another transaction.
        by_hand: attempts and refunds nobody asks about any more: the operator's queue, counted now and then.
    """

    def __init__(self) -> None:
        self.calls: Counter[tuple[str, str, str]] = Counter()
        self.notifications: Counter[tuple[str, str]] = Counter()
        self.alerts: Counter[str] = Counter()
        self.by_hand = 0
