"""Prometheus metrics, made from the ledger's own counters when somebody asks: nothing is counted per item."""

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

from api.errors import FAILURES
from api.rest.endpoint import Endpoint
from api.services import Services
from pycore.events import WebhookDispatcher
from pycore.ledger import Ledger
from pycore.ledger.stats import Histogram
from pycore.merchants import OperatorScope
from pycore.payments import PaymentDesk
from pycore.payments.channel_stats import ChannelStats

_BALANCED_SECONDS: Final = 30.0


class LedgerCollector(Collector):
    """The ledger's counters as metrics."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._balanced = True
        self._balanced_at = float("-inf")

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        yield from self._counters()
        yield from self._gauges()
        writer = self._ledger.stats().writer
        yield _histogram("batch_events", "Events of one durable batch.", writer.batch_events)
        yield _histogram("flush_seconds", "From taking a batch to its COMMIT.", writer.flush_seconds)
        failures = CounterMetricFamily(
            "pycore_request_failures", "Requests that ended with an error, by reason.", labels=["reason"]
        )
        for reason, count in sorted(FAILURES.items()):
            failures.add_metric([reason], count)
        yield failures

    def _counters(self) -> Iterator[Metric]:
        stats = self._ledger.stats()
        for name, text, value in (
            ("requests", "Requests answered from a durable batch.", stats.writer.requests),
            ("events", "Events judged, created or refused.", stats.writer.events),
            ("transfers_created", "Transfers created since the start.", stats.writer.transfers_created),
            ("holds_expired", "Holds that expired since the start.", stats.writer.holds_expired),
            ("batches", "Durable batches since the start.", stats.writer.batches),
            (
                "batches_failed",
                "Batches that were not recorded, or whose outcome is not known.",
                stats.writer.failed_batches,
            ),
            ("requests_refused", "Requests refused because the queue was full.", stats.writer.refused_requests),
            ("conflicts", "Requests whose rows contradicted what was recorded.", stats.writer.refused_rows),
            ("cold_ids", "Ids that had to be looked up in the database.", stats.writer.cold_ids),
        ):
            yield CounterMetricFamily(f"pycore_ledger_{name}", text, value)

    def _gauges(self) -> Iterator[Metric]:
        stats = self._ledger.stats()
        for name, text, value in (
            ("queue_events", "Events that wait for a batch.", stats.writer.queued_events),
            ("journal_lsn", "The last durable journal row.", stats.lsn),
            ("projection_lag_batches", "Journal rows not yet in the tables.", stats.lsn - stats.projected_lsn),
            (
                "projection_lag_transfers",
                "Transfers not yet in the tables.",
                stats.transfers - stats.projected_transfers,
            ),
            ("transfers", "Transfers ever created.", stats.transfers),
            ("window_transfers", "Transfers held in memory.", stats.window_transfers),
            ("accounts", "Accounts.", stats.accounts),
            ("open_holds", "Holds that are neither posted, voided nor expired.", stats.open_holds),
            ("epoch", "The lease's epoch this process writes with.", stats.epoch),
            ("writable", "1 while the ledger can write.", int(self._ledger.refusal is None)),
            (
                "balanced",
                "1 while debits equal credits in every ledger; looked at twice a minute.",
                self._is_balanced(),
            ),
        ):
            yield GaugeMetricFamily(f"pycore_ledger_{name}", text, value)

    def _is_balanced(self) -> int:
        """Return 1 while the books balance. Adding up all accounts is work, so it is not done for every scrape."""
        if time.monotonic() - self._balanced_at >= _BALANCED_SECONDS:
            self._balanced = all(total.balanced for total in self._ledger.trial_balance())
            self._balanced_at = time.monotonic()
        return int(self._balanced)


class PaymentCollector(Collector):
    """What happened to payments and refunds."""

    def __init__(self, payments: PaymentDesk) -> None:
        self._payments = payments

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        told = CounterMetricFamily(
            "pycore_payment_events", "What happened to payments, refunds and withdrawals.", labels=["type"]
        )
        for type, count in sorted(self._payments.told.items()):
            told.add_metric([type], count)
        yield told


class WebhookCollector(Collector):
    """What waits to be sent to merchants' servers, and what came of it."""

    def __init__(self, dispatcher: WebhookDispatcher) -> None:
        self._dispatcher = dispatcher

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        yield GaugeMetricFamily(
            "pycore_webhooks_waiting",
            "Messages to enabled endpoints that were not accepted yet; counted every ten seconds.",
            self._dispatcher.backlog.waiting,
        )
        yield GaugeMetricFamily(
            "pycore_webhooks_oldest_seconds",
            "How long ago the oldest of them happened.",
            self._dispatcher.oldest_seconds(),
        )
        tries = CounterMetricFamily("pycore_webhook_tries", "Messages sent, by what came of it.", labels=["result"])
        for result, count in sorted(self._dispatcher.tries.items()):
            tries.add_metric([result], count)
        yield tries


class ChannelCollector(Collector):
    """What channels were asked and told us, and what waits for a person."""

    def __init__(self, stats: ChannelStats) -> None:
        self._stats = stats

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        stats = self._stats
        yield _counter("channel_calls", "Calls to channels.", ["channel", "step", "outcome"], stats.calls.items())
        yield _counter(
            "channel_notifications",
            "What channels told us, by what became of it.",
            ["channel", "result"],
            stats.notifications.items(),
        )
        alerts = [((code,), count) for code, count in stats.alerts.items()]
        yield _counter("payment_alerts", "What must not happen and did: somebody has to look.", ["code"], alerts)
        yield GaugeMetricFamily(
            "pycore_payments_by_hand", "Attempts and refunds nobody asks about any more.", stats.by_hand
        )


def registry(services: Services) -> CollectorRegistry:
    """Return a registry of its own: two servers in one process do not meet."""
    registry = CollectorRegistry()
    registry.register(LedgerCollector(services.ledger))
    registry.register(PaymentCollector(services.payments))
    registry.register(WebhookCollector(services.outbox.dispatcher))
    registry.register(ChannelCollector(services.channels.stats))
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


def endpoint(services: Services) -> Endpoint:
    """Return the endpoint that shows one server's metrics."""
    collected = registry(services)

    async def read(_services: Services, _request: Request) -> Response:
        return Response(generate_latest(collected), media_type=CONTENT_TYPE_PLAIN_0_0_4)

    return Endpoint(
        method="GET",
        path="/metrics",
        handler=read,
        scope=OperatorScope.METRICS_READ,
        summary="Prometheus metrics",
        answer=str,
        tag="operation",
        media_type="text/plain",
    )


def _counter(
    name: str, text: str, labels: Sequence[str], counts: Iterable[tuple[Sequence[str], int]]
) -> CounterMetricFamily:
    counter = CounterMetricFamily(f"pycore_{name}", text, labels=labels)
    for values, count in sorted(counts):
        counter.add_metric(values, count)
    return counter


def _histogram(name: str, text: str, histogram: Histogram) -> HistogramMetricFamily:
    bounds = [*(str(float(bound)) for bound in histogram.bounds), "+Inf"]
    buckets = list(zip(bounds, (float(count) for count in histogram.cumulative()), strict=True))
    return HistogramMetricFamily(f"pycore_ledger_{name}", text, buckets=buckets, sum_value=histogram.sum)
