"""A merchant in test mode whose customers have money, or nearly none, and the books that hold it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, Protocol
from uuid import UUID

import asyncpg
from aiohttp import ClientSession

from pycore.ids import format_typed_id, new_id
from pycore.ledger import Account, AccountFilter, Ledger, Transfer
from pycore.ledger.chart import (
    AccountCode,
    AccountKey,
    Chart,
    TransferCode,
    customer_balance,
    ledger_number,
    merchant_pending,
)
from pycore.ledger.status import CreateAccountResult, CreateTransferResult
from pycore.merchants import Allowance, ApiKeys, KeyTerms, Merchants, Scope
from pycore.money import CNY
from pycore.tenant import Tenant

BOOKS = ledger_number(CNY, live=False)
RICH = 10_000_000
POOR = 1000
_CUSTOMERS = 10
SETUP_TRANSFERS = _CUSTOMERS
"""What ``open_shop`` books."""
_POOR = 2
_PLENTY = Allowance(requests_per_second=1_000_000, requests_burst=1_000_000)
_PAGE = 8000


class Books(Protocol):
    """A ledger, or a client of one."""

    async def create_accounts(self, accounts: Sequence[Account]) -> list[CreateAccountResult]: ...

    async def create_transfers(self, transfers: Sequence[Transfer]) -> list[CreateTransferResult]: ...

    async def lookup_accounts(self, ids: Sequence[int]) -> list[Account]: ...

    async def account_transfers(self, filter: AccountFilter) -> list[Transfer]: ...


class Shop(NamedTuple):
    """The merchant, a key of it, and what each customer was given."""

    tenant: Tenant
    api_key: str
    given: dict[int, int]

    @property
    def customer_ids(self) -> list[str]:
        """The customers, as the outside names them."""
        return [format_typed_id("cus", customer) for customer in self.given]

    @property
    def merchant_account(self) -> int:
        """Where the merchant's money is."""
        return merchant_pending(BOOKS, self.tenant).account_id

    def balance(self, customer: int) -> AccountKey:
        """Return where a customer's money is."""
        return customer_balance(BOOKS, self.tenant, customer)

    async def transfers_since(self, books: Books, timestamp: int) -> list[Transfer]:
        """Return what was booked for the merchant after that time."""
        found: list[Transfer] = []
        while True:
            filter = AccountFilter(account_id=self.merchant_account, timestamp_min=timestamp + 1, limit=_PAGE)
            page = await books.account_transfers(filter)
            found += page
            if len(page) < _PAGE:
                return found
            timestamp = page[-1].timestamp


async def open_shop(pool: asyncpg.Pool, fund: Callable[[Shop], Awaitable[None]]) -> Shop:
    """Make a merchant, a key and customers, and let ``fund`` give them money; two of them very little."""
    merchant = await Merchants(pool).create("shop", _PLENTY)
    tenant = Tenant(merchant.id, live=False)
    terms = KeyTerms(name="all", scopes=tuple(Scope), allowance=_PLENTY)
    _, api_key = await ApiKeys(pool).create(tenant, terms)
    given = {new_id(): POOR if number < _POOR else RICH for number in range(_CUSTOMERS)}
    for number, customer in enumerate(given):
        await pool.execute(
            "INSERT INTO customers (id, merchant_id, live, merchant_reference, account_class, subject_key, created_at)"
            " VALUES ($1, $2, false, $3, 3, '', 0)",
            UUID(int=customer),
            UUID(int=merchant.id),
            f"c{number}",
        )
    shop = Shop(tenant, api_key, given)
    await fund(shop)
    return shop


async def fund_in(ledger: Ledger, shop: Shop) -> None:
    """Give the customers their money in a ledger of this process."""
    chart = Chart(ledger)
    for customer, amount in shop.given.items():
        keys = [AccountKey(AccountCode.CUSTODY_BANK, BOOKS), shop.balance(customer)]
        bank, balance = await chart.opened(keys)
        move = Transfer(
            id=new_id(),
            debit_account_id=bank,
            credit_account_id=balance,
            amount=amount,
            ledger=BOOKS,
            code=TransferCode.TEST_FUNDS,
        )
        await ledger.create_transfers([move])


async def fund_at(http_address: str, shop: Shop) -> None:
    """Give the customers their money at a server."""
    headers = {"authorization": f"Bearer {shop.api_key}"}
    async with ClientSession(f"http://{http_address}", headers=headers) as session:
        for number, (customer, amount) in enumerate(zip(shop.customer_ids, shop.given.values(), strict=True)):
            path, key = f"/v1/test_helpers/customers/{customer}/fund", {"idempotency-key": f"fund-{number}"}
            async with session.post(path, json={"amount": amount}, headers=key) as response:
                response.raise_for_status()
