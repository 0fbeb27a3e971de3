"""Payments through channels, put together: the desk, what channels tell, and the sweeper behind them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Self

from pycore.channels.accounts import ChannelAccounts
from pycore.ledger import Ledger
from pycore.ledger.chart import Chart
from pycore.payments.attempt import AttemptRecord
from pycore.payments.attempts import Attempts
from pycore.payments.book import PaymentBook
from pycore.payments.cashier_links import CashierLinks, without_link
from pycore.payments.channel_attempts import ChannelAttempts
from pycore.payments.channel_limits import ChannelLimits
from pycore.payments.channel_payments import ChannelPayments
from pycore.payments.channel_refunds import ChannelRefunds
from pycore.payments.channel_stats import ChannelStats
from pycore.payments.desk import PaymentDesk
from pycore.payments.notifications import Notifications
from pycore.payments.outcomes import Outcomes
from pycore.payments.routes import ChannelRoutes
from pycore.payments.routing_rules import RoutingRules
from pycore.payments.sweeper import Sweeper
from pycore.routing import Outcome as RoutingOutcome


class ChannelDesk:
    """The payment services of one ledger with channels: ``async with``, in which the sweeper runs.

    Attributes:
        accounts: our accounts at the channels; opened and closed with the desk.
        book: payments as they are.
        payments: what the doors call.
        notifications: takes what channels tell us.
        attempts: reads attempts; the operator's queue.
        limits: what the channels take.
        outcomes: records what becomes certain of an attempt.
        rules: merchants' routing rules.
        stats: what is counted.
        sweeper: does what is due.
    """

    def __init__(
        self,
        ledger: Ledger,
        channels: ChannelAccounts,
        *,
        clock_ns: Callable[[], int] = time.time_ns,
        links: CashierLinks | None = None,
    ) -> None:
        """``links``: how payers reach the cashier, where there is one."""
        self.accounts = channels
        self.book = book = PaymentBook(ledger)
        accounts, store = Chart(ledger), ledger.store
        routes = ChannelRoutes(store, clock_ns)
        self.rules = RoutingRules(store.pool, routes.forget, clock_ns=clock_ns)

        def routed(attempt: AttemptRecord) -> None:
            if attempt.routed_as is not None:
                outcome = RoutingOutcome[attempt.routed_as.name]
                routes.record(attempt.channel, attempt.method, outcome, live=attempt.tenant.live)

        self.stats = stats = ChannelStats()
        self.attempts = Attempts(store)
        self.outcomes = Outcomes(book, self.attempts, accounts, routed, stats, clock_ns)
        self._work = ChannelAttempts(book, self.attempts, channels, self.outcomes, stats, clock_ns)
        self._refunds = ChannelRefunds(store, book, self.attempts, accounts, channels, stats, clock_ns)
        self.limits = limits = ChannelLimits(channels, clock_ns)
        methods = ChannelPayments(
            book, self.attempts, channels, limits, routes, self._work, self._refunds, clock_ns, links
        )
        linked = without_link if links is None else links.linked
        self.payments = PaymentDesk(ledger, methods, book=book, accounts=accounts, clock_ns=clock_ns, linked=linked)
        self.notifications = Notifications(channels, book, self.attempts, self.outcomes, self._refunds, stats, clock_ns)
        self.sweeper = Sweeper(
            store, self.attempts, self._work, self._refunds, self.payments.payments.expire, stats, clock_ns
        )

    async def __aenter__(self) -> Self:
        await self.accounts.__aenter__()
        self.sweeper.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.rest()
        await self.accounts.__aexit__()

    async def rest(self) -> None:
        """Begin nothing new, and finish the calls under way."""
        await self.sweeper.close()
        await self._work.close()
        await self._refunds.close()
