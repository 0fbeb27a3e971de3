"""A merchant in test mode with a key and a customer who has money, on a running server."""

from api.services import Services
from pycore.ids import format_typed_id, new_id
from pycore.ledger import Transfer
from pycore.ledger.chart import AccountCode, AccountKey, Chart, TransferCode, customer_balance, ledger_number
from pycore.merchants import Allowance, KeyTerms, NewCustomer, Scope
from pycore.money import CNY
from pycore.tenant import Tenant

PLENTY = Allowance(requests_per_second=100_000, requests_burst=100_000)


class Shop:
    def __init__(self, services: Services, tenant: Tenant, key: str, customer: int) -> None:
        self.services = services
        self.tenant = tenant
        self.key = key
        self.customer = customer

    @property
    def customer_id(self) -> str:
        return format_typed_id("cus", self.customer)

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.key}"}

    @classmethod
    async def open(cls, services: Services, *, minor: int = 1_000_000) -> "Shop":
        merchant = await services.merchants.create("shop", PLENTY)
        tenant = Tenant(merchant.id, live=False)
        _, key = await services.api_keys.create(tenant, KeyTerms(name="all", scopes=tuple(Scope), allowance=PLENTY))
        customer = await services.customers.create(tenant, NewCustomer(merchant_reference="c1"))
        shop = cls(services, tenant, key, customer.id)
        if minor:
            await shop.fund(minor)
        return shop

    async def fund(self, minor: int) -> None:
        ledger = ledger_number(CNY, live=False)
        bank, balance = await Chart(self.services.ledger).opened(
            [AccountKey(AccountCode.CUSTODY_BANK, ledger), customer_balance(ledger, self.tenant, self.customer)]
        )
        await self.services.ledger.create_transfers(
            [
                Transfer(
                    id=new_id(),
                    debit_account_id=bank,
                    credit_account_id=balance,
                    amount=minor,
                    ledger=ledger,
                    code=TransferCode.TEST_FUNDS,
                )
            ]
        )
