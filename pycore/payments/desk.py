"""The payment services of one ledger, put together."""

from __future__ import annotations

import time
from collections.abc import Callable

from pycore.ledger import Ledger
from pycore.ledger.chart import Chart
from pycore.payments.balance_limits import BalanceLimits
from pycore.payments.book import PaymentBook
from pycore.payments.cashier_links import Linked, without_link
from pycore.payments.channel_methods import ChannelMethods
from pycore.payments.idempotency import RequestMemory
from pycore.payments.listing import PaymentLists
from pycore.payments.manual_postings import ManualPostings
from pycore.payments.payments import Payments
from pycore.payments.refunds import Refunds
from pycore.payments.wallet import Wallet


class PaymentDesk:
    """What the doors call.

    Attributes:
        payments: makes payments and changes them.
        refunds: gives them back.
        lists: reads many at a time.
        wallet: customers' stored value beside payments.
        manual_postings: corrections of the books, by two operators.
        told: events made durable since the start, by type.
        limits: what customers may pay from their balances.
    """

    def __init__(
        self,
        ledger: Ledger,
        channels: ChannelMethods,
        *,
        book: PaymentBook | None = None,
        accounts: Chart | None = None,
        clock_ns: Callable[[], int] = time.time_ns,
        linked: Linked = without_link,
    ) -> None:
        """``book`` and ``accounts`` are shared with ``channels`` where those change payments too."""
        book = book or PaymentBook(ledger)
        accounts = accounts or Chart(ledger)
        memory = RequestMemory(ledger.store)
        self.told = book.told
        self.limits = BalanceLimits(ledger.store)
        self.payments = Payments(ledger, book, accounts, memory, channels, self.limits, clock_ns, linked)
        self.refunds = Refunds(ledger.store, book, accounts, memory, channels, clock_ns)
        self.lists = PaymentLists(ledger.store, linked)
        self.wallet = Wallet(ledger, book, accounts, memory, clock_ns)
        self.manual_postings = ManualPostings(ledger, book, clock_ns)
