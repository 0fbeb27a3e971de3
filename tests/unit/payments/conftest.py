"""Payments on a real database: a merchant, a customer with money, and no channels unless a test brings them."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from time import time_ns
from uuid import UUID

import pytest

from pycore._core import NewPayment
from pycore.errors import InvalidRequestError
from pycore.ids import format_typed_id, new_id
from pycore.ledger import Ledger, Transfer
from pycore.ledger.chart import (
    AccountCode,
    AccountKey,
    Chart,
    TransferCode,
    customer_balance,
    ledger_number,
    merchant_pending,
)
from pycore.money import CNY
from pycore.payments.book import PaymentBook
from pycore.payments.channel_methods import Confirmation
from pycore.payments.desk import PaymentDesk
from pycore.payments.idempotency import Reply
from pycore.payments.record import PaymentRecord, RefundRecord
from pycore.tenant import Tenant

DAY_NS = 86_400 * 10**9
TEST_CNY = ledger_number(CNY, live=False)


class NoChannels:
    def refusal(self, payment: NewPayment) -> InvalidRequestError | None:
        return None

    async def confirm(self, record: PaymentRecord, confirmation: Confirmation) -> PaymentRecord:
        raise InvalidRequestError("method: no channel offers it")

    async def cancel(self, record: PaymentRecord, reply: Reply) -> PaymentRecord:
        raise AssertionError("nothing is open at a channel")

    async def clear(self, record: PaymentRecord) -> PaymentRecord:
        return record

    async def is_open(self, record: PaymentRecord) -> bool:
        return False

    async def refund(self, refund: RefundRecord) -> RefundRecord:
        raise AssertionError("nothing was paid through a channel")


class Shop:
    """A merchant's world: the services, and what a test wants to look at."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        # Noon of the business day, so that no test meets midnight.
        self.now_ns = time_ns() // DAY_NS * DAY_NS + 4 * 3600 * 10**9
        self.tenant = Tenant(new_id(), live=False)
        self.customer = new_id()
        self.accounts = Chart(ledger)
        self.book = PaymentBook(ledger)
        self.desk = PaymentDesk(
            ledger, NoChannels(), book=self.book, accounts=self.accounts, clock_ns=lambda: self.now_ns
        )
        self.payments = self.desk.payments
        self.refunds = self.desk.refunds

    @property
    def customer_id(self) -> str:
        return format_typed_id("cus", self.customer)

    async def open(self) -> None:
        pool = self.ledger.store.pool
        await pool.execute(
            "INSERT INTO merchants (id, name, status, requests_per_second, requests_burst, created_at)"
            " VALUES ($1, 'shop', 'active', 1000, 1000, 0)",
            UUID(int=self.tenant.merchant_id),
        )
        await pool.execute(
            "INSERT INTO customers (id, merchant_id, live, merchant_reference, account_class, subject_key, created_at)"
            " VALUES ($1, $2, false, 'c1', 3, '', 0)",
            UUID(int=self.customer),
            UUID(int=self.tenant.merchant_id),
        )

    async def fund(self, minor: int) -> None:
        bank, balance = await self.accounts.opened(
            [AccountKey(AccountCode.CUSTODY_BANK, TEST_CNY), customer_balance(TEST_CNY, self.tenant, self.customer)]
        )
        await self.ledger.create_transfers(
            [
                Transfer(
                    id=new_id(),
                    debit_account_id=bank,
                    credit_account_id=balance,
                    amount=minor,
                    ledger=TEST_CNY,
                    code=TransferCode.TEST_FUNDS,
                )
            ]
        )

    async def balances(self) -> tuple[int, int, int]:
        """The customer's balance, what of it is held, and what the merchant has."""
        ids = [
            customer_balance(TEST_CNY, self.tenant, self.customer).account_id,
            merchant_pending(TEST_CNY, self.tenant).account_id,
        ]
        found = {account.id: account for account in await self.ledger.lookup_accounts(ids)}
        customer, merchant = found.get(ids[0]), found.get(ids[1])
        return (
            customer.credit_balance if customer else 0,
            customer.debits_pending if customer else 0,
            merchant.credit_balance if merchant else 0,
        )

    async def events(self) -> Sequence[str]:
        return [row[0] for row in await self.ledger.store.pool.fetch("SELECT type FROM events ORDER BY sequence")]


@pytest.fixture
async def ledger(database_dsn: str, tmp_path: Path) -> AsyncIterator[Ledger]:
    async with Ledger.open(dsn=database_dsn, data=tmp_path) as ledger:
        yield ledger


@pytest.fixture
async def shop(ledger: Ledger) -> Shop:
    shop = Shop(ledger)
    await shop.open()
    return shop
