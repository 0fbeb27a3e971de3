"""A merchant in test mode with customers who have money: what a load of payments needs."""

from __future__ import annotations

import asyncio

from api.services import Services
from bench import books
from bench.cargo import Till
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
from pycore.merchants import Allowance, KeyTerms, NewCustomer, Scope
from pycore.money import CNY
from pycore.tenant import Tenant

FUNDS = 10**9
"""Minor units each customer begins with."""

_LEDGER = ledger_number(CNY, live=False)
_ALLOWANCE = Allowance(requests_per_second=1_000_000, requests_burst=1_000_000)
_AT_ONCE = 8
_TRANSFERS_PER_CALL = 5000


class Shop:
    """A merchant in test mode with customers who have money; ``till`` is what the client gets of it."""

    def __init__(self, tenant: Tenant, till: Till) -> None:
        self.tenant = tenant
        self.till = till

    @classmethod
    async def open(cls, services: Services, *, customers: int) -> Shop:
        """Make one, on a ledger that is open here."""
        merchant = await services.merchants.create("bench", _ALLOWANCE)
        tenant = Tenant(merchant.id, live=False)
        terms = KeyTerms(name="bench", scopes=tuple(Scope), allowance=_ALLOWANCE)
        _, api_key = await services.api_keys.create(tenant, terms)
        made: list[int] = []
        for first in range(0, customers, _AT_ONCE):
            numbers = range(first, min(first + _AT_ONCE, customers))
            new = [NewCustomer(merchant_reference=f"customer-{number}") for number in numbers]
            made += [each.id for each in await asyncio.gather(*[services.customers.create(tenant, one) for one in new])]
        await _fund(services.ledger, tenant, made)
        return cls(tenant, Till(api_key, [format_typed_id("cus", customer) for customer in made]))

    async def check(self, ledger: Ledger, count: int, amount: int) -> None:
        """Compare rows and the merchant's account with ``count`` payments of ``amount`` in all. Raises BooksError."""
        for table in ("payments", "events"):
            found = await ledger.store.pool.fetchval(f"SELECT count(*) FROM {table}")
            if found != count:
                raise books.BooksError(f"{found} rows in {table}, {count} payments acknowledged")
        paid = await ledger.store.pool.fetchval("SELECT sum(amount) FROM payments WHERE status = 'succeeded'")
        (pending,) = await ledger.lookup_accounts([merchant_pending(_LEDGER, self.tenant).account_id])
        if not paid == amount == pending.credits_posted:
            raise books.BooksError(f"{paid} paid, {pending.credits_posted} booked, {amount} acknowledged")


async def _fund(ledger: Ledger, tenant: Tenant, customers: list[int]) -> None:
    chart = Chart(ledger)
    (bank,) = await chart.opened([AccountKey(AccountCode.CUSTODY_BANK, _LEDGER)])
    for first in range(0, len(customers), _TRANSFERS_PER_CALL):
        some = customers[first : first + _TRANSFERS_PER_CALL]
        balances = await chart.opened([customer_balance(_LEDGER, tenant, customer) for customer in some])
        await ledger.create_transfers(
            [
                Transfer(
                    id=new_id(),
                    debit_account_id=bank,
                    credit_account_id=balance,
                    amount=FUNDS,
                    ledger=_LEDGER,
                    code=TransferCode.TEST_FUNDS,
                )
                for balance in balances
            ]
        )
